import { toSeconds } from '../platform/clock.ts';

const HOUR_MS = 3_600_000;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * When a preview created at `createdAt` with a life of `ttlHours` ends: canonical UTC seconds. Rounded up, because
 * a preview must not die earlier than it was promised.
 */
export function expiresAt(createdAt: string, ttlHours: number): string {
  const end = new Date(createdAt).getTime() + ttlHours * HOUR_MS;
  return toSeconds(new Date(Math.ceil(end / 1000) * 1000));
}

/** True from the very second of `expires_at` on. Both sides are canonical UTC seconds, which sort as text. */
export function isDue(expires_at: string, now: Date): boolean {
  return expires_at <= toSeconds(now);
}

/**
 * The canonical form of an instant that a person typed, or undefined when it is none. A time without a zone is
 * refused: guessing one would end a preview hours off.
 */
export function canonicalInstant(text: unknown): string | undefined {
  if (typeof text !== 'string' || !INSTANT.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : toSeconds(new Date(Math.ceil(ms / 1000) * 1000));
}
