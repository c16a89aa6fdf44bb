import PQueue from 'p-queue';
import type { Clock } from '../platform/clock.ts';

/** Deletes first, then what people asked for, then timers, then lists that only look. */
export const PRIORITY = { deletion: 50, change: 0, timer: -10, list: -100 } as const;

export interface WorkQueueDeps {
  clock: Clock;
  concurrency: number;
  /** Runs one key. A rejection is a defect of the caller: it decides itself what follows a failure. */
  run: (key: string) => Promise<void>;
}

/**
 * client-go's work queue over p-queue. Its invariants:
 *
 * - a key is never run twice at a time;
 * - every add is followed by a run that starts after it: an add during a run marks the key dirty and it runs again;
 * - however often a key is added before it starts, it runs once, at the highest priority asked for;
 * - a delayed key becomes ready at the earliest time asked for, and a plain add makes it ready now.
 *
 * p-queue brings concurrency and priority; it does not deduplicate, and its time-outs would free a key that still
 * runs, so they are not used.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #run: (key: string) => Promise<void>;
  readonly #pool: PQueue;
  /** Wanted and not yet started: key → priority. */
  readonly #dirty = new Map<string, number>();
  readonly #processing = new Set<string>();
  readonly #delayed = new Map<string, { at: number; priority: number; cancel: () => void }>();
  #stopped = false;

  constructor({ clock, concurrency, run }: WorkQueueDeps) {
    this.#clock = clock;
    this.#run = run;
    this.#pool = new PQueue({ concurrency });
  }

  /** Keys that wait for a worker, now; not those that run or that are delayed. */
  get depth(): number {
    return this.#dirty.size;
  }

  add(key: string, priority: number = PRIORITY.change): void {
    if (this.#stopped) return;
    this.#cancelDelay(key);
    const asked = this.#dirty.get(key);
    if (asked !== undefined) {
      if (priority > asked) this.#raise(key, priority);
      return;
    }
    this.#dirty.set(key, priority);
    if (!this.#processing.has(key)) this.#enqueue(key, priority);
  }

  addAfter(key: string, ms: number, priority: number = PRIORITY.timer): void {
    if (this.#stopped) return;
    if (ms <= 0) {
      this.add(key, priority);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const before = this.#delayed.get(key);
    if (before && before.at <= at) {
      before.priority = Math.max(before.priority, priority);
      return;
    }
    this.#cancelDelay(key);
    const entry = {
      at,
      priority: Math.max(priority, before?.priority ?? priority),
      cancel: this.#clock.after(ms, () => {
        this.#delayed.delete(key);
        this.add(key, entry.priority);
      }),
    };
    this.#delayed.set(key, entry);
  }

  /** Takes no more keys, drops those that wait, and resolves when every run that has begun has truly ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#dirty.clear();
    this.#pool.clear();
    await this.#pool.onIdle();
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  #raise(key: string, priority: number): void {
    this.#dirty.set(key, priority);
    // While the key runs it is not in the pool: the raised priority is used when the run ends and it is queued again.
    if (!this.#processing.has(key)) this.#pool.setPriority(key, priority);
  }

  #enqueue(key: string, priority: number): void {
    // Both ends of the promise are handled inside, so that a defect surfaces as an unhandled rejection, not as silence.
    void this.#pool.add(() => this.#work(key), { id: key, priority });
  }

  async #work(key: string): Promise<void> {
    this.#dirty.delete(key);
    this.#processing.add(key);
    try {
      await this.#run(key);
    } finally {
      this.#processing.delete(key);
      const again = this.#dirty.get(key);
      if (again !== undefined) this.#enqueue(key, again);
    }
  }
}
