import { type BucketName, BUCKETS } from '../../../aws/buckets.ts';
import type { Held } from './attribution.ts';

/**
 * For how long AWS's own buckets, used up to the brim and by nobody else, would have held each of these calls back:
 * whoever sends it sooner is refused. The calls of all previews, those of each in their order, are sent once more through
 * full buckets, each as soon as AWS has answered what comes before it.
 */
export function rateFloors(all: readonly Held[]): Map<Held, number> {
  const buckets = new Map<BucketName, { tokens: number; at: number }>();
  const floors = new Map<Held, number>();
  const waiting = [...Map.groupBy(all, ({ id }) => id).values()].map((calls) => ({
    calls: calls.toSorted((a, b) => a.went - b.went),
    /** By how much the preview is earlier than it was. */
    ahead: 0,
  }));
  for (let left = all.length; left > 0; left -= 1) {
    const [next] = waiting
      .flatMap((preview) => {
        const [held] = preview.calls;
        return held ? [{ preview, held, ready: held.asked + held.need - preview.ahead }] : [];
      })
      .toSorted((a, b) => a.ready - b.ready);
    if (!next) break;
    const { preview, held, ready } = next;
    preview.calls.shift();
    const { burst, perSecond } = BUCKETS[held.bucket];
    const bucket = buckets.get(held.bucket) ?? { tokens: burst, at: ready };
    const at = Math.max(ready, bucket.at);
    const tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) * perSecond) / 1000);
    const lacks = Math.max(0, 1 - tokens);
    const goes = at + (lacks / perSecond) * 1000;
    buckets.set(held.bucket, { tokens: tokens + lacks - 1, at: goes });
    const late = held.went - held.asked - held.need;
    floors.set(held, Math.min(late, goes - ready));
    preview.ahead = held.went - goes;
  }
  return floors;
}
