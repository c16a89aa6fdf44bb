import type { Clock } from '../../platform/clock.ts';
import { cannotStart, type ProcessCommand } from './command.ts';
import { type GuardedProcess, type GuardOptions, spawnGuarded } from './guarded-process.ts';
import { groupGone } from './process-group.ts';

/** Every process that one task has: its containers and their health checks. */
export class TaskProcesses {
  readonly #clock: Clock;
  readonly #platform: NodeJS.Platform;
  readonly #live = new Set<GuardedProcess>();
  readonly #spawning = new Set<Promise<unknown>>();
  #over = false;

  constructor({ clock, platform }: { clock: Clock; platform: NodeJS.Platform }) {
    this.#clock = clock;
    this.#platform = platform;
  }

  /** Rejects with TaskStartError, also when the task is over. */
  async spawn(command: ProcessCommand, options: GuardOptions): Promise<GuardedProcess> {
    if (this.#over) throw cannotStart('the task is over');
    const spawning = spawnGuarded(command, options);
    this.#spawning.add(spawning);
    try {
      const started = await spawning;
      this.#live.add(started);
      void started.ended.then(() => this.#live.delete(started));
      return started;
    } finally {
      this.#spawning.delete(spawning);
    }
  }

  /** Kills what still runs; resolves when nothing of it does any more. */
  async end(): Promise<void> {
    this.#over = true;
    await Promise.allSettled(this.#spawning);
    await Promise.all(
      [...this.#live].map(async (process) => {
        process.signal('SIGKILL');
        await process.ended;
        await groupGone(process.pgid, this.#clock, this.#platform);
      }),
    );
  }
}
