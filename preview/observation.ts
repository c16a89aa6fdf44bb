import { canonicalInstant } from './expiry.ts';

/**
 * `observed_event` of a record: the newest event that AWS has sent about it, as `<time>#<id>`. Events come twice, late and
 * out of order; marks sort as text by their time, and only a greater one is ever written, so that the same events
 * leave the same mark whatever their order. It asks for nothing: it only says that it is worth a look.
 */
const MARK = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ#[\w-]{1,64}$/;

/** The mark of an event, or undefined where its time or its id is none. */
export function markOf({ time, id }: { time: string; id: string }): string | undefined {
  const mark = `${canonicalInstant(time)}#${id}`;
  return isMark(mark) ? mark : undefined;
}

export function isMark(value: unknown): value is string {
  if (typeof value !== 'string' || !MARK.test(value)) return false;
  const time = value.slice(0, value.indexOf('#'));
  return canonicalInstant(time) === time;
}

/** When what the mark stands for happened, in epoch milliseconds; undefined where a hand has stored something else. */
export function markedAt(mark: unknown): number | undefined {
  return isMark(mark) ? Date.parse(mark.slice(0, mark.indexOf('#'))) : undefined;
}
