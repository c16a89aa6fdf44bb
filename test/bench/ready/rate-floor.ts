import { type BucketName, BUCKETS } from '../../../aws/buckets.ts';
import type { Held } from './attribution.ts';

/**
 * For how long AWS's own buckets, used up to the brim and by nobody else, would have held each of these calls back:
 * whoever sends it sooner is refused. The calls of all previews are sent once more through a full bucket, in the order in
 * which they went; each comes as much sooner as its preview has saved by then.
 */
export function heldByAws(all: readonly Held[]): Map<Held, number> {
  const buckets = new Map<BucketName, { tokens: number; at: number }>();
  const saved = new Map<string, number>();
  const floors = new Map<Held, number>();
  for (const held of all.toSorted((a, b) => a.went - b.went)) {
    const { burst, perSecond } = BUCKETS[held.bucket];
    const gain = saved.get(held.id) ?? 0;
    const asked = held.asked - gain;
    const before = buckets.get(held.bucket) ?? { tokens: burst, at: asked };
    const came = Math.max(asked, before.at);
    const tokens = Math.min(burst, before.tokens + ((came - before.at) * perSecond) / 1000);
    const lacks = Math.max(0, 1 - tokens);
    const went = came + (lacks / perSecond) * 1000;
    buckets.set(held.bucket, { tokens: tokens + lacks - 1, at: went });
    const waited = held.went - held.asked;
    const floor = Math.min(waited, went - asked);
    floors.set(held, floor);
    saved.set(held.id, gain + waited - floor);
  }
  return floors;
}
