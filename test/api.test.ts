import { request } from 'node:http';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createApi } from '../api/app.ts';
import type { ApiConfig } from '../api/config.ts';
import { type ApiServer, serveApi } from '../api/server.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { previewsTable } from '../preview/tables.ts';
import type { PreviewView } from '../preview/view.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';

const CONFIG: ApiConfig = {
  version: '1.2.3',
  min_ttl_seconds: 10,
  max_ttl_hours: 336,
  default_ttl_hours: 24,
  allow_workdir: true,
  default_image: 'tempus/hello:latest',
  process_image: 'tempus/process:latest',
  routing: {
    scheme: 'http',
    primary: 'host',
    host_domain: 'localhost:8080',
    path_authority: '127.0.0.1:8080',
  },
  allowed_hosts: ['127.0.0.1', 'localhost', '[::1]'],
  log_group: '/previews',
  owner: 'local',
};

let aws: Endpoint;
let store: PreviewStore;
let logs: LogsModel;
let server: ApiServer;
let stop: AbortController;
let logged: string;

async function serve(config: Partial<ApiConfig> = {}) {
  stop = new AbortController();
  const log = pino({ level: 'debug' }, { write: (line: string) => (logged += line) });
  const app = createApi({
    store,
    logs,
    clock,
    random,
    log,
    config: { ...CONFIG, ...config },
    stopping: stop.signal,
  });
  server = await serveApi({ app, host: '127.0.0.1', port: 0, clock });
}

beforeEach(async () => {
  logged = '';
  aws = await Endpoint.open();
  await aws.dynamodb.createTable(previewsTable('previews'));
  const client = DynamoDBDocument.from(aws.dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  store = new PreviewStore({ client, table: 'previews' });
  logs = new LogsModel({ clock });
  await serve();
});

afterEach(async () => {
  stop.abort();
  await server.close();
  await aws.close();
});

interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: () => PreviewView & Record<string, unknown>;
}

function ask(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port: server.port, method, path, headers, agent: false },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            json: () => JSON.parse(text) as ReturnType<Reply['json']>,
          }),
        );
      },
    );
    sent.on('error', reject).end(body);
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };
const post = (body: unknown, headers: Record<string, string> = {}) =>
  ask('POST', '/preview/create', typeof body === 'string' ? body : JSON.stringify(body), {
    ...JSON_TYPE,
    ...headers,
  });
const stored = () => Array.fromAsync(store.live());

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
        env: {},
        health_path: '/',
        health_codes: '200-499',
      },
    });
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
    const app = createApi({
      store,
      logs,
      clock,
      random: loaded,
      log: pino({ level: 'silent' }),
      config: CONFIG,
    });
    await server.close();
    // Request ids draw from the same source: give them theirs.
    draws.splice(0, draws.length, 'request-1', uuids[0]!, 'request-2', uuids[1]!, random.uuid());
    server = await serveApi({ app, host: '127.0.0.1', port: 0, clock });
    const one = (await post({})).json();
    const two = (await post({})).json();
    expect(one.id).toBe('aaaaaaaa');
    expect(two.id).not.toBe('aaaaaaaa');
  });
});

