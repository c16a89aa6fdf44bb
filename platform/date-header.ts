/**
 * How far the clock that wrote a Date header is ahead of ours, in milliseconds: 0 where its second lies within the
 * time between sending and receiving. Undefined without a date.
 */
export function skewOf(date: string | null | undefined, sent: number, received: number): number | undefined {
  const second = Date.parse(date ?? '');
  if (Number.isNaN(second)) return undefined;
  if (second > received) return second - received;
  return Math.min(0, second + 999 - sent);
}
