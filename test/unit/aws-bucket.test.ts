import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accepted, type Bucket, fullBucket, readyIn, refilled, slowed, taken } from '../../aws/bucket.ts';

const SIZE = { burst: 20, perSecond: 3 };

/** The most that may go in a window of `ms`, of whatever share. */
const most = ({ size }: Bucket, ms: number) => size.burst + (ms / 1000) * size.perSecond;

test('no window holds more calls than the burst and what is refilled in it, whatever AWS refuses', () => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 3_000 }),
    calls: fc.integer({ min: 0, max: 30 }),
    answer: fc.constantFrom('taken', 'refused', 'none'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0.01, 0.3, 0.5, 1), (steps, share) => {
      let bucket = fullBucket(SIZE, share, 0);
      let now = 0;
      const gone: number[] = [];
      for (const { ms, calls, answer } of steps) {
        now += ms;
        for (let n = 0; n < calls; n += 1) {
          const after = taken(bucket, now);
          if (!after) break;
          bucket = after;
          gone.push(now);
        }
        if (answer === 'refused') bucket = slowed(bucket, now, now);
        if (answer === 'taken') bucket = accepted(bucket, now, now);
      }
      for (const [first, from] of gone.entries()) {
        for (const [more, to] of gone.slice(first).entries()) {
          expect(more + 1).toBeLessThanOrEqual(most(bucket, to - from) + 1e-6);
        }
      }
    }),
  );
});

test('says to the millisecond when the next call may go, also while its rate rises', () => {
  const history = fc.array(
    fc.record({ ms: fc.integer({ min: 1, max: 40_000 }), answer: fc.constantFrom('taken', 'refused') }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(history, (steps) => {
      let now = 0;
      let bucket = fullBucket({ burst: 1, perSecond: 2 }, 1, now);
      for (const { ms, answer } of steps) {
        now += ms;
        bucket = answer === 'refused' ? slowed(bucket, now, now) : accepted(bucket, now, now);
        bucket = taken(bucket, now) ?? bucket;
        const wait = readyIn(bucket, now);
        // Rounding may cost a millisecond, never give one.
        expect(taken(bucket, now + wait + 1)).toBeDefined();
        if (wait > 1) expect(taken(bucket, now + wait - 1)).toBeUndefined();
      }
    }),
  );
});

test('what a bucket holds does not depend on how often one looks', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 40 }), (gaps) => {
      const start = accepted(slowed(fullBucket(SIZE, 1, 0), 0, 0), 0, 1);
      let looked = start;
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        looked = refilled(looked, now);
      }
      const once = refilled(start, now);
      expect(looked.tokens).toBeCloseTo(once.tokens, 6);
      expect(looked.perSecond).toBeCloseTo(once.perSecond, 6);
    }),
  );
});

test('a refusal empties it and halves its rate, once for all calls that were under way together', () => {
  const once = slowed(fullBucket(SIZE, 1, 0), 100, 50);
  expect(once).toMatchObject({ tokens: 0, perSecond: 1.5 });
  expect(slowed(once, 120, 60)).toBe(once);
  expect(slowed(once, 2_000, 1_500).perSecond).toBe(0.75);
});

test('it stays slow until AWS takes a call that was sent after the refusal, and is itself again a minute later', () => {
  const refused = slowed(fullBucket(SIZE, 1, 0), 100, 50);
  expect(refilled(refused, 1_000_000).perSecond).toBe(1.5);
  expect(accepted(refused, 200, 90)).toBe(refused);
  const taking = accepted(refused, 1_000, 900);
  expect(refilled(taking, 16_000).perSecond).toBeCloseTo(2.25);
  expect(refilled(taking, 61_000).perSecond).toBe(3);
});

test('however often AWS refuses, a call in ten seconds goes', () => {
  let bucket = fullBucket(SIZE, 1, 0);
  let now = 0;
  for (let n = 0; n < 50; n += 1) {
    now += 60_000;
    bucket = slowed(bucket, now, now);
    expect(readyIn(bucket, now)).toBeLessThanOrEqual(10_000);
  }
});

test('the smallest share still holds one call', () => {
  const bucket = fullBucket({ burst: 5, perSecond: 1 }, 0.01, 0);
  expect(taken(bucket, 0)?.tokens).toBe(0);
  expect(readyIn(taken(bucket, 0)!, 0)).toBe(100_000);
});
