import { describe, expect, test } from 'vitest';
import { guess, useTokens } from './token-world.ts';

const world = useTokens();
const { ask, make } = world;

const refusals = () => world.logged.split('refused a request without a valid token').length - 1;
const blocks = () => world.logged.split('blocked an address').length - 1;
const statusOf = async (token?: string) => (await ask('GET', '/previews', token)).status;

/** As many requests as there are tokens, `wide` at a time. */
async function flood(tokens: readonly string[], wide: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < tokens.length; at += wide) {
    statuses.push(...(await Promise.all(tokens.slice(at, at + wide).map(statusOf))));
  }
  return statuses;
}

describe('an address that shows wrong tokens', () => {
  test.each([1, 50])('is answered ten times a minute, whatever they are, %i at once', async (wide) => {
    const statuses = await flood(
      Array.from({ length: 50 }, () => 'nonsense'),
      wide,
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  });

  test.each([1, 100])(
    'costs ten reads, then one a second, and ten lines of log: %i at once',
    async (wide) => {
      const began = performance.now();
      const statuses = await flood(Array.from({ length: 300 }, guess), wide);
      const seconds = Math.ceil((performance.now() - began) / 1_000);
      expect(statuses.filter((status) => status === 401)).toHaveLength(10);
      expect(world.reads.length).toBeGreaterThanOrEqual(10);
      expect(world.reads.length).toBeLessThanOrEqual(10 + seconds);
      expect([refusals(), blocks()]).toEqual([10, 1]);
    },
  );

  test('is told so as one that shows none at all is', async () => {
    for (let n = 0; n < 10; n += 1) expect(await statusOf()).toBe(401);
    const blocked = await ask('GET', '/previews');
    expect(blocked.status).toBe(429);
    expect(blocked.json()).toMatchObject({ code: 'too_many_failures' });
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(50);
  });
});

describe('who has a token', () => {
  test('is let in at an address that is blocked, and goes on for longer than a token is remembered', async () => {
    const token = await make('read');
    await flood(Array.from({ length: 15 }, guess), 1);
    await expect.poll(() => statusOf(token), { timeout: 5_000 }).toBe(200);
    const flooding = flood(Array.from({ length: 200 }, guess), 5);
    for (let n = 0; n < 5; n += 1) {
      await world.clock.advance(30_000);
      expect(await statusOf(token)).toBe(200);
    }
    await flooding;
  });

  test("gets in beside a neighbour's program that does not stop showing one that was revoked", async () => {
    const { text: old, row } = await world.store('read');
    await world.tokens.revoke(row.id, world.clock.now());
    await flood(Array(12).fill(old), 1);
    const ended = new AbortController();
    const neighbour = (async () => {
      while (!ended.signal.aborted) await statusOf(old);
    })();
    const token = await make('read');
    await expect.poll(() => statusOf(token), { timeout: 5_000, interval: 300 }).toBe(200);
    ended.abort();
    await neighbour;
  });

  test('asks as often as he likes, and as many at once as there are at one address', async () => {
    const tokens = await Promise.all(Array.from({ length: 30 }, () => make('read')));
    expect(new Set(await flood([...tokens, ...tokens], 60))).toEqual(new Set([200]));
  });

  test('is not counted as a failure of his address', async () => {
    for (let n = 0; n < 9; n += 1) await statusOf('nonsense');
    for (let n = 0; n < 20; n += 1) expect(await statusOf(await make('read'))).toBe(200);
    expect(await statusOf('nonsense')).toBe(401);
  });
});

test('a token costs one read for as long as it is remembered, also where a hundred ask at once', async () => {
  const token = await make('read');
  await flood(Array(100).fill(token), 100);
  expect(world.reads).toHaveLength(1);
  await world.clock.advance(28_000);
  await statusOf(token);
  expect(world.reads).toHaveLength(1);
  await world.clock.advance(2_000);
  await flood(Array(2).fill(token), 1);
  expect(world.reads).toHaveLength(2);
});
