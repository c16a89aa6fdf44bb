import { expect, test } from 'vitest';
import { TempusClient } from '../../client/client.ts';
import { systemClock as clock } from '../../platform/clock.ts';

/** What fetch does to a body that was silent for five minutes. */
function silenced(text: string, type = 'application/x-ndjson'): Response {
  const cause = Object.assign(new Error('Body Timeout Error'), { code: 'UND_ERR_BODY_TIMEOUT' });
  let sent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) return controller.error(new TypeError('terminated', { cause }));
      sent = true;
      controller.enqueue(new TextEncoder().encode(text));
    },
  });
  return new Response(body, { headers: { 'content-type': type } });
}

const lineOf = (second: number, message: string) =>
  `${JSON.stringify({ timestamp: `2026-01-01T00:00:0${second}.900Z`, container: 'app', task: 't', message })}\n`;

test('logs that are followed go on after a long silence, and no line comes twice', async () => {
  const answers = [
    silenced(`${lineOf(1, 'one')}${lineOf(8, 'two')}`),
    new Response(`${lineOf(8, 'two')}${lineOf(8, 'two')}${lineOf(9, 'three')}`, {
      headers: { 'content-type': 'application/x-ndjson' },
    }),
  ];
  const asked: string[] = [];
  const fetcher = async (url: unknown) => {
    const { pathname, search } = new URL(String(url));
    if (!pathname.endsWith('/logs')) return Response.json({ phase: 'Deleted', spec: {} });
    asked.push(search);
    return answers.shift()!;
  };
  const sleep = async () => undefined;
  const client = new TempusClient({
    server: 'http://127.0.0.1:1',
    clock: { ...clock, sleep },
    fetch: fetcher,
  });
  expect(await Array.fromAsync(client.logs('550e8400', { follow: true, tail: 2 }))).toEqual([
    'one',
    'two',
    'two',
    'three',
  ]);
  expect(asked).toEqual(['?tail=2&follow=true', '?since=2026-01-01T00%3A00%3A03.000Z&follow=true']);
});

test('logs that are not followed end with the error', async () => {
  const client = new TempusClient({
    server: 'http://127.0.0.1:1',
    clock,
    fetch: async () => silenced('one\n', 'text/plain'),
  });
  await expect(Array.fromAsync(client.logs('550e8400'))).rejects.toThrow('no answer from http://127.0.0.1:1');
});

/** A body that is cut off in the middle, as by a server that dies. */
function cut(text: string): Response {
  let sent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) return controller.error(new TypeError('terminated'));
      sent = true;
      controller.enqueue(new TextEncoder().encode(text));
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

test('events that are followed go on after a cut where it was, and end when the server has no more', async () => {
  const frame = (n: number) => `id: ${n}\ndata: {"sequence":"${n}"}\n\n`;
  const answers = [
    cut(`${frame(1)}${frame(2)}id: 3\ndata: {"sequ`),
    new Response(`: still here\n\n${frame(3)}`),
    new Response(null, { status: 204 }),
  ];
  const asked: unknown[] = [];
  const fetcher = async (_url: unknown, init: RequestInit = {}) => {
    asked.push(new Headers(init.headers).get('last-event-id'));
    return answers.shift()!;
  };
  const sleep = async () => undefined;
  const client = new TempusClient({
    server: 'http://127.0.0.1:1',
    clock: { ...clock, sleep },
    fetch: fetcher,
  });
  const events = await Array.fromAsync(client.followEvents('550e8400'));
  expect(events.map(({ sequence }) => sequence)).toEqual(['1', '2', '3']);
  expect(asked).toEqual([null, '2', '3']);
});
