import { expect, test } from 'vitest';
import { Waits } from '../../reconcilers/waits.ts';

const pace = { first: 250, most: 5_000 };

test('what is waited for is looked at soon, then less and less often, and in the end as often as anything', () => {
  const waits = new Waits();
  const looks: number[] = [];
  for (let now = 0; now < 60_000; now += looks.at(-1)!)
    looks.push(waits.lookMs('a', 'UrlNotReady', now, pace));
  expect(looks[0]).toBe(250);
  expect(looks).toEqual(looks.toSorted((a, b) => a - b));
  expect(looks.at(-1)).toBe(5_000);
  // A rule that takes 20 s is asked for ten times or so, and one that takes two is seen half a second late at most.
  const times = looks.map((_, n) => looks.slice(0, n + 1).reduce((all, ms) => all + ms, 0));
  expect(times.filter((at) => at <= 20_000).length).toBeLessThan(14);
  const at = times.findIndex((time) => time >= 2_000);
  expect(looks[at]).toBeLessThanOrEqual(1_000);
});

test('another reason, another preview, and an end of waiting begin anew', () => {
  const waits = new Waits();
  const look = (uid: string, reason: string, now: number) => waits.lookMs(uid, reason, now, pace);
  look('a', 'UrlNotReady', 0);
  expect(look('a', 'UrlNotReady', 4_000)).toBe(2_000);
  expect(look('b', 'UrlNotReady', 4_000)).toBe(250);
  expect(look('a', 'RuleNotVisible', 4_000)).toBe(250);
  look('a', 'UrlNotReady', 4_000);
  waits.forget('a');
  expect(look('a', 'UrlNotReady', 9_000)).toBe(250);
});
