import type { Clock } from '../../platform/clock.ts';

interface Timed {
  at: number;
  /** Decides among events of one instant: by the seed where order is a fault, else by who came first. */
  rank: number;
  order: number;
  fire: (() => void) | undefined;
}

/** The wall clock when a simulation begins. */
export const EPOCH = Date.parse('2026-01-01T00:00:00Z');

/** Lets every promise that can settle do so: the whole microtask queue is emptied between two macrotasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Time that moves only from event to event. Everything in a simulation that waits, waits here. */
export class VirtualTime {
  ms = 0;
  events = 0;
  readonly #rank: () => number;
  readonly #heap: Timed[] = [];
  #order = 0;

  constructor(rank: () => number = () => 0) {
    this.#rank = rank;
  }

  /** Runs `fire` after `ms`; the returned function cancels it. */
  schedule(ms: number, fire: () => void): () => void {
    this.#order += 1;
    const event: Timed = { at: this.ms + Math.max(0, ms), rank: this.#rank(), order: this.#order, fire };
    this.#push(event);
    return () => {
      event.fire = undefined;
    };
  }

  /** Fires what is due until `until`, letting everything come to rest in between; `check` sees every resting point. */
  async run(until: number, check: () => boolean = () => true): Promise<void> {
    await settled();
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.at > until) break;
      this.#pop();
      if (!next.fire) continue;
      this.ms = Math.max(this.ms, next.at);
      this.events += 1;
      next.fire();
      await settled();
      if (!check()) return;
    }
    this.ms = Math.max(this.ms, until);
  }

  #push(event: Timed): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || !before(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const [l, r] = [heap[left], heap[right]];
      const least = l && r && before(r, l) ? right : left;
      const child = heap[least];
      if (!child || !before(child, last)) break;
      heap[at] = child;
      at = least;
    }
    heap[at] = last;
  }
}

function before(a: Timed, b: Timed): boolean {
  return a.at !== b.at ? a.at < b.at : a.rank !== b.rank ? a.rank < b.rank : a.order < b.order;
}

/** A clock over virtual time; `deliver` stands between a timer and whoever set it. */
export function clockOf(
  time: VirtualTime,
  {
    skewMs = () => 0,
    deliver = (fire) => fire(),
  }: { skewMs?: () => number; deliver?: (fire: () => void) => void } = {},
): Clock {
  const after = (ms: number, fn: () => void) => time.schedule(ms, () => deliver(fn));
  return {
    now: () => new Date(EPOCH + time.ms + skewMs()),
    monotonic: () => time.ms,
    after,
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          signal?.removeEventListener('abort', aborted);
          resolve();
        };
        const cancel = after(ms, done);
        const aborted = () => {
          cancel();
          resolve();
        };
        signal?.addEventListener('abort', aborted, { once: true });
      });
    },
  };
}
