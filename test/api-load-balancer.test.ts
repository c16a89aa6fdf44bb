import { request } from 'node:http';
import { expect, test } from 'vitest';
import { API, guess, useTokens } from './token-world.ts';

const world = useTokens({ ...API, behind_load_balancer: true, allowed_hosts: ['tempus.acme.dev'] });

/** As the load balancer passes a request on: it appends whom it has seen to what the client has claimed. */
function ask(headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const { port } = world.server;
    const sent = { host: '127.0.0.1', port, path: '/previews', agent: false };
    request({ ...sent, headers: { host: 'tempus.acme.dev', ...headers } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}

const wrong = (forwarded: string) =>
  ask({ authorization: `Bearer ${guess()}`, 'x-forwarded-for': forwarded });

test('whoever claims another address each time is still counted by his own', async () => {
  const statuses: number[] = [];
  for (let n = 0; n < 12; n += 1) statuses.push(await wrong(`10.1.1.${n}, 203.0.113.9`));
  expect(statuses.filter((status) => status === 429)).toHaveLength(2);
});

test('an address is not blocked by what another one behind the same load balancer shows', async () => {
  for (let n = 0; n < 12; n += 1) await wrong('203.0.113.9');
  expect(await wrong('203.0.113.9')).toBe(429);
  expect(await wrong('203.0.113.9, 203.0.113.10')).toBe(401);
});

test('one customer of IPv6 is one address, however many he has', async () => {
  const statuses: number[] = [];
  for (let n = 0; n < 12; n += 1) statuses.push(await wrong(`2001:db8:0:${n}::1`));
  expect(statuses.filter((status) => status === 429)).toHaveLength(2);
  expect(await wrong('2001:db8:1::1')).toBe(401);
});

test("a page of the API's own address is let in by the scheme that the load balancer was asked with", async () => {
  const authorization = `Bearer ${await world.make('read')}`;
  const from = (origin: string, scheme: string) =>
    ask({ authorization, origin, 'x-forwarded-proto': scheme, 'x-forwarded-for': '203.0.113.9' });
  expect(await from('https://tempus.acme.dev', 'https')).toBe(200);
  expect(await from('http://tempus.acme.dev', 'https')).toBe(403);
  expect(await from('https://tempus.acme.dev', 'http')).toBe(403);
  expect(await from('https://other.acme.dev', 'https')).toBe(403);
});

test('a name that it was not given is refused, also with a token', async () => {
  const authorization = `Bearer ${await world.make('read')}`;
  expect(await ask({ authorization, host: 'elsewhere.acme.dev' })).toBe(421);
});

test('however many addresses are over their limit, together they cost ten reads a second', async () => {
  const addresses = Array.from({ length: 40 }, (_, n) => `203.0.113.${n}`);
  const all = () => Promise.all(addresses.map(wrong));
  for (let n = 0; n < 10; n += 1) await all();
  const began = performance.now();
  world.reads.length = 0;
  expect(new Set(await all())).toEqual(new Set([429]));
  const windows = Math.ceil((performance.now() - began) / 1_000);
  expect(world.reads.length).toBeGreaterThan(0);
  expect(world.reads.length).toBeLessThanOrEqual(10 * windows);
});
