import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { useTokens } from './token-world.ts';

const world = useTokens();
const { ask, make, store } = world;

const STREAMS = [
  ['events', 'text/event-stream'],
  ['logs?follow=true', 'text/plain'],
] as const;

/** A preview of somebody else's token, of which nothing is remembered afterwards. */
async function createPreview(): Promise<string> {
  const made = await ask('POST', '/preview/create', await make('write', 'ops-team'), {});
  world.reads.length = 0;
  return String(made.json()['id']);
}

/** Follows as a client does that never leaves. */
async function follow(path: string, accept: string, token: string): Promise<IncomingMessage> {
  const headers = { accept, authorization: `Bearer ${token}` };
  const sent = request({ host: '127.0.0.1', port: world.server.port, path, headers, agent: false }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  return answer.resume();
}

/** Lets so many seconds go by, in each of which all that is still open looks for what is new. */
async function pass(seconds: number, answers: readonly IncomingMessage[]): Promise<void> {
  for (let n = 0; n < seconds; n += 1) {
    const waiting = () => world.clock.pending + answers.filter(({ complete }) => complete).length;
    await expect.poll(waiting, { interval: 5 }).toBe(answers.length);
    await world.clock.advance(1_000);
  }
}

describe.each(STREAMS)('an open stream of %s', (what, accept) => {
  test('ends within 30 s once its token is revoked', async () => {
    const id = await createPreview();
    const { text, row } = await store('read');
    const answer = await follow(`/preview/${id}/${what}`, accept, text);
    await pass(45, [answer]);
    expect(answer.complete).toBe(false);
    await world.tokens.revoke(row.id, world.clock.now());
    await pass(30, [answer]);
    await expect.poll(() => answer.complete).toBe(true);
  });

  test('ends with its token', async () => {
    const id = await createPreview();
    const token = await make('read', 'web-team', 1);
    await world.clock.advance(86_400_000 - 10_000);
    const answer = await follow(`/preview/${id}/${what}`, accept, token);
    await pass(9, [answer]);
    expect(answer.complete).toBe(false);
    await pass(1, [answer]);
    await expect.poll(() => answer.complete).toBe(true);
  });
});

test('all streams of a token together cost a read each 29 s', async () => {
  const id = await createPreview();
  const token = await make('read');
  const answers: IncomingMessage[] = [];
  for (const [what, accept] of STREAMS) answers.push(await follow(`/preview/${id}/${what}`, accept, token));
  await pass(60, answers);
  expect(world.reads).toHaveLength(3);
  answers.forEach((answer) => answer.destroy());
});
