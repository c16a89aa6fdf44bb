import { request } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import type { EventPage } from '../client/types.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { EventLog } from '../preview/event-log.ts';
import type { PreviewEvent } from '../preview/events.ts';
import { hurried, place, useEvents } from './event-world.ts';
import { ManualClock } from './fakes/clock.ts';

const world = useEvents();
const { api, create, tell } = world;
const { ask } = api;

describe('a page', () => {
  test('follows the one before it without a gap, from either end', async () => {
    const { preview_id: id } = await create();
    for (const n of [1, 2, 3, 4, 5]) await tell(id, n);
    for (const [order, expected] of [
      ['oldest', [1, 2, 3, 4, 5]],
      ['newest', [5, 4, 3, 2, 1]],
    ] as const) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const more: string = cursor === null ? '' : `&cursor=${cursor}`;
        const page = await ask('GET', `/preview/${id}/events?limit=2&order=${order}${more}`);
        const { items, next_cursor } = JSON.parse(page.text) as EventPage;
        expect(items.length).toBeLessThanOrEqual(2);
        seen.push(...items.map(({ message }) => message));
        cursor = next_cursor;
      } while (cursor !== null);
      expect(seen).toEqual(expected.map((n) => `the ${n}th`));
    }
  });

  test('tells what was told first, whatever is told again under the same sequence', async () => {
    const { preview_id: id } = await create();
    await tell(id, 1);
    await tell(id, 1, 'Purged');
    const { items } = JSON.parse((await ask('GET', `/preview/${id}/events`)).text) as EventPage;
    expect(items.map(({ type }) => type)).toEqual(['Nudged']);
    expect(items[0]).not.toHaveProperty('purge_at');
  });

  test('of a preview of which nothing was told yet is empty', async () => {
    const { id } = await create();
    expect((await ask('GET', `/preview/${id}/events`)).text).toBe('{"items":[],"next_cursor":null}');
  });

  test('outlives the record, and is then found by the whole UUID', async () => {
    const id = '0badcafe-0000-4000-8000-000000000000';
    await tell(id, 1);
    expect((await ask('GET', `/preview/${id}/events`)).text).toContain('the 1th');
    expect((await ask('GET', '/preview/0badcafe/events')).status).toBe(404);
    expect((await ask('GET', `/preview/${id.replace('0bad', '1bad')}/events`)).status).toBe(404);
  });

  test.each([
    'limit=0',
    'limit=501',
    'limit=1.5',
    'limit=x',
    'cursor=x',
    'cursor=',
    'order=up',
    'since=1h',
    'limit=1&limit=2',
  ])('?%s is refused with a way out', async (query) => {
    const { id } = await create();
    const answer = await ask('GET', `/preview/${id}/events?${query}`);
    expect(answer.status).toBe(422);
    expect(answer.json()).toMatchObject({
      code: 'invalid_query',
      errors: [{ pointer: `/${query.split('=')[0]}` }],
    });
  });

  test('takes no other method', async () => {
    const { id } = await create();
    const answer = await ask('POST', `/preview/${id}/events`);
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET']);
  });
});

