import { describe, expect, test } from 'vitest';
import { Replicas } from '../../localcloud/realism/replicas.ts';
import { ManualClock } from '../fakes/clock.ts';

interface Thing {
  size: number;
}

function open(delays: number[]) {
  const clock = new ManualClock();
  const replicas = new Replicas<Thing>({ clock, delayMs: () => delays.shift() ?? 0 });
  const set = (things: Record<string, number>) =>
    replicas.update(new Map(Object.entries(things).map(([key, size]) => [key, { size }])));
  const see = () =>
    [0, 1].map((replica) =>
      Object.fromEntries([...replicas.all(replica)].map(([key, { size }]) => [key, size])),
    );
  return { clock, replicas, set, see };
}

describe('replicas', () => {
  test('each sees a creation after a delay of its own', async () => {
    const { clock, replicas, set, see } = open([100, 300]);
    set({ a: 1 });
    expect(see()).toEqual([{}, {}]);
    await clock.advance(100);
    expect(see()).toEqual([{ a: 1 }, {}]);
    expect(replicas.settled).toBe(false);
    await clock.advance(200);
    expect(see()).toEqual([{ a: 1 }, { a: 1 }]);
    expect(replicas.settled).toBe(true);
  });

  test('a deletion and a modification are seen late, too', async () => {
    const { clock, set, see, replicas } = open([0, 0, 0, 0, 50, 80, 60, 10]);
    set({ a: 1, b: 1 });
    set({ b: 2 });
    expect(see()).toEqual([
      { a: 1, b: 1 },
      { a: 1, b: 1 },
    ]);
    await clock.advance(55);
    expect(see()[0]).toEqual({ a: 1, b: 2 });
    await clock.advance(55);
    expect(see()).toEqual([{ b: 2 }, { b: 2 }]);
    expect(replicas.settled).toBe(true);
  });

  test('the changes of one resource arrive in their order', async () => {
    const { clock, set, see } = open([500, 500, 10, 10]);
    set({ a: 1 });
    set({ a: 2 });
    await clock.advance(499);
    expect(see()).toEqual([{}, {}]);
    await clock.advance(1);
    expect(see()).toEqual([{ a: 2 }, { a: 2 }]);
  });

  test('what was created and deleted is forgotten', async () => {
    const { clock, replicas, set } = open([5, 5, 5, 5]);
    set({ a: 1 });
    await clock.advance(5);
    set({});
    await clock.advance(5);
    expect(replicas.settled).toBe(true);
    expect(replicas.all(0).size).toBe(0);
  });

  test('what was there at the beginning is known to all, and its value is a value', () => {
    const { replicas } = open([]);
    const thing = { size: 1 };
    replicas.begin(new Map([['a', thing]]));
    thing.size = 2;
    expect(replicas.get('a', 1)).toEqual({ size: 1 });
    expect(replicas.settled).toBe(true);
  });
});
