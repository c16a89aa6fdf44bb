import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RetryDelays } from '../../controller/retry-delays.ts';
import { PRIORITY, WorkQueue } from '../../controller/work-queue.ts';
import { ManualClock, settle } from '../fakes/clock.ts';

/** A queue whose runs end when the test says so. */
function heldQueue(concurrency = 1) {
  const clock = new ManualClock();
  const started: string[] = [];
  const open = new Map<string, () => void>();
  const queue = new WorkQueue({
    clock,
    concurrency,
    run: (key) => {
      started.push(key);
      return new Promise((resolve) => open.set(key, resolve));
    },
  });
  const end = async (key: string) => {
    open.get(key)?.();
    await settle();
  };
  return { clock, queue, started, end };
}

test('a key that is added while it runs runs again, once, after that run', async () => {
  const { queue, started, end } = heldQueue(4);
  queue.add('a');
  await settle();
  queue.add('a');
  queue.add('a');
  await settle();
  expect(started).toEqual(['a']);
  await end('a');
  expect(started).toEqual(['a', 'a']);
  await end('a');
  expect(started).toEqual(['a', 'a']);
});

test('a key that is added many times before it starts runs once, at the highest priority asked for', async () => {
  const { queue, started, end } = heldQueue();
  queue.add('busy');
  await settle();
  queue.add('list', PRIORITY.list);
  queue.add('change', PRIORITY.change);
  queue.add('list', PRIORITY.deletion);
  await end('busy');
  await end('list');
  await end('change');
  expect(started).toEqual(['busy', 'list', 'change']);
});

test('a delayed key becomes ready at the earliest time asked for, and a plain add makes it ready now', async () => {
  const { clock, queue, started, end } = heldQueue();
  queue.addAfter('a', 5_000);
  queue.addAfter('a', 1_000);
  queue.addAfter('a', 9_000);
  await clock.advance(999);
  expect(started).toEqual([]);
  await clock.advance(1);
  expect(started).toEqual(['a']);
  await end('a');
  queue.addAfter('a', 5_000);
  queue.add('a');
  await settle();
  expect(started).toEqual(['a', 'a']);
  await end('a');
  await clock.advance(60_000);
  expect(started).toEqual(['a', 'a']);
});

test('stop waits for the true end of a run and leaves no timer behind', async () => {
  const { clock, queue, started, end } = heldQueue();
  queue.add('a');
  queue.add('waiting');
  queue.addAfter('later', 1_000);
  await settle();
  let stopped = false;
  const stopping = queue.stop().then(() => (stopped = true));
  await settle();
  expect(stopped).toBe(false);
  await end('a');
  await stopping;
  await clock.advance(10_000);
  expect(started).toEqual(['a']);
  expect(clock.pending).toBe(0);
});

test('under any sequence of adds no key runs twice at once, and every add is followed by a run', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    afterMs: fc.constantFrom(0, 0, 10, 50),
    runMs: fc.constantFrom(0, 5, 30),
    pauseMs: fc.constantFrom(0, 3, 40),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const clock = new ManualClock();
      const running = new Set<string>();
      const lastStart = new Map<string, number>();
      let runMs = 0;
      const queue = new WorkQueue({
        clock,
        concurrency: 2,
        run: async (key) => {
          expect(running.has(key)).toBe(false);
          running.add(key);
          lastStart.set(key, clock.monotonic());
          if (runMs > 0) await clock.sleep(runMs);
          running.delete(key);
        },
      });
      const added = new Map<string, number>();
      for (const { key, afterMs, runMs: length, pauseMs } of steps) {
        runMs = length;
        queue.addAfter(key, afterMs);
        added.set(key, clock.monotonic());
        await clock.advance(pauseMs);
      }
      await clock.advance(10_000);
      for (const [key, at] of added) expect(lastStart.get(key)).toBeGreaterThanOrEqual(at);
      expect(running.size).toBe(0);
      expect(queue.depth).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('retry delays double to their cap within ±20 % and start anew after a success', () => {
  const delays = new RetryDelays({ next: () => 0.5, uuid: () => '' });
  expect([1, 2, 3].map(() => delays.next('a'))).toEqual([1_000, 2_000, 4_000]);
  for (let n = 0; n < 2_000; n += 1) delays.next('a');
  expect(delays.next('a')).toBe(300_000);
  delays.forget('a');
  expect(delays.next('a')).toBe(1_000);
  const low = new RetryDelays({ next: () => 0, uuid: () => '' });
  const high = new RetryDelays({ next: () => 0.999_999, uuid: () => '' });
  expect(low.next('a')).toBe(800);
  expect(high.next('a')).toBe(1_200);
});
