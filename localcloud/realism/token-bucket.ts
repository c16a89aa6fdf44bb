/** `burst` calls at once, `perSecond` in the long run. */
export interface BucketSize {
  burst: number;
  perSecond: number;
}

/** A bucket at one moment. A value: whoever takes from it gets a new one. `at` is on the monotonic clock. */
export interface TokenBucket {
  readonly tokens: number;
  readonly at: number;
}

export function fullBucket({ burst }: BucketSize, now: number): TokenBucket {
  return { tokens: burst, at: now };
}

/** The bucket later, refilled. */
export function refilled(bucket: TokenBucket, { burst, perSecond }: BucketSize, now: number): TokenBucket {
  const gained = (Math.max(0, now - bucket.at) * perSecond) / 1000;
  return { tokens: Math.min(burst, bucket.tokens + gained), at: Math.max(now, bucket.at) };
}

/** The bucket without one token; it must hold one. */
export function taken(bucket: TokenBucket): TokenBucket {
  return { ...bucket, tokens: bucket.tokens - 1 };
}
