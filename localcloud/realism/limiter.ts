import type { Clock } from '../../platform/clock.ts';
import { STRICT_ELBV2, THROTTLES } from './throttles.ts';
import { type BucketSize, fullBucket, refilled, taken, type TokenBucket } from './token-bucket.ts';

/** The buckets of one account: a call that finds one of its own empty is refused, and takes from none. */
export class Limiter {
  readonly #clock: Clock;
  readonly #sizes = new Map<string, BucketSize[]>();
  readonly #buckets = new Map<BucketSize, TokenBucket>();

  constructor({ clock, strict = false }: { clock: Clock; strict?: boolean | undefined }) {
    this.#clock = clock;
    for (const [service, throttles] of Object.entries(THROTTLES)) {
      const also = strict && service === 'elbv2' ? [STRICT_ELBV2] : [];
      for (const throttle of throttles) {
        for (const operation of throttle.operations)
          this.#sizes.set(`${service}.${operation}`, [throttle, ...also]);
      }
    }
  }

  /** Takes what one call costs; false where AWS would answer "Rate exceeded". */
  admits(service: string, operation: string): boolean {
    return this.takes(...(this.#sizes.get(`${service}.${operation}`) ?? []));
  }

  /** Takes a token of each bucket, or of none. */
  takes(...sizes: readonly BucketSize[]): boolean {
    const now = this.#clock.monotonic();
    const buckets = sizes.map((size) =>
      refilled(this.#buckets.get(size) ?? fullBucket(size, now), size, now),
    );
    const enough = buckets.every(({ tokens }) => tokens >= 1);
    for (const [n, size] of sizes.entries()) {
      const bucket = buckets[n];
      if (bucket) this.#buckets.set(size, enough ? taken(bucket) : bucket);
    }
    return enough;
  }
}
