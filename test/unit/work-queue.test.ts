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

test('a key that was raised goes before those of its new priority that got ready after it', async () => {
  const { queue, started, end } = heldQueue();
  queue.add('busy');
  await settle();
  queue.add('first', PRIORITY.list);
  queue.add('second', PRIORITY.change);
  queue.add('third', PRIORITY.change);
  queue.add('first', PRIORITY.change);
  for (const key of ['busy', 'first', 'second', 'third']) await end(key);
  expect(started).toEqual(['busy', 'first', 'second', 'third']);
});

test('a key whose delay ends takes its place behind those of its priority that already wait', async () => {
  const { clock, queue, started, end } = heldQueue();
  queue.add('busy');
  queue.addAfter('delayed', 1_000, PRIORITY.change);
  await settle();
  queue.add('waiting', PRIORITY.change);
  await clock.advance(1_000);
  for (const key of ['busy', 'waiting', 'delayed']) await end(key);
  expect(started).toEqual(['busy', 'waiting', 'delayed']);
});

test('a later time asked for a key that is ready does not make it run twice, but raises its priority', async () => {
  const { clock, queue, started, end } = heldQueue();
  queue.add('busy');
  await settle();
  queue.add('a', PRIORITY.list);
  queue.add('b', PRIORITY.timer);
  queue.addAfter('a', 1_000, PRIORITY.deletion);
  for (const key of ['busy', 'a', 'b']) await end(key);
  await clock.advance(60_000);
  expect(started).toEqual(['busy', 'a', 'b']);
  expect(clock.pending).toBe(0);
});

test('a delay that ends while the key runs makes it run again after that run', async () => {
  const { clock, queue, started, end } = heldQueue(4);
  queue.add('a');
  await settle();
  queue.addAfter('a', 1_000);
  await clock.advance(5_000);
  expect(started).toEqual(['a']);
  expect(queue.depth).toBe(1);
  await end('a');
  expect(started).toEqual(['a', 'a']);
  expect(queue.depth).toBe(0);
});

test('a run is told the priority it was handed out with, so that its retry can keep it', async () => {
  const told: [string, number][] = [];
  const queue = new WorkQueue({
    clock: new ManualClock(),
    concurrency: 1,
    run: async (key, priority) => void told.push([key, priority]),
  });
  queue.add('busy', PRIORITY.change);
  queue.add('a', PRIORITY.list);
  queue.addAfter('a', 1_000, PRIORITY.deletion);
  queue.add('b', PRIORITY.timer);
  await settle();
  expect(told).toEqual([
    ['busy', PRIORITY.change],
    ['a', PRIORITY.deletion],
    ['b', PRIORITY.timer],
  ]);
});

test('what waits is counted by priority, and what runs by how long it has', async () => {
  const { clock, queue, end } = heldQueue();
  queue.add('busy');
  await settle();
  queue.add('a', PRIORITY.list);
  queue.add('b', PRIORITY.list);
  queue.add('c', PRIORITY.deletion);
  queue.addAfter('d', 1_000_000);
  await clock.advance(1_500);
  expect(queue.depths()).toEqual(
    new Map([
      [PRIORITY.list, 2],
      [PRIORITY.deletion, 1],
    ]),
  );
  expect(queue.running()).toEqual([1_500]);
  expect(['busy', 'a', 'd', 'e'].map((key) => queue.has(key))).toEqual([true, true, true, false]);
  for (const key of ['busy', 'c', 'a', 'b']) await end(key);
  expect(queue.depth).toBe(0);
  expect(queue.running()).toEqual([]);
});

/** The queue's promises in the plainest form: a list of wishes, searched whenever a worker is free. */
class Model {
  readonly wishes: { key: string; priority: number; at: number; place: number | undefined }[] = [];
  readonly runs = new Map<string, number>();
  #places = 0;

  add(key: string, priority: number, at: number): void {
    const known = this.wishes.find((other) => other.key === key);
    if (known) known.priority = Math.max(known.priority, priority);
    if (known && known.at <= at) return;
    if (known) this.wishes.splice(this.wishes.indexOf(known), 1);
    this.wishes.push({ key, priority: known?.priority ?? priority, at, place: undefined });
  }

  /** When the next wish gets ready. */
  after(now: number): number {
    return Math.min(...this.wishes.map(({ at }) => at).filter((at) => at > now));
  }