describe('a stream of events', () => {
  interface Listener {
    status: number | undefined;
    seen: number[];
    ids: string[];
    ended: Promise<void>;
    leave: () => void;
    text: () => string;
  }

  /** Listens as a browser does. */
  function listen(
    id: string,
    { lastSeen, query = '' }: { lastSeen?: string; query?: string } = {},
  ): Promise<Listener> {
    const headers = {
      accept: 'text/event-stream',
      ...(lastSeen === undefined ? {} : { 'last-event-id': lastSeen }),
    };
    return new Promise((resolve, reject) => {
      const path = `/preview/${id}/events${query}`;
      const sent = request(
        { host: '127.0.0.1', port: api.server.port, path, headers, agent: false },
        (answer) => {
          let received = '';
          const listener: Listener = {
            status: answer.statusCode,
            seen: [],
            ids: [],
            ended: new Promise((done) => answer.on('close', () => done())),
            leave: () => sent.destroy(),
            text: () => received,
          };
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            received += chunk;
            const frames = received
              .split('\n\n')
              .slice(0, -1)
              .filter((frame) => frame.startsWith('id: '));
            listener.ids = frames.map((frame) => frame.slice(4, frame.indexOf('\n')));
            listener.seen = frames.map((frame) => {
              const { message } = JSON.parse(frame.slice(frame.indexOf('data: ') + 6)) as PreviewEvent;
              return Number(/\d+/.exec(message)?.[0]);
            });
          });
          answer.on('error', () => undefined);
          resolve(listener);
        },
      );
      sent.on('error', reject).end();
    });
  }

  test('begins with what has happened, goes on with what happens, and ends with the end of the preview', async () => {
    const { preview_id: id } = await create();
    for (const n of [1, 2]) await tell(id, n);
    const listener = await listen(id);
    expect(listener.status).toBe(200);
    await vi.waitFor(() => expect(listener.seen).toEqual([1, 2]));
    await tell(id, 3);
    await vi.waitFor(() => expect(listener.seen).toEqual([1, 2, 3]));
    await tell(id, 4);
    await tell(id, 5, 'Deleted');
    await listener.ended;
    expect(listener.seen).toEqual([1, 2, 3, 4, 5]);
  });

  test('sends a long history whole', async () => {
    const { preview_id: id } = await create();
    const all = Array.from({ length: 230 }, (_, n) => n + 1);
    await Promise.all(all.map((n) => tell(id, n)));
    await tell(id, 231, 'Deleted');
    const listener = await listen(id);
    await listener.ended;
    expect(listener.seen).toEqual([...all, 231]);
  });

  test('that breaks at any event resumes after the last one that was seen, without a gap and without a second one', async () => {
    const { preview_id: id } = await create();
    const all = Array.from({ length: 12 }, (_, n) => n + 1);
    const writing = (async () => {
      for (const n of all) {
        await tell(id, n);
        await systemClock.sleep(15);
      }
      await tell(id, 13, 'Deleted');
    })();
    const seen: number[] = [];
    let lastSeen: string | undefined;
    for (;;) {
      const listener = await listen(id, lastSeen === undefined ? {} : { lastSeen });
      if (listener.status === 204) break;
      const enough = vi
        .waitFor(() => expect(listener.seen.length).toBeGreaterThan(1), 5_000)
        .catch(() => undefined);
      await Promise.race([listener.ended, enough]);
      listener.leave();
      await listener.ended;
      seen.push(...listener.seen);
      lastSeen = listener.ids.at(-1) ?? lastSeen;
    }
    await writing;
    expect(seen).toEqual([...all, 13]);
  });

  test('that a browser opens again goes by what it has seen, not by the cursor of its address', async () => {
    const { preview_id: id } = await create();
    for (const n of [1, 2, 3]) await tell(id, n);
    await tell(id, 4, 'Deleted');
    const first = await listen(id, { query: `?cursor=${place(1)}` });
    await first.ended;
    expect(first.seen).toEqual([2, 3, 4]);
    const again = await listen(id, { query: `?cursor=${place(1)}`, lastSeen: place(3) });
    await again.ended;
    expect(again.seen).toEqual([4]);
  });

  test('survives an events table that does not answer for a while', async () => {
    let failures = 0;
    class Broken extends EventLog {
      override read(...input: Parameters<EventLog['read']>) {
        return failures-- > 0 ? Promise.reject(new Error('no answer')) : super.read(...input);
      }
    }
    await api.serveAnew({ events: world.logOf(Broken), clock: hurried });
    const { preview_id: id } = await create();
    await tell(id, 1);
    const listener = await listen(id);
    await vi.waitFor(() => expect(listener.seen).toEqual([1]));
    failures = 3;
    await tell(id, 2, 'Deleted');
    await listener.ended;
    expect(listener.seen).toEqual([1, 2]);
    expect(failures).toBeLessThanOrEqual(0);
  });

  test('of a preview whose last event was lost ends nevertheless, and is not begun again', async () => {
    const hasty: Clock = { ...hurried, monotonic: () => systemClock.monotonic() * 100 };
    await api.serveAnew({ events: world.events, clock: hasty });
    const row = await create();
    await tell(row.preview_id, 1);
    const listener = await listen(row.preview_id);
    await vi.waitFor(() => expect(listener.text()).toContain(': still here\n\n'), 5_000);
    const status = { ...row.status, deleted_at: '2020-01-01T00:00:00Z' };
    await api.store.writeStatus(row, { phase: 'Deleted', status, purge_at: 1 });
    await listener.ended;
    expect((await listen(row.preview_id, { lastSeen: place(1) })).status).toBe(204);
  });

  test('asks no more when its client has left, and ends when the server stops', async () => {
    const still = new ManualClock();
    await api.serveAnew({ events: world.events, clock: still });
    const { preview_id: id } = await create();
    const leaving = await listen(id);
    await vi.waitFor(() => expect(still.pending).toBe(1));
    leaving.leave();
    await vi.waitFor(() => expect(still.pending).toBe(0));
    const staying = await listen(id);
    await vi.waitFor(() => expect(still.pending).toBe(1));
    api.stop.abort();
    await staying.ended;
    expect(still.pending).toBe(0);
  });

  test.each(['order=newest', 'limit=x'])('?%s is refused', async (query) => {
    const { preview_id: id } = await create();
    expect((await listen(id, { query: `?${query}` })).status).toBe(422);
  });
});
