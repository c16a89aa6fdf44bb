import type { ContainerLaunch, RunningContainer, TaskLaunch, TaskPlace } from '../task-runtime.ts';
import { containerArgs } from './container-args.ts';
import { type ContainerDeps, DockerContainer } from './container.ts';
import type { Engine } from './engine.ts';
import { withEnvArgs } from './env-file.ts';
import { startFailure } from './failures.ts';
import { containerName, pauseName } from './labels.ts';
import type { Removal } from './removal.ts';

/** `NetworkSettings.Ports` of the container that holds the task's network. */
export type PublishedPorts = Readonly<Record<string, { HostIp: string; HostPort: string }[] | null>>;

export interface PlaceDeps extends ContainerDeps {
  install: string;
  engine: Engine;
  removal: Removal;
  /** Where env files stand for as long as a container takes to be created. */
  envFolder: string;
  /** Called once, when nothing of the task is left. */
  left: () => Promise<void>;
}

export class DockerTaskPlace implements TaskPlace {
  readonly #deps: PlaceDeps;
  readonly #launch: TaskLaunch;
  readonly #ports: PublishedPorts;
  readonly #starting = new Set<Promise<RunningContainer>>();
  #closing: Promise<void> | undefined;

  constructor(deps: PlaceDeps, launch: TaskLaunch, ports: PublishedPorts) {
    this.#deps = deps;
    this.#launch = launch;
    this.#ports = ports;
  }

  endpoint(containerPort: number): { address: string; port: number } | undefined {
    const published = this.#ports[`${containerPort}/tcp`]?.[0];
    return published && { address: published.HostIp, port: Number(published.HostPort) };
  }

  async start(name: string): Promise<RunningContainer> {
    const container = this.#launch.containers.find((each) => each.name === name);
    if (!container) throw new Error(`the task has no container ${name}`);
    if (this.#closing) throw new Error(`the task of container ${name} is closed`);
    const starting = this.#start(container);
    this.#starting.add(starting);
    return starting.finally(() => this.#starting.delete(starting));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // A container that is being created now would come after its own removal.
    await Promise.allSettled(this.#starting);
    await this.#deps.removal.remove(namesOf(this.#launch));
    await this.#deps.left();
  }

  async #start(container: ContainerLaunch): Promise<RunningContainer> {
    const { docker, install, engine, envFolder } = this.#deps;
    const launch = this.#launch;
    const name = containerName(launch.taskId, container.name);
    let id: string;
    try {
      id = await withEnvArgs(container.env, { folder: envFolder, name }, (envArgs) =>
        docker.run(containerArgs({ install, launch, container, engine, envArgs })),
      );
    } catch (error) {
      throw startFailure('create', error);
    }
    return DockerContainer.start(this.#deps, id, container);
  }
}

/** Every container that a task can have, whether it was started or not. */
export function namesOf({ taskId, containers }: TaskLaunch): string[] {
  return [...containers.map(({ name }) => containerName(taskId, name)), pauseName(taskId)];
}
