import { describe, expect, test } from 'vitest';
import { withCondition } from '../preview/conditions.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { PreviewView } from '../preview/view.ts';
import { useApi } from './api-world.ts';

const api = useApi();
const { ask, post } = api;

async function create(): Promise<PreviewRow> {
  const { preview_id } = (await post({ ttl_hours: 2 })).json();
  return (await api.store.get(preview_id))!;
}

const retry = (id: string) => ask('POST', `/preview/${id}/retry`);

describe('retrying', () => {
  test('every retry wakes the controller by a nudge of its own, and changes nothing else', async () => {
    const row = await create();
    const nudges: (string | undefined)[] = [];
    for (let n = 0; n < 2; n += 1) {
      const reply = await retry(row.id);
      expect(reply.status).toBe(202);
      expect(reply.json().preview_id).toBe(row.preview_id);
      const { nudge, ...rest } = (await api.store.get(row.id))!;
      expect(rest).toEqual(row);
      nudges.push(nudge);
    }
    expect(new Set([undefined, ...nudges]).size).toBe(3);
  });

  test('what is being destroyed is not tried again', async () => {
    const row = await create();
    await ask('DELETE', `/preview/${row.id}`);
    const reply = await retry(row.id);
    expect(reply.status).toBe(409);
    expect(reply.json()).toMatchObject({ code: 'preview_gone', retryable: false });
    expect((await api.store.get(row.id))?.nudge).toBeUndefined();
  });

  test('what does not exist is not brought into being', async () => {
    expect((await retry('0badcafe')).status).toBe(404);
    expect(await api.stored()).toEqual([]);
    expect((await ask('GET', '/preview/0badcafe/retry')).headers['allow']).toBe('POST');
  });
});

describe('the queue', () => {
  /** As the controller writes it down when every load balancer is full. */
  async function waits(row: PreviewRow, created_at: string): Promise<PreviewRow> {
    const full = { type: 'Admitted', status: 'False', reason: 'CapacityExhausted', message: 'full' } as const;
    const conditions = withCondition(row.status.conditions, full, created_at);
    const client = { ...row, created_at, status: { ...row.status, conditions } };
    await api.put(client);
    return client;
  }

  const position = async (id: string) => (await ask('GET', `/preview/${id}`)).json().queue_position;

  test('who waits for a slot is told where it stands: the oldest first, and the others not at all', async () => {
    const [served, young, old] = [await create(), await create(), await create()];
    await waits(young, '2026-01-01T12:00:00Z');
    await waits(old, '2026-01-01T11:00:00Z');
    expect(await Promise.all([served, young, old].map(({ id }) => position(id)))).toEqual([null, 2, 1]);
    const list = JSON.parse((await ask('GET', '/previews')).text) as { items: PreviewView[] };
    expect(Object.fromEntries(list.items.map((view) => [view.id, view.queue_position]))).toEqual({
      [served.id]: null,
      [young.id]: 2,
      [old.id]: 1,
    });
    await ask('DELETE', `/preview/${old.id}`);
    expect(await position(young.id)).toBe(1);
    expect(await position(old.id)).toBeNull();
  });

  test('a record that a hand has filled with nonsense hides no other', async () => {
    const poisoned = await waits(await create(), '2026-01-01T12:00:00Z');
    const young = await waits(await create(), '2026-01-01T11:00:00Z');
    const nonsense = { created_at: 7, spec: null, labels: 'none', owner: null };
    await api.put({ ...poisoned, ...nonsense } as unknown as PreviewRow);
    expect(await position(young.id)).toBe(2);
    await api.put({ ...poisoned, ...nonsense, status: 'nonsense' } as unknown as PreviewRow);
    expect(await position(young.id)).toBe(1);
    expect((await ask('GET', '/previews?label=a=b')).status).toBe(200);
  });
});
