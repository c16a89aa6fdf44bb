import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import {
  type ContainerExit,
  type ContainerLaunch,
  type RunningContainer,
  TaskStartError,
} from '../task-runtime.ts';
import { type ContainerWatch, inspectState } from './container-watch.ts';
import { type DockerCli, DockerError } from './docker-cli.ts';
import { ENGINE_LOST, hasStarted } from './exit.ts';
import { startFailure } from './failures.ts';
import { Output } from './output.ts';

const START_TIMEOUT_MS = 60_000;
/** How long after the end of a container its last lines may still be on the way. */
const DRAIN_MS = 2_000;
/** How long a container is tried to be stopped while no engine answers. */
const STOP_PATIENCE_MS = 10_000;
const STOP_AGAIN_MS = 500;
/** Beside the container's own time to stop, what the engine needs to do it. */
const STOP_MARGIN_MS = 30_000;
const CHECK_ENDS_MS = 60 * 60_000;

export interface ContainerDeps {
  docker: DockerCli;
  watch: ContainerWatch;
  clock: Clock;
  log: Log;
}

/** One container of a task, from its start on. */
export class DockerContainer implements RunningContainer {
  readonly exited: Promise<ContainerExit>;
  readonly #deps: ContainerDeps;
  readonly #id: string;
  readonly #stopTimeoutMs: number;
  #over = false;
  #checking: Promise<boolean> | undefined;

  private constructor(
    deps: ContainerDeps,
    { id, stopTimeoutMs, exited }: { id: string; stopTimeoutMs: number; exited: Promise<ContainerExit> },
  ) {
    this.#deps = deps;
    this.#id = id;
    this.#stopTimeoutMs = stopTimeoutMs;
    this.exited = exited.then((exit) => {
      this.#over = true;
      return exit;
    });
  }

  /** Starts the created container `id`. Rejects with TaskStartError. */
  static async start(deps: ContainerDeps, id: string, launch: ContainerLaunch): Promise<DockerContainer> {
    const { watch } = deps;
    const { started, ended } = watch.watch(id);
    const output = new Output(deps, id, launch.onLog);
    try {
      await waitForStart(deps, { id, started, output });
    } catch (error) {
      watch.end(id, { signal: 'SIGKILL' });
      output.drop();
      throw startFailure('start', error);
    }
    output.release(ended);
    const exited = ended.then(async (exit) => {
      await output.drained(DRAIN_MS);
      return exit;
    });
    return new DockerContainer(deps, { id, stopTimeoutMs: launch.stopTimeoutMs, exited });
  }

  async stop(): Promise<void> {
    const { watch, clock, log } = this.#deps;
    const patienceEnds = clock.monotonic() + STOP_PATIENCE_MS;
    while (!this.#over) {
      try {
        await this.#stopOnce();
        break;
      } catch (error) {
        if (clock.monotonic() >= patienceEnds) {
          log.error({ err: error, container: this.#id }, 'container not stopped');
          // What is left of it goes with the place, or with the next start of this install.
          watch.end(this.#id, ENGINE_LOST);
          break;
        }
        await clock.sleep(STOP_AGAIN_MS);
      }
    }
    await this.exited;
  }

  async #stopOnce(): Promise<void> {
    const { docker, watch } = this.#deps;
    watch.orderedToStop(this.#id);
    const seconds = Math.ceil(this.#stopTimeoutMs / 1000);
    try {
      await docker.run(['stop', `--time=${seconds}`, this.#id], {
        timeoutMs: this.#stopTimeoutMs + STOP_MARGIN_MS,
      });
    } catch (error) {
      if (!(error instanceof DockerError) || error.kind !== 'absent') throw error;
    }
    await watch.look(this.#id);
  }

  async check(argv: readonly string[], timeoutMs: number): Promise<boolean> {
    // A check that hangs cannot be ended from outside its container: while it does, there is no other.
    if (this.#over || this.#checking) return false;
    const checking = this.#deps.docker
      .run(['exec', this.#id, ...argv], { timeoutMs: CHECK_ENDS_MS })
      .then(
        () => true,
        () => false,
      )
      .finally(() => (this.#checking = undefined));
    this.#checking = checking;
    const answered = new AbortController();
    const late = this.#deps.clock.sleep(timeoutMs, answered.signal).then(() => false);
    const healthy = await Promise.race([checking, late]);
    answered.abort();
    return healthy;
  }
}

interface Starting {
  id: string;
  started: Promise<void>;
  output: Output;
}

async function waitForStart(
  { docker, clock }: ContainerDeps,
  { id, started, output }: Starting,
): Promise<void> {
  const known = new AbortController();
  const late = clock.sleep(START_TIMEOUT_MS, known.signal).then(() => 'late');
  const first = await Promise.race([started, output.firstEnded, late]);
  known.abort();
  if (first === 'late') throw new DockerError('late', `not started within ${START_TIMEOUT_MS / 1000} s`);
  // `docker start` ends with a container that could not be started, and with one that has ended already.
  const state = await inspectState(docker, id);
  if (state === undefined) throw new TaskStartError('CannotStartContainerError: the container was removed');
  if (!hasStarted(state)) {
    throw new TaskStartError(`CannotStartContainerError: Error response from daemon: ${state.Error}`);
  }
}
