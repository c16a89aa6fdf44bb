import { describe, expect, test } from 'vitest';
import { systemRandom as random } from '../platform/random.ts';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import type { PreviewView } from '../preview/view.ts';
import { CONFIG, useApi } from './api-world.ts';

const api = useApi();
const { ask, post, stored } = api;

describe('creating', () => {
  test('only the record is written, Pending, with its defaults in it', async () => {
    const reply = await post({ ttl_hours: 2 });
    expect(reply.status).toBe(202);
    const view = reply.json();
    expect(view.preview_id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(view.preview_url).toBe(`http://preview-${view.id}.localhost:8080/`);
    expect(view.urls[1]).toBe(`http://127.0.0.1:8080/preview-${view.id}/`);
    expect(view.expires_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Date.parse(view.expires_at) - Date.parse(view.created_at)).toBe(7_200_000);
    expect(reply.headers).toMatchObject({ location: `/preview/${view.preview_id}`, 'retry-after': '1' });
    const [row] = await stored();
    expect(row).toMatchObject({
      phase: 'Pending',
      spec: {
        image: 'tempus/hello:latest',
        port: 8080,
        cpu: 256,
        memory: 512,
        arch: 'X86_64',
        capacity: 'on_demand',
        env: {},
        health_path: '/',
        health_codes: '200-499',
      },
    });
  });

  test('processor and capacity are those of the request, else those of the install, and are shown', async () => {
    const view = (await post({ arch: 'ARM64', capacity: 'spot' })).json();
    expect(view.spec).toMatchObject({ arch: 'ARM64', capacity: 'spot' });
    expect(view.cost.per_hour).toBeLessThan((await post({})).json().cost.per_hour);
    const containers = [{ name: 'web', image: 'acme/web:1', port: 80 }];
    expect((await post({ containers, arch: 'ARM64' })).json().spec).toMatchObject({
      arch: 'ARM64',
      capacity: 'on_demand',
    });
    await api.serveAnew({ config: { ...CONFIG, default_arch: 'ARM64', default_capacity: 'spot' } });
    expect((await post({})).json().spec).toMatchObject({ arch: 'ARM64', capacity: 'spot' });
  });

  test('an omitted ttl_hours is 24', async () => {
    const { created_at, expires_at, ttl_hours } = (await post({})).json();
    expect(ttl_hours).toBe(24);
    expect(Date.parse(expires_at) - Date.parse(created_at)).toBe(24 * 3_600_000);
  });

  test('a command runs without an image, a string under a shell; a health path of its own is held to 2xx and 3xx', async () => {
    await post({ command: 'npm start', workdir: '/tmp', health_path: '/up', name: 'a', cpu: 512 });
    const [row] = await stored();
    expect(row?.spec).toMatchObject({
      image: 'tempus/process:latest',
      command: ['/bin/sh', '-c', 'npm start'],
      workdir: '/tmp',
      memory: 1024,
      health_codes: '200-399',
    });
  });

  test('several containers are stored with their defaults, and have an address each that is public', async () => {
    const web = { name: 'web', command: 'npm start', port: 3000, depends_on: { db: 'healthy' } };
    const second = { name: 'api', image: 'acme/api:1', port: 4000, public: 'api', health_path: '/up' };
    const healthcheck = { command: ['CMD', 'pg_isready'] };
    const db = { name: 'db', image: 'postgres:17', env: { POSTGRES_PASSWORD: 'canary-7a1' }, healthcheck };
    const reply = await post({
      cpu: 512,
      memory: 1024,
      containers: [{ ...web, public: true }, second, db],
    });
    expect(reply.status).toBe(202);
    const view = reply.json() as { id: string; urls: string[]; spec: object };
    expect(view.urls.some((url) => url.includes(`preview-${view.id}-api`))).toBe(true);
    expect(view.spec).toMatchObject({ containers: [{ env: [] }, {}, { env: ['POSTGRES_PASSWORD'] }] });
    expect(reply.text).not.toContain('canary');
    expect((await api.store.get(view.id))?.spec).toEqual({
      cpu: 512,
      memory: 1024,
      arch: 'X86_64',
      capacity: 'on_demand',
      containers: [
        {
          name: 'web',
          image: CONFIG.process_image,
          command: ['/bin/sh', '-c', 'npm start'],
          port: 3000,
          env: {},
          essential: true,
          depends_on: { db: 'healthy' },
          public: true,
          health_path: '/',
          health_codes: '200-499',
        },
        { ...second, env: {}, essential: true, depends_on: {}, health_codes: '200-399' },
        {
          ...db,
          essential: true,
          depends_on: {},
          healthcheck: { ...healthcheck, interval_s: 10, timeout_s: 5, retries: 3, start_period_s: 0 },
        },
      ],
    });
  });

  test('the only container with a port is the public one, where none says so', async () => {
    const { id } = (
      await post({
        containers: [
          { name: 'db', image: 'a' },
          { name: 'web', image: 'b', port: 80 },
        ],
      })
    ).json() as { id: string };
    expect((await api.store.get(id))?.spec).toMatchObject({ containers: [{}, { public: true }] });
  });

  test('a repeated Idempotency-Key answers the first preview; with another body it is refused', async () => {
    const key = { 'idempotency-key': 'commit-3f2c91a' };
    const first = await post({ ttl_hours: 2 }, key);
    const [again, ...more] = await Promise.all([1, 2, 3].map(() => post({ ttl_hours: 2 }, key)));
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    for (const reply of [again!, ...more]) {
      expect(reply.headers['idempotency-replayed']).toBe('true');
      expect(reply.json().preview_id).toBe(first.json().preview_id);
    }
    const other = await post({ ttl_hours: 3 }, key);
    expect(other.status).toBe(422);
    expect(other.json().code).toBe('idempotency_key_reused');
    expect(await stored()).toHaveLength(1);
    expect((await post({}, { 'idempotency-key': 'with space' })).status).toBe(400);
  });

  test('a short id that is taken leads to another one', async () => {
    const uuids = ['aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000002'];
    const draws = [...uuids, random.uuid()];
    const loaded = { next: () => 0, uuid: () => draws.shift() ?? random.uuid() };
    // Request ids draw from the same source: give them theirs.
    draws.splice(0, draws.length, 'request-1', uuids[0]!, 'request-2', uuids[1]!, random.uuid());
    await api.serveAnew({ random: loaded });
    const one = (await post({})).json();
    const two = (await post({})).json();
    expect(one.id).toBe('aaaaaaaa');
    expect(two.id).not.toBe('aaaaaaaa');
  });
});

describe('reading and deleting', () => {
  test('a preview is found by UUID, by its first 8 digits, and in any case', async () => {
    const { id, preview_id } = (await post({ name: 'web', labels: { pr: '12' } })).json();
    for (const typed of [id, preview_id, id.toUpperCase(), preview_id.toUpperCase()]) {
      const reply = await ask('GET', `/preview/${typed}`);
      expect(reply.json()).toMatchObject({
        id,
        preview_id,
        name: 'web',
        phase: 'Pending',
        labels: { pr: '12' },
      });
    }
    const stranger = `${id}-0000-4000-8000-000000000000`;
    expect((await ask('GET', `/preview/${stranger}`)).status).toBe(404);
  });

  test('the list is filtered by phase and by labels, and Deleted ones are not in it', async () => {
    const one = (await post({ labels: { pr: '1', team: 'a' } })).json();
    const two = (await post({ labels: { pr: '2', team: 'a' } })).json();
    await ask('DELETE', `/preview/${two.id}`);
    const ids = async (query: string) => {
      const { items } = (await ask('GET', `/previews${query}`)).json() as unknown as { items: PreviewView[] };
      return items.map(({ id }) => id).toSorted();
    };
    expect(await ids('')).toEqual([one.id, two.id].toSorted());
    expect(await ids('?phase=Pending')).toEqual([one.id]);
    expect(await ids('?label=team=a&label=pr=2')).toEqual([two.id]);
    const row = (await api.store.get(two.id))!;
    await api.store.writeStatus(row, { phase: 'Deleted', status: row.status, purge_at: 1 });
    expect(await ids('')).toEqual([one.id]);
    expect((await ask('GET', `/preview/${two.id}`)).json().phase).toBe('Deleted');
  });

  test('a deletion can be asked for again and again; the first one stays', async () => {
    const { id } = (await post({})).json();
    const first = await ask('DELETE', `/preview/${id}`);
    const again = await ask('DELETE', `/preview/${id}`);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(first.json()).toMatchObject({ phase: 'Deleting', deletion: { reason: 'Requested', by: 'local' } });
    expect(again.json().deletion).toEqual(first.json().deletion);
  });

  test('no value of an environment variable is ever answered or logged', async () => {
    const { id } = (await post({ env: { TOKEN: 'canary-5f3a' } })).json();
    await post({ env: { TOKEN: 'canary-5f3a', bad: 'canary-5f3a' } });
    const replies = [
      await ask('GET', `/preview/${id}`),
      await ask('GET', '/previews'),
      await post({ env: ['canary-5f3a'] }),
    ];
    for (const { text } of replies) expect(text).not.toContain('canary-5f3a');
    expect(api.logged).not.toContain('canary-5f3a');
    expect((await api.store.get(id))?.spec).toMatchObject({ env: { TOKEN: 'canary-5f3a' } });
  });

  test('a table that does not answer is a retryable 503, and /health does not mind', async () => {
    class Broken extends PreviewStore {
      override get(): Promise<PreviewRow | undefined> {
        return Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      }
    }
    await api.serveAnew({ store: api.storeOf(Broken) });
    const reply = await ask('GET', '/preview/00000000');
    expect(reply.status).toBe(503);
    expect(reply.json()).toMatchObject({ retryable: true, code: 'table_unavailable' });
    expect((await ask('GET', '/health')).json()).toMatchObject({ status: 'ok', version: '1.2.3' });
  });

  test('the description of the API names every route and bound', async () => {
    const document = (await ask('GET', '/openapi.json')).json() as unknown as {
      paths: object;
      openapi: string;
    };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual([
      '/preview/create',
      '/preview/{id}',
      '/preview/{id}/retry',
      '/previews',
      '/preview/{id}/logs',
      '/preview/{id}/events',
      '/system',
      '/system/sweep',
      '/tokens',
      '/tokens/{id}',
      '/health',
    ]);
    expect(JSON.stringify(document)).toContain('"maximum":336');
  });
});
