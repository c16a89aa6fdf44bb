import { jitter, type Random } from '../platform/random.ts';

export interface RetryDelayOptions {
  baseMs: number;
  maxMs: number;
}

/** Per key: how long to wait after its n-th failure in a row. Doubles from the base to the cap, ±20 %. */
export class RetryDelays {
  readonly #failures = new Map<string, number>();
  readonly #random: Random;
  readonly #options: RetryDelayOptions;

  constructor(random: Random, options: RetryDelayOptions = { baseMs: 1_000, maxMs: 300_000 }) {
    this.#random = random;
    this.#options = options;
  }

  /** Counts one more failure and answers the delay before the next try; `baseMs` where this one is cured sooner than most. */
  next(key: string, baseMs = this.#options.baseMs): number {
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    const { maxMs } = this.#options;
    // The exponent is capped on its own: 2 ** 1100 is Infinity, and a preview can fail for two weeks.
    return jitter(this.#random, Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30)));
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Without this a key that has healed would keep the pace of its worst hour. */
  forget(key: string): void {
    this.#failures.delete(key);
  }
}
