import { describe, expect, test } from 'vitest';
import { type Look, Waits } from '../../reconcilers/waits.ts';

const pace = { first: 250, most: 5_000 };

/** When a preview that waits from 0 on is looked at, within `until` milliseconds. */
function looksUntil(until: number, look: Look): number[] {
  const waits = new Waits();
  const at: number[] = [];
  for (let now = 0; now <= until;) {
    waits.found('a', 'UrlNotReady', now);
    now += waits.lookMs('a', look, now, pace);
    at.push(now);
  }
  return at;
}

describe.each([
  ['whole', 1_000, 9],
  ['cheap', 250, 35],
] as const)('a look that is %s', (look, late, most) => {
  test('comes soon, then less and less often, and in the end as often as any', () => {
    const at = looksUntil(120_000, look);
    const between = at.map((now, n) => now - (at[n - 1] ?? 0));
    expect(between[0]).toBe(250);
    expect(between).toEqual(between.toSorted((a, b) => a - b));
    expect(between.at(-1)).toBe(5_000);
  });

  test('sees what takes a second hardly later, and what takes twenty with few looks', () => {
    const at = looksUntil(20_000, look);
    expect(at.find((now) => now >= 1_000)! - 1_000).toBeLessThanOrEqual(late);
    expect(at.length).toBeLessThanOrEqual(most);
  });
});

test('another reason, another preview, and an end of waiting begin anew', () => {
  const waits = new Waits();
  const look = (uid: string, reason: string, now: number) => {
    waits.found(uid, reason, now);
    return waits.lookMs(uid, 'whole', now, pace);
  };
  look('a', 'UrlNotReady', 0);
  expect(look('a', 'UrlNotReady', 4_000)).toBe(4_000);
  expect(look('b', 'UrlNotReady', 4_000)).toBe(250);
  expect(look('a', 'RuleNotVisible', 4_000)).toBe(250);
  look('a', 'UrlNotReady', 4_000);
  waits.forget('a');
  expect(look('a', 'UrlNotReady', 9_000)).toBe(250);
});

test('what a whole pass has found is fresh for a while, and only for the same reason', () => {
  const waits = new Waits();
  waits.found('a', 'UrlNotReady', 1_000);
  expect(waits.isFresh('a', 'UrlNotReady', 5_999, 5_000)).toBe(true);
  expect(waits.isFresh('a', 'UrlNotReady', 6_000, 5_000)).toBe(false);
  expect(waits.isFresh('a', 'RuleNotVisible', 1_000, 5_000)).toBe(false);
  expect(waits.isFresh('b', 'UrlNotReady', 1_000, 5_000)).toBe(false);
});
