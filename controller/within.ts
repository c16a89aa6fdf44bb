import type { Clock } from '../platform/clock.ts';

/** Resolves when `work` has ended, or after `ms` if that comes first; rejects only as `work` does. Leaves no timer behind. */
export async function within(work: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const cancel = clock.after(ms, late.resolve);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
}
