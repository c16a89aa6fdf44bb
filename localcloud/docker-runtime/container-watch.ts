import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { ContainerExit } from '../task-runtime.ts';
import { type DockerCli, DockerError } from './docker-cli.ts';
import { type ContainerState, exitOf, hasEnded, hasStarted } from './exit.ts';
import { installFilter } from './labels.ts';

/** The engine's events say at once what happened; a list every so often finds what they did not say. */
const LIST_MS = 10_000;
const AGAIN_MS = 1_000;
/** How far back events are asked for: what happened while the command that prints them was starting. */
const BACK_S = 5;

/** Signals that are sent to end a program; others, such as SIGHUP, mean something else to it. */
const ENDING: Readonly<Record<string, string>> = { 2: 'SIGINT', 3: 'SIGQUIT', 9: 'SIGKILL', 15: 'SIGTERM' };

interface Event {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

interface Watched {
  started: PromiseWithResolvers<void>;
  ended: PromiseWithResolvers<ContainerExit>;
  stopOrdered: boolean;
  engineLost: boolean;
  signalled?: string;
}

export interface WatchDeps {
  docker: DockerCli;
  install: string;
  clock: Clock;
  log: Log;
}

/** Knows of every watched container when it starts and how it ends, also where the engine goes away meanwhile. */
export class ContainerWatch {
  readonly #deps: WatchDeps;
  readonly #watched = new Map<string, Watched>();
  #following = false;
  #engineLost = false;
  #wake = new AbortController();

  constructor(deps: WatchDeps) {
    this.#deps = deps;
  }

  /** `id` is the full one. `ended` resolves once, and with it the watch is over; neither rejects. */
  watch(id: string): { started: Promise<void>; ended: Promise<ContainerExit> } {
    const watched: Watched = {
      started: Promise.withResolvers(),
      ended: Promise.withResolvers(),
      stopOrdered: false,
      engineLost: false,
    };
    this.#watched.set(id, watched);
    if (!this.#following) void this.#follow();
    return { started: watched.started.promise, ended: watched.ended.promise };
  }

  /** From here on a signal to this container is ours, and its exit code says how it took it. */
  orderedToStop(id: string): void {
    const watched = this.#watched.get(id);
    if (watched) watched.stopOrdered = true;
  }

  /** Asks the engine now. Rejects with DockerError, unless the container is gone, which is an answer. */
  async look(id: string): Promise<void> {
    const state = await inspectState(this.#deps.docker, id);
    const watched = this.#watched.get(id);
    if (!watched) return;
    if (state === undefined) this.end(id, { signal: watched.signalled ?? 'SIGKILL' });
    else if (hasEnded(state)) this.end(id, exitOf(state, watched));
    else if (hasStarted(state)) watched.started.resolve();
  }

  /** Ends the watch with what is known; does nothing when it is over. */
  end(id: string, exit: ContainerExit): void {
    const watched = this.#watched.get(id);
    if (!watched) return;
    this.#watched.delete(id);
    watched.started.resolve();
    watched.ended.resolve(exit);
    if (this.#watched.size === 0) this.#wake.abort();
  }

  async #follow(): Promise<void> {
    const { docker, install, clock, log } = this.#deps;
    this.#following = true;
    while (this.#watched.size > 0) {
      this.#wake = new AbortController();
      const { signal } = this.#wake;
      const since = clock.now().getTime() / 1000 - BACK_S;
      const stream = docker.stream(eventArgs(install, since), (line) => this.#take(line));
      void stream.ended.then(() => this.#wake.abort());
      while (!signal.aborted) {
        await clock.sleep(LIST_MS, signal);
        await this.#list();
      }
      stream.close();
      if (this.#watched.size === 0) break;
      if (!this.#engineLost) log.warn('container events ended');
      await clock.sleep(AGAIN_MS);
    }
    this.#following = false;
  }

  #take(line: string): void {
    // What the command says of its own end comes the same way.
    if (!line.startsWith('{')) return;
    const { Action, Actor } = JSON.parse(line) as Event;
    const watched = this.#watched.get(Actor.ID);
    if (!watched) return;
    if (Action === 'start') watched.started.resolve();
    const signal = Action === 'kill' ? ENDING[Actor.Attributes['signal'] ?? ''] : undefined;
    if (signal !== undefined && !watched.stopOrdered) watched.signalled = signal;
    if (Action === 'die') {
      this.look(Actor.ID).catch((error: unknown) => {
        this.#deps.log.warn({ err: error, container: Actor.ID }, 'end of a container not read');
      });
    }
  }

  async #list(): Promise<void> {
    if (this.#watched.size === 0) return;
    const { docker, install, log } = this.#deps;
    const before = [...this.#watched.keys()];
    try {
      const rows = await docker.rows<{ ID: string; State: string }>([
        'ps',
        '--all',
        '--no-trunc',
        installFilter(install),
      ]);
      if (this.#engineLost) log.info('container engine answered again');
      this.#engineLost = false;
      const running = new Set(rows.filter(({ State }) => State === 'running').map(({ ID }) => ID));
      for (const id of before) {
        const watched = this.#watched.get(id);
        if (watched && running.has(id)) watched.engineLost = false;
      }
      await Promise.all(before.filter((id) => !running.has(id)).map((id) => this.look(id)));
    } catch (error) {
      this.#listFailed(error);
    }
  }

  #listFailed(error: unknown): void {
    const lost = error instanceof DockerError && error.kind === 'unreachable';
    if (lost) for (const watched of this.#watched.values()) watched.engineLost = true;
    if (lost && this.#engineLost) return;
    this.#engineLost = lost;
    this.#deps.log.error({ err: error }, lost ? 'container engine lost' : 'containers not listed');
  }
}

/** The state of a container; undefined when there is no such container. Rejects with DockerError. */
export async function inspectState(docker: DockerCli, id: string): Promise<ContainerState | undefined> {
  try {
    const printed = await docker.run(['inspect', '--type=container', '--format', '{{json .State}}', id]);
    return JSON.parse(printed) as ContainerState;
  } catch (error) {
    if (error instanceof DockerError && error.kind === 'absent') return undefined;
    throw error;
  }
}

function eventArgs(install: string, sinceSeconds: number): string[] {
  const actions = ['start', 'kill', 'die'].map((action) => `--filter=event=${action}`);
  const since = `--since=${sinceSeconds.toFixed(3)}`;
  return [
    'events',
    '--filter=type=container',
    ...actions,
    installFilter(install),
    since,
    '--format',
    '{{json .}}',
  ];
}
