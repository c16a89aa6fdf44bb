import type { CheckTarget } from '../../localcloud/elbv2/target-health.ts';
import {
  type ContainerExit,
  type RunningContainer,
  type TaskLaunch,
  type TaskPlace,
  type TaskRuntime,
  TaskStartError,
} from '../../localcloud/task-runtime.ts';
import type { Clock } from '../../platform/clock.ts';

/** Images that the simulated engine knows: what becomes of a task that runs them. */
export const IMAGES = {
  good: 'acme/web:good',
  better: 'acme/web:better',
  /** Is not in its registry. */
  missing: 'acme/web:missing',
  /** Ends by itself a second after its start. */
  crashing: 'acme/web:crashing',
  /** Answers 500 to every health check. */
  sick: 'acme/web:sick',
} as const;
export type Image = (typeof IMAGES)[keyof typeof IMAGES];

export const SERVING: ReadonlySet<string> = new Set([IMAGES.good, IMAGES.better]);

/** What listens below is no task: the waiting room. */
const FIRST_PORT = 10_000;
const START_MS = 2_000;
const CRASH_MS = 1_000;

/** Runs nothing: a task is a port, and its image says how it behaves. */
export class SimTasks implements TaskRuntime {
  readonly #clock: Clock;
  readonly #images = new Map<number, string>();
  #port = FIRST_PORT;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async prepare({ containers }: TaskLaunch): Promise<TaskPlace> {
    await this.#clock.sleep(START_MS);
    if (containers.some(({ image }) => image === IMAGES.missing))
      throw new TaskStartError('CannotPullContainerError: image not found');
    const ports = new Map<number, number>();
    for (const port of containers.flatMap((one) => one.ports)) ports.set(port, this.#port++);
    return {
      endpoint: (port) => {
        const at = ports.get(port);
        return at === undefined ? undefined : { address: '10.0.0.1', port: at };
      },
      start: async (name) => {
        const container = containers.find((one) => one.name === name);
        return this.#start(
          container?.image ?? '',
          (container?.ports ?? []).flatMap((port) => ports.get(port) ?? []),
        );
      },
      close: async () => undefined,
    };
  }

  #start(image: string, ports: readonly number[]): RunningContainer {
    const exited = Promise.withResolvers<ContainerExit>();
    for (const port of ports) this.#images.set(port, image);
    const end = (exit: ContainerExit) => {
      for (const port of ports) this.#images.delete(port);
      exited.resolve(exit);
    };
    if (image === IMAGES.crashing) this.#clock.after(CRASH_MS, () => end({ exitCode: 1 }));
    return {
      exited: exited.promise,
      stop: async () => end({ exitCode: 143 }),
      check: async () => SERVING.has(image),
    };
  }

  async reclaim(): Promise<void> {}

  /** Whether what listens on the port serves requests. */
  serves(port: number): boolean {
    return SERVING.has(this.#images.get(port) ?? '');
  }

  readonly checkTarget: CheckTarget = async ({ port }) => {
    if (this.serves(port) || port < FIRST_PORT) return { ok: true };
    return this.#images.has(port)
      ? {
          ok: false,
          reason: 'Target.ResponseCodeMismatch',
          description: 'Health checks failed with these codes: [500]',
        }
      : { ok: false, reason: 'Target.FailedHealthChecks', description: 'Health checks failed' };
  };
}
