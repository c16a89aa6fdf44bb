import { setTimeout as delay } from 'node:timers/promises';

/**
 * The only door to time. Everything that reads the hour, measures a span or waits takes a Clock, so that the
 * simulation can run the same code on virtual time.
 */
export interface Clock {
  /** Wall-clock time: for records and people. It can step; never subtract two of them to measure a span. */
  now(): Date;
  /** Milliseconds on a clock that never steps: for leases, deadlines and durations. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; resolves early, without throwing, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `fn` once after `ms` milliseconds; the returned function cancels it. Never keeps a process alive. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    if (signal?.aborted) return;
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  },
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** Canonical UTC seconds, `2024-01-01T14:00:00Z`: sorts as text in the order of time. */
export function toSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