describe('bad input is refused with a pointer to the field, and nothing is written', () => {
  const long = 'x'.repeat(5_000);
  test.each<[string, unknown, string]>([
    ['ttl 0', { ttl_hours: 0 }, '/ttl_hours'],
    ['a negative ttl', { ttl_hours: -1 }, '/ttl_hours'],
    ['a ttl under the minimum', { ttl_hours: 9 / 3600 }, '/ttl_hours'],
    ['a ttl over the maximum', { ttl_hours: 337 }, '/ttl_hours'],
    ['a ttl that is text', { ttl_hours: '2' }, '/ttl_hours'],
    ['a ttl that is NaN, which JSON turns to null', { ttl_hours: Number.NaN }, '/ttl_hours'],
    ['an unknown field', { ttl: 2 }, '/ttl'],
    ['a field that only the server sets', { phase: 'Ready' }, '/phase'],
    ['a name with capitals', { name: 'Web' }, '/name'],
    ['a name with two hyphens', { name: 'a--b' }, '/name'],
    ['a name that is too long', { name: 'a'.repeat(41) }, '/name'],
    ['a name that looks like an id', { name: '20261123' }, '/name'],
    ['port 0', { port: 0 }, '/port'],
    ['a port that is too high', { port: 65_536 }, '/port'],
    ['half a port', { port: 80.5 }, '/port'],
    ['a size that Fargate has not', { cpu: 300 }, '/cpu'],
    ['memory that does not go with the cpu', { cpu: 256, memory: 4096 }, '/memory'],
    ['an environment name in lower case', { env: { path: 'x' } }, '/env/path'],
    ['a reserved environment name', { env: { TEMPUS_X: 'x' } }, '/env/TEMPUS_X'],
    ['an environment value that is a number', { env: { A: 1 } }, '/env/A'],
    ['an environment value that is too long', { env: { A: long } }, '/env/A'],
    [
      'too many variables',
      { env: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`A${n}`, ''])) },
      '/env',
    ],
    ['an image that is none', { image: 'not an image' }, '/image'],
    ['an empty command', { command: '' }, '/command'],
    ['a command of nothing', { command: [] }, '/command'],
    ['a health path without a slash', { health_path: 'up' }, '/health_path'],
    ['a health path with two slashes', { health_path: '//evil.example' }, '/health_path'],
    ['a health path that climbs', { health_path: '/a/../b' }, '/health_path'],
    ['a relative workdir', { command: 'x', workdir: 'app' }, '/workdir'],
    ['a workdir with an image', { image: 'a', command: 'x', workdir: '/tmp' }, '/workdir'],
    ['a workdir without a command', { workdir: '/tmp' }, '/workdir'],
    ['a label with a line break', { labels: { a: 'b\nc' } }, '/labels/a'],
    [
      'too many labels',
      { labels: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`l${n}`, ''])) },
      '/labels',
    ],
    ['a list', [], ''],
    ['a bare string', '"x"', ''],
    ['null', 'null', ''],
  ])('%s', async (_what, body, pointer) => {
    const reply = await post(body);
    expect(reply.status).toBe(422);
    expect(reply.headers['content-type']).toContain('application/problem+json');
    const problem = reply.json();
    expect(problem['errors']).toEqual(expect.arrayContaining([expect.objectContaining({ pointer })]));
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request', retryable: false });
    expect(problem['hint']).toBeTruthy();
    expect(await stored()).toEqual([]);
  });

  test('every mistake is reported at once, and a misspelt field with the one that was meant', async () => {
    const { errors } = (await post({ ttl_hour: 2, port: 'x', name: 'A' })).json() as unknown as {
      errors: { pointer: string; detail: string }[];
    };
    expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual(['/name', '/port', '/ttl_hour']);
    expect(errors.find(({ pointer }) => pointer === '/ttl_hour')?.detail).toContain(
      'did you mean ttl_hours?',
    );
  });

  test.each<[string, () => Promise<Reply>, number, string]>([
    ['malformed JSON', () => post('{"ttl_hours": 2'), 400, 'malformed_json'],
    ['a body over 64 kB', () => post({ name: 'x'.repeat(70_000) }), 413, 'body_too_large'],
    ['no content type', () => ask('POST', '/preview/create', '{}'), 415, 'json_required'],
    [
      'a form',
      () => post('ttl_hours=2', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'json_required',
    ],
    ['plain text', () => post('{}', { 'content-type': 'text/plain' }), 415, 'json_required'],
    [
      'an unknown charset',
      () => post('{}', { 'content-type': 'application/json; charset=x' }),
      415,
      'unsupported_charset',
    ],
    ['an unknown preview', () => ask('GET', '/preview/00000000'), 404, 'preview_not_found'],
    ['an id that is none', () => ask('GET', '/preview/banana'), 404, 'preview_not_found'],
    ['an unknown preview to delete', () => ask('DELETE', '/preview/00000000'), 404, 'preview_not_found'],
    ['a path with a broken escape', () => ask('GET', '/preview/%E0%A4%A'), 400, 'bad_request'],
    ['an unknown route', () => ask('GET', '/nowhere'), 404, 'route_not_found'],
    ['a wrong method', () => ask('PUT', '/preview/create'), 405, 'method_not_allowed'],
    ['an unknown phase', () => ask('GET', '/previews?phase=ready'), 422, 'invalid_query'],
    ['an unknown filter', () => ask('GET', '/previews?owner=me'), 422, 'invalid_query'],
  ])('%s', async (_what, send, status, code) => {
    const reply = await send();
    expect(reply.status).toBe(status);
    expect(reply.json().code).toBe(code);
    expect(reply.json()['hint']).toBeTruthy();
    expect(await stored()).toEqual([]);
  });

  test('where previews do not run on this machine, workdir and a bare command are refused', async () => {
    await server.close();
    const { process_image: _none, ...aws_config } = CONFIG;
    stop = new AbortController();
    const app = createApi({
      store,
      logs,
      clock,
      random,
      log: pino({ level: 'silent' }),
      config: { ...aws_config, allow_workdir: false, min_ttl_seconds: 300 },
    });
    server = await serveApi({ app, host: '127.0.0.1', port: 0, clock });
    expect((await post({ command: 'x', workdir: '/tmp' })).json().errors).toMatchObject([
      { pointer: '/workdir' },
      { pointer: '/command' },
    ]);
    expect((await post({ ttl_hours: 0.05 })).status).toBe(422);
    expect((await post({ ttl_hours: 1 / 12 })).status).toBe(202);
  });
});

