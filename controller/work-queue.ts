import PQueue from 'p-queue';
import type { Clock } from '../platform/clock.ts';

/** Deletes first, then what people asked for, then timers, then lists that only look. */
export const PRIORITY = { deletion: 50, change: 0, timer: -10, list: -100 } as const;

/** What a queue tells of itself while it works; what it holds at an instant is asked of it, see WorkQueue.depths. */
export interface QueueObserver {
  /** A key became wanted: once for all adds that one run answers. */
  onAdd(priority: number): void;
  /** A key was asked for later: a retry, or a timer. */
  onDelay(): void;
  /** A key left the queue for a worker, after so many milliseconds of being ready. */
  onStart(waitedMs: number): void;
  onEnd(workedMs: number): void;
}

export interface WorkQueueDeps {
  clock: Clock;
  concurrency: number;
  /**
   * Runs one key, at the priority it was handed out with: a retry should keep it. A rejection is a defect of the
   * caller: it decides itself what follows a failure.
   */
  run: (key: string, priority: number) => Promise<void>;
  observer?: QueueObserver;
}

/** A key that is wanted. There is at most one of them a key, besides a run of that key that has begun. */
interface Item {
  priority: number;
  /** Until when it is held back; undefined once it is ready. */
  delay: { at: number; cancel: () => void } | undefined;
  readyAt: number;
  /** Place in the order of getting ready. It stays when the priority rises: who waits longest is first among equals. */
  place: number;
}

/** Room for the places below each priority: more than a process can fill. */
const PLACES = 2 ** 40;

/**
 * client-go's work queue, in the form of controller-runtime's priority queue, over p-queue. Its invariants:
 *
 * - a key is never run twice at a time;
 * - every add is followed by a run that starts after it: an add during a run makes the key run again after it;
 * - a key is kept once: its priority is the highest asked for, and it is ready at the earliest time asked for, so a
 *   plain add makes a delayed key ready now, and a later time asked for a ready key changes nothing;
 * - ready keys start by priority, and in the order in which they got ready inside one.
 *
 * p-queue brings concurrency and order; it does not deduplicate, and its time-outs would free a key that still runs,
 * so they are not used.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #run: WorkQueueDeps['run'];
  readonly #observer: QueueObserver | undefined;
  readonly #pool: PQueue;
  /** Wanted and not yet handed out: ready or delayed. */
  readonly #items = new Map<string, Item>();
  /** Handed out, each since when. */
  readonly #processing = new Map<string, number>();
  #places = 0;
  #stopped = false;

  constructor({ clock, concurrency, run, observer }: WorkQueueDeps) {
    this.#clock = clock;
    this.#run = run;
    this.#observer = observer;
    this.#pool = new PQueue({ concurrency });
  }

  /** Keys that are ready and wait for a worker or for the end of their own run; not those that are delayed. */
  get depth(): number {
    return [...this.depths().values()].reduce((sum, n) => sum + n, 0);
  }

  /** The same by priority. */
  depths(): Map<number, number> {
    const depths = new Map<number, number>();
    for (const { priority, delay } of this.#items.values()) {
      if (!delay) depths.set(priority, (depths.get(priority) ?? 0) + 1);
    }
    return depths;
  }

  /** How long each run that has not ended has taken so far, in milliseconds, longest first. */
  running(): number[] {
    const now = this.#clock.monotonic();
    return [...this.#processing.values()].map((since) => now - since);
  }

  /** Whether a run of the key is under way, or sure to come. */
  has(key: string): boolean {
    return this.#items.has(key) || this.#processing.has(key);
  }

  add(key: string, priority: number = PRIORITY.change): void {
    this.#want(key, 0, priority);
  }

  addAfter(key: string, ms: number, priority: number = PRIORITY.timer): void {
    if (ms > 0 && !this.#stopped) this.#observer?.onDelay();
    this.#want(key, ms, priority);
  }

  /** Takes no more keys, drops those that wait, and resolves when every run that has begun has truly ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { delay } of this.#items.values()) delay?.cancel();
    this.#items.clear();
    this.#pool.clear();
    await this.#pool.onIdle();
  }

  #want(key: string, ms: number, priority: number): void {
    if (this.#stopped) return;
    const item = this.#items.get(key);
    if (!item) {
      const fresh: Item = { priority, delay: undefined, readyAt: 0, place: 0 };
      this.#items.set(key, fresh);
      if (ms > 0) this.#holdBack(key, fresh, ms);
      else this.#ready(key, fresh);
      return;
    }
    this.#raise(key, item, priority);
    if (!item.delay) return;
    if (ms > 0) this.#holdBack(key, item, ms);
    else this.#ready(key, item);
  }

  #raise(key: string, item: Item, priority: number): void {
    if (priority <= item.priority) return;
    item.priority = priority;
    // A delayed key, and one whose run has not ended, are not in the pool: they get there with the raised priority.
    if (!item.delay && !this.#processing.has(key)) this.#pool.setPriority(key, rank(item));
  }

  /** The earliest time asked for counts. */
  #holdBack(key: string, item: Item, ms: number): void {
    const at = this.#clock.monotonic() + ms;
    if (item.delay && item.delay.at <= at) return;
    item.delay?.cancel();
    item.delay = { at, cancel: this.#clock.after(ms, () => this.#ready(key, item)) };
  }

  #ready(key: string, item: Item): void {
    item.delay?.cancel();
    item.delay = undefined;
    item.readyAt = this.#clock.monotonic();
    this.#places += 1;
    item.place = this.#places;
    this.#observer?.onAdd(item.priority);
    if (!this.#processing.has(key)) this.#enqueue(key, item);
  }

  #enqueue(key: string, item: Item): void {
    // Both ends of the promise are handled inside, so that a defect surfaces as an unhandled rejection, not as silence.
    void this.#pool.add(() => this.#work(key, item), { id: key, priority: rank(item) });
  }

  async #work(key: string, item: Item): Promise<void> {
    const start = this.#clock.monotonic();
    this.#items.delete(key);
    this.#processing.set(key, start);
    this.#observer?.onStart(start - item.readyAt);
    try {
      await this.#run(key, item.priority);
    } finally {
      this.#processing.delete(key);
      this.#observer?.onEnd(this.#clock.monotonic() - start);
      const again = this.#items.get(key);
      if (again && !again.delay) this.#enqueue(key, again);
    }
  }
}

/** p-queue keeps the order of equal priorities, but loses it when one is raised: so no two keys have equal ones. */
function rank({ priority, place }: Item): number {
  return priority * PLACES - place;
}
