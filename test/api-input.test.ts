import { describe, expect, test } from 'vitest';
import { CONFIG, type Reply, useApi } from './api-world.ts';

const api = useApi();
const { ask, post, stored } = api;

const WEB = { name: 'web', image: 'acme/web:1', port: 3000, public: true };
const DB = { name: 'db', image: 'postgres:17' };
/** A web server and whatever else; the second container is a database where it has no name of its own. */
const several = (...others: object[]) => ({ containers: [WEB, ...others.map((one) => ({ ...DB, ...one }))] });

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
    ['a processor in another word', { arch: 'amd64' }, '/arch'],
    ['a capacity that there is not', { capacity: 'reserved' }, '/capacity'],
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
    ['no container', { containers: [] }, '/containers'],
    ['a container without a name', { containers: [{ image: 'a' }] }, '/containers/0/name'],
    ['a name twice', several({ name: 'web' }), '/containers/1/name'],
    ['a port twice', several({ port: 3000 }), '/containers/1/port'],
    ['a suffix twice', several({ public: 'x', port: 1 }, { public: 'x', port: 2 }), '/containers/2/public'],
    ['two main addresses', several({ public: true, port: 1 }), '/containers/1/public'],
    ['no main address', { containers: [{ ...WEB, public: 'web' }] }, '/containers/0/public'],
    ['a suffix that is no label', several({ public: 'A_B', port: 1 }), '/containers/1/public'],
    ['a suffix that is too long', several({ public: 'a'.repeat(17), port: 1 }), '/containers/1/public'],
    ['a public container without a port', several({ public: 'x' }), '/containers/1/port'],
    [
      'six public containers',
      several(...[1, 2, 3, 4, 5].map((n) => ({ name: `c${n}`, public: `p${n}`, port: n }))),
      '/containers/5/public',
    ],
    [
      'eleven containers',
      { containers: Array.from({ length: 11 }, (_, n) => ({ name: `c${n}`, image: 'a' })) },
      '/containers',
    ],
    ['a dependency on nobody', several({ depends_on: { x: 'started' } }), '/containers/1/depends_on/x'],
    ['a dependency on itself', several({ depends_on: { db: 'started' } }), '/containers/1/depends_on'],
    [
      'health of what has no check',
      several({ depends_on: { web: 'healthy' } }),
      '/containers/1/depends_on/web',
    ],
    [
      'a circle of dependencies',
      {
        containers: [
          { ...WEB, depends_on: { db: 'started' } },
          { ...DB, depends_on: { web: 'started' } },
        ],
      },
      '/containers/0/depends_on',
    ],
    ['no essential container', { containers: [{ ...WEB, essential: false }] }, '/containers/0/essential'],
    ['more memory than the task has', { ...several({ memory: 1024 }), memory: 512 }, '/containers/1/memory'],
    [
      'a health check without a form',
      several({ healthcheck: { command: ['pg_isready', '-q'] } }),
      '/containers/1/healthcheck/command',
    ],
    [
      'a health check every second',
      several({ healthcheck: { command: ['CMD', 'x'], interval_s: 1 } }),
      '/containers/1/healthcheck/interval_s',
    ],
    ['fields of one container beside several', { ...several({}), image: 'a' }, '/image'],
    ['an unknown field of a container', several({ ports: [1] }), '/containers/1/ports'],
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
    const { process_image: _none, ...aws_config } = CONFIG;
    await api.serveAnew({ config: { ...aws_config, allow_workdir: false, min_ttl_seconds: 300 } });
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