describe('a page that is open in a browser cannot drive the API', () => {
  test.each<[string, Record<string, string>, number]>([
    ['a page of another origin', { origin: 'http://evil.example' }, 403],
    ['a preview on this machine', { origin: 'http://preview-1.localhost:8080' }, 403],
    ['an origin that a sandbox hides', { origin: 'null' }, 403],
    ['what the browser marks as cross-site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['what the browser marks as same-site', { 'sec-fetch-site': 'same-site' }, 403],
    ['a name that was rebound to this machine', { host: 'rebound.example' }, 421],
    [
      'the API itself',
      { origin: 'http://localhost:1', host: 'localhost:1', 'sec-fetch-site': 'same-origin' },
      202,
    ],
    ['a program', {}, 202],
  ])('%s', async (_what, headers, status) => {
    expect((await post({}, headers)).status).toBe(status);
    expect(await stored()).toHaveLength(status === 202 ? 1 : 0);
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
    const row = (await store.get(two.id))!;
    await store.writeStatus(row, { phase: 'Deleted', status: row.status, purge_at: 1 });
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
    expect(logged).not.toContain('canary-5f3a');
    expect((await store.get(id))?.spec.env).toEqual({ TOKEN: 'canary-5f3a' });
  });

  test('a table that does not answer is a retryable 503, and /health does not mind', async () => {
    class Broken extends PreviewStore {
      override get(): Promise<PreviewRow | undefined> {
        return Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      }
    }
    await server.close();
    store = new Broken({ client: DynamoDBDocument.from(aws.dynamodb), table: 'previews' });
    await serve();
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
      '/previews',
      '/preview/{id}/logs',
      '/health',
    ]);
    expect(JSON.stringify(document)).toContain('"maximum":336');
  });
});

describe('logs', () => {
  let id: string;
  beforeEach(async () => {
    ({ id } = (await post({})).json());
  });
  const write = (...lines: string[]) => logs.put('/previews', `${id}/app/task1`, lines);

  test('a preview that has written nothing has no lines', async () => {
    const reply = await ask('GET', `/preview/${id}/logs`);
    expect(reply.status).toBe(200);
    expect(reply.text).toBe('');
  });

  test('lines come as text, the last ones on demand, and as objects for programs', async () => {
    write('one', 'two', 'three');
    logs.put('/previews', 'ffffffff/app/task1', ['of another preview']);
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
      request({ host: '127.0.0.1', port: server.port, path, agent: false }, (answer) => {
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
    const row = (await store.get(id))!;
    await store.writeStatus(row, { phase: 'Deleted', status: row.status, purge_at: 1 });
    await ended;
    const expected = Array.from({ length: 30 }, (_, n) => [`line ${n} a`, `line ${n} b`]).flat();
    expect(text.trim().split('\n')).toEqual(['first', ...expected]);
  });

  test('a stop of the server ends those who follow', async () => {
    const ended = ask('GET', `/preview/${id}/logs?follow=true`);
    await vi.waitFor(() => expect(logged).toContain('created preview'));
    stop.abort();
    await server.close();
    await expect(
      Promise.race([ended.catch(() => 'cut'), clock.sleep(5_000).then(() => 'open')]),
    ).resolves.not.toBe('open');
    await serve();
  });
});
