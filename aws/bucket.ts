/** A token bucket of AWS's: `burst` calls at once, `perSecond` in the long run. */
export interface BucketSize {
  burst: number;
  perSecond: number;
}

/** A token bucket at one moment. A value: whoever takes from it gets a new one. Times are monotonic milliseconds. */
export interface Bucket {
  readonly size: BucketSize;
  readonly at: number;
  readonly tokens: number;
  /** What it refills with at `at`: less than its size says after a throttle. */
  readonly perSecond: number;
  /** Whether that rises again: only since AWS has taken a call after the last one that it refused. */
  readonly rising: boolean;
  readonly slowedAt: number;
}

/** From nothing to its full rate a bucket takes this long, whatever that rate is. */
const RECOVERY_S = 60;
/** No storm makes a bucket slower than a call in ten seconds: somebody has to notice that it is over. */
const LEAST_PER_SECOND = 0.1;

/** A full bucket that holds `share` of what AWS grants, and at least one call. */
export function fullBucket({ burst, perSecond }: BucketSize, share: number, now: number): Bucket {
  const size = { burst: Math.max(1, burst * share), perSecond: perSecond * share };
  return { size, at: now, tokens: size.burst, perSecond: size.perSecond, rising: true, slowedAt: -Infinity };
}

/** The same bucket, later. */
export function refilled(bucket: Bucket, now: number): Bucket {
  const s = (now - bucket.at) / 1000;
  if (s <= 0) return bucket;
  const { size, perSecond } = bucket;
  const risingS = Math.min(s, riseS(bucket));
  return {
    ...bucket,
    at: now,
    tokens: Math.min(size.burst, bucket.tokens + gained(bucket, s)),
    perSecond: Math.min(size.perSecond, perSecond + climb(size) * risingS),
  };
}

/** The bucket without the token of one call, or undefined where it has none. */
export function taken(bucket: Bucket, now: number): Bucket | undefined {
  const later = refilled(bucket, now);
  return later.tokens < 1 ? undefined : { ...later, tokens: later.tokens - 1 };
}

/** Whole milliseconds until the next call may go, if nobody takes anything meanwhile. */
export function readyIn(bucket: Bucket, now: number): number {
  const later = refilled(bucket, now);
  const { size, perSecond } = later;
  const lacking = 1 - later.tokens;
  if (lacking <= 0) return 0;
  const rise = climb(size);
  const untilFull = riseS(later);
  const rising = gained(later, untilFull);
  const s =
    lacking <= rising
      ? (Math.sqrt(perSecond ** 2 + 2 * rise * lacking) - perSecond) / rise
      : untilFull + (lacking - rising) / settledRate(later);
  return Math.ceil(s * 1000);
}

/**
 * AWS has refused a call that was sent at `sentAt`: others draw from its bucket, too. Goes on from empty at half the
 * rate. Calls that were under way together count as one refusal: they say the same thing.
 */
export function slowed(bucket: Bucket, now: number, sentAt: number): Bucket {
  if (sentAt <= bucket.slowedAt) return bucket;
  const later = refilled(bucket, now);
  const least = Math.min(LEAST_PER_SECOND, later.size.perSecond);
  const perSecond = Math.max(least, later.perSecond / 2);
  return { ...later, tokens: 0, perSecond, rising: false, slowedAt: now };
}

/** AWS has taken a call that was sent at `sentAt`, whatever came of it. */
export function accepted(bucket: Bucket, now: number, sentAt: number): Bucket {
  if (bucket.rising || sentAt <= bucket.slowedAt) return bucket;
  return { ...refilled(bucket, now), rising: true };
}

/** By how much the rate of a bucket rises in a second. */
function climb({ perSecond }: BucketSize): number {
  return perSecond / RECOVERY_S;
}

/** For how many seconds it still rises. */
function riseS({ size, perSecond, rising }: Bucket): number {
  return rising ? (size.perSecond - perSecond) / climb(size) : 0;
}

function settledRate({ size, perSecond, rising }: Bucket): number {
  return rising ? size.perSecond : perSecond;
}

/** Tokens that come in `s` seconds. */
function gained(bucket: Bucket, s: number): number {
  const risingS = Math.min(s, riseS(bucket));
  const inRise = bucket.perSecond * risingS + (climb(bucket.size) * risingS ** 2) / 2;
  return inRise + settledRate(bucket) * (s - risingS);
}
