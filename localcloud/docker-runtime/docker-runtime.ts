import { join } from 'node:path';

import type { Clock } from '../../platform/clock.ts';
import type { Env } from '../../platform/config.ts';
import type { Log } from '../../platform/log.ts';
import type { TaskLaunch, TaskPlace, TaskRuntime } from '../task-runtime.ts';
import { pauseArgs, PLATFORMS } from './container-args.ts';
import { ContainerWatch } from './container-watch.ts';
import { DockerCli, DockerError } from './docker-cli.ts';
import { type Engine, findEngine } from './engine.ts';
import { startFailure } from './failures.ts';
import { Images } from './images.ts';
import { pauseName } from './labels.ts';
import { TaskNetwork } from './network.ts';
import { ensurePauseImage } from './pause-image.ts';
import { Removal, removeInstall } from './removal.ts';
import { DockerTaskPlace, namesOf, type PublishedPorts } from './task-place.ts';

export interface DockerRuntimeDeps {
  clock: Clock;
  log: Log;
  /** A folder of this install, for what must not be seen by others while a container is created. */
  path: string;
  /** Marks what is ours on an engine that others use too. The same for every run on one state folder. */
  install: string;
  hostEnv: Env;
}

/**
 * Runs tasks as Docker containers. A container that waits holds the task's network and publishes its ports to
 * 127.0.0.1; the task's own containers join it there, so that they reach each other on localhost, as on Fargate.
 * What a process that was killed has left is found by its label and removed.
 */
export function createDockerRuntime(deps: DockerRuntimeDeps): TaskRuntime {
  return new DockerRuntime(deps);
}

const PORTS = '{{json .NetworkSettings.Ports}}';

/** Why no engine can be asked to run a container; undefined when one answers. */
export async function whyNoEngine(hostEnv: Env): Promise<string | undefined> {
  try {
    await findEngine(new DockerCli(hostEnv));
    return undefined;
  } catch (error) {
    if (error instanceof DockerError) return error.message;
    throw error;
  }
}

interface Ready extends Engine {
  pauseImage: string;
}

class DockerRuntime implements TaskRuntime {
  readonly #deps: DockerRuntimeDeps;
  readonly #docker: DockerCli;
  readonly #images: Images;
  readonly #network: TaskNetwork;
  readonly #watch: ContainerWatch;
  readonly #removal: Removal;
  #ready: Promise<Ready> | undefined;

  constructor(deps: DockerRuntimeDeps) {
    const { clock, log, install } = deps;
    const docker = new DockerCli(deps.hostEnv);
    this.#deps = deps;
    this.#docker = docker;
    this.#images = new Images(docker);
    this.#network = new TaskNetwork({ docker, install, log });
    this.#watch = new ContainerWatch({ docker, install, clock, log });
    this.#removal = new Removal(docker, log);
  }

  async prepare(launch: TaskLaunch): Promise<TaskPlace> {
    let stage: 'pull' | 'place' = 'pull';
    let joined = false;
    try {
      const ready = await this.#engine();
      await this.#removal.remove([]);
      const platform = launch.arch && PLATFORMS[launch.arch];
      await Promise.all([...imagesOf(launch)].map((image) => this.#images.ensure(image, platform)));
      stage = 'place';
      await this.#network.join();
      joined = true;
      return await this.#open(launch, ready);
    } catch (error) {
      if (joined) {
        await this.#removal.remove([pauseName(launch.taskId)]);
        await this.#network.leave();
      }
      throw startFailure(stage, error);
    }
  }

  async reclaim(): Promise<void> {
    try {
      await this.#engine();
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      // Whoever needs the engine later hears of it then, and it is reclaimed before anything starts.
      this.#deps.log.info({ err: error }, 'no container engine answered');
    }
  }

  async #open(launch: TaskLaunch, ready: Ready): Promise<TaskPlace> {
    const { clock, log, install, path } = this.#deps;
    const docker = this.#docker;
    const id = await docker.run(pauseArgs(launch, install, ready.pauseImage, this.#network.name));
    const ports = await docker.run(['inspect', '--type=container', '--format', PORTS, id]);
    const deps = {
      docker,
      clock,
      log,
      install,
      engine: ready,
      watch: this.#watch,
      removal: this.#removal,
      envFolder: join(path, 'docker-env'),
      left: () => this.#network.leave(),
    };
    log.debug({ task_id: launch.taskId, containers: namesOf(launch) }, 'task place opened');
    return new DockerTaskPlace(deps, launch, JSON.parse(ports) as PublishedPorts);
  }

  /** The engine, once it has answered and nothing of an earlier process is left on it. */
  #engine(): Promise<Ready> {
    this.#ready ??= this.#meet().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #meet(): Promise<Ready> {
    const engine = await findEngine(this.#docker);
    const removed = await removeInstall(this.#docker, this.#deps.install);
    if (removed > 0) this.#deps.log.info({ containers: removed }, 'left-over containers removed');
    return { ...engine, pauseImage: await ensurePauseImage(this.#docker, engine.architecture) };
  }
}

function imagesOf({ containers }: TaskLaunch): Set<string> {
  return new Set(containers.map(({ image }) => image));
}
