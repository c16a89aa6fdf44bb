import { request } from 'node:http';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock as clock } from '../platform/clock.ts';
import { useApi } from './api-world.ts';

const api = useApi();
const { ask, post } = api;

describe('logs', () => {
  let id: string;
  beforeEach(async () => {
    ({ id } = (await post({})).json());
  });
  const write = (...lines: string[]) => api.logs.put('/previews', `${id}/app/task1`, lines);

  test('a preview that has written nothing has no lines', async () => {
    const reply = await ask('GET', `/preview/${id}/logs`);
    expect(reply.status).toBe(200);
    expect(reply.text).toBe('');
  });

  test('lines come as text, the last ones on demand, and as objects for programs', async () => {
    write('one', 'two', 'three');
    api.logs.put('/previews', 'ffffffff/app/task1', ['of another preview']);
    expect((await ask('GET', `/preview/${id}/logs`)).text).toBe('one\ntwo\nthree\n');
    expect((await ask('GET', `/preview/${id}/logs?tail=1`)).text).toBe('three\n');
    expect((await ask('GET', `/preview/${id}/logs?tail=0`)).text).toBe('');
    const reply = await ask('GET', `/preview/${id}/logs?since=10m`, undefined, {
      accept: 'application/x-ndjson',
    });
    const lines = reply.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      { message: 'one', task: 'task1' },
      { message: 'two' },
      { message: 'three' },
    ]);
  });

  test.each(['tail=-1', 'tail=x', 'since=yesterday', 'follow=maybe', 'filter=x'])(
    '?%s is refused',
    async (query) => {
      expect((await ask('GET', `/preview/${id}/logs?${query}`)).status).toBe(422);
    },
  );

  test('following loses no line and repeats none, and ends when the preview is Deleted', async () => {
    write('first');
    let text = '';
    const ended = new Promise<void>((resolve, reject) => {
      const path = `/preview/${id}/logs?follow=true`;
      request({ host: '127.0.0.1', port: api.server.port, path, agent: false }, (answer) => {
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve());
      })
        .on('error', reject)
        .end();
    });
    for (let n = 0; n < 30; n += 1) {
      write(`line ${n} a`, `line ${n} b`);
      await clock.sleep(50);
    }
    await vi.waitFor(() => expect(text).toContain('line 29 b'), 5_000);
    const row = (await api.store.get(id))!;
    await api.store.writeStatus(row, { phase: 'Deleted', status: row.status, purge_at: 1 });
    await ended;
    const expected = Array.from({ length: 30 }, (_, n) => [`line ${n} a`, `line ${n} b`]).flat();
    expect(text.trim().split('\n')).toEqual(['first', ...expected]);
  });

  test('a stop of the server ends those who follow', async () => {
    const ended = ask('GET', `/preview/${id}/logs?follow=true`);
    await vi.waitFor(() => expect(api.logged).toContain('created preview'));
    api.stop.abort();
    await api.server.close();
    await expect(
      Promise.race([ended.catch(() => 'cut'), clock.sleep(5_000).then(() => 'open')]),
    ).resolves.not.toBe('open');
    await api.serve();
  });
});