  /** What starts at `now`, in its order: wishes get ready one after the other, each finding the workers left by those before. */
  start(now: number, workers: number): string[] {
    const fresh = this.wishes.filter(({ at, place }) => at <= now && place === undefined);
    const started = this.#take(now, workers);
    for (const wish of fresh.toSorted((a, b) => a.at - b.at)) {
      wish.place = this.#places++;
      started.push(...this.#take(now, workers));
    }
    return started;
  }

  #take(now: number, workers: number): string[] {
    const next = this.wishes
      .filter(({ key, place }) => place !== undefined && !this.runs.has(key))
      .toSorted((a, b) => b.priority - a.priority || (a.place ?? 0) - (b.place ?? 0))
      .slice(0, workers - this.runs.size);
    for (const wish of next) {
      this.wishes.splice(this.wishes.indexOf(wish), 1);
      this.runs.set(wish.key, now);
    }
    return next.map(({ key }) => key);
  }
}

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const wish = fc.record({
  kind: fc.constant('add' as const),
  key: fc.constantFrom(...KEYS),
  ms: fc.constantFrom(0, 0, 0, 10, 50),
  priority: fc.constantFrom(...Object.values(PRIORITY)),
});
const ending = fc.record({ kind: fc.constant('end' as const), key: fc.constantFrom(...KEYS) });
const pause = fc.record({ kind: fc.constant('pause' as const), ms: fc.constantFrom(1, 10, 40) });

test('under any interleaving of adds, delays, ends and pauses it starts what a plain model starts, in its order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(wish, ending, pause), { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, workers) => {
        const { clock, queue, started, end } = heldQueue(workers);
        const model = new Model();
        const expected: string[] = [];
        const agree = async () => {
          expected.push(...model.start(clock.monotonic(), workers));
          await settle();
          expect(started).toEqual(expected);
          expect(queue.running()).toEqual([...model.runs.values()].map((at) => clock.monotonic() - at));
          expect(queue.depth).toBe(model.wishes.filter(({ at }) => at <= clock.monotonic()).length);
        };
        const wait = async (ms: number) => {
          const until = clock.monotonic() + ms;
          while (clock.monotonic() < until) {
            const next = Math.min(until, model.after(clock.monotonic()));
            await clock.advance(next - clock.monotonic());
            await agree();
          }
        };
        for (const step of steps) {
          if (step.kind === 'pause') await wait(step.ms);
          else if (step.kind === 'add') {
            model.add(step.key, step.priority, clock.monotonic() + step.ms);
            queue.addAfter(step.key, step.ms, step.priority);
          } else if (model.runs.delete(step.key)) await end(step.key);
          await agree();
        }
        await wait(50);
        for (let [key] = model.runs.keys(); key !== undefined; [key] = model.runs.keys()) {
          model.runs.delete(key);
          await end(key);
          await agree();
        }
        expect(queue.depth).toBe(0);
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 500 },
  );
});

test('whatever happens between, no key runs twice at once, and every add is followed by a run that starts after it', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    afterMs: fc.constantFrom(0, 0, 10, 50),
    runMs: fc.constantFrom(0, 5, 30),
    pauseMs: fc.constantFrom(0, 3, 40),
    again: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const clock = new ManualClock();
      const running = new Set<string>();
      /** Adds of each key that no run has answered yet. */
      const unanswered = new Map<string, number>();
      let next: (typeof steps)[number] | undefined;
      const queue: WorkQueue = new WorkQueue({
        clock,
        concurrency: 2,
        run: async (key) => {
          expect(running.has(key)).toBe(false);
          running.add(key);
          unanswered.delete(key);
          const { runMs = 0, again = false } = next ?? {};
          next = undefined;
          if (runMs > 0) await clock.sleep(runMs);
          if (again) want(key, runMs);
          running.delete(key);
        },
      });
      const want = (key: string, ms: number) => {
        unanswered.set(key, (unanswered.get(key) ?? 0) + 1);
        queue.addAfter(key, ms);
      };
      for (const one of steps) {
        next = one;
        want(one.key, one.afterMs);
        await clock.advance(one.pauseMs);
      }
      await clock.advance(10_000);
      expect(unanswered).toEqual(new Map());
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
