import type { Clock } from '../../platform/clock.ts';

interface Timer {
  at: number;
  fn: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #ms = 0;
  #epoch: number;
  readonly #timers = new Set<Timer>();

  constructor(start = '2026-01-01T00:00:00Z') {
    this.#epoch = Date.parse(start);
  }

  now(): Date {
    return new Date(this.#epoch + this.#ms);
  }

  monotonic(): number {
    return this.#ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const cancel = this.after(ms, resolve);
      signal?.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#ms + ms, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not fired: a part that was stopped leaves none. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on, firing every timer on the way in its order, and lets what they started settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms;
    for (;;) {
      await settle();
      const next = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#ms = Math.max(this.#ms, next.at);
      next.fn();
    }
    this.#ms = end;
    await settle();
  }

  /** Steps the wall clock without moving monotonic time, as an NTP correction does. */
  step(ms: number): void {
    this.#epoch += ms;
  }
}

/** Lets promises and immediate I/O that are already on their way come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
