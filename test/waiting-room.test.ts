import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openWaitingRoom, type WaitingRoom } from '../api/waiting-room.ts';
import { silentLog as log } from '../platform/log.ts';
import { withCondition } from '../preview/conditions.ts';
import { draftPreview } from '../preview/draft.ts';
import type { PreviewRow } from '../preview/record.ts';
import { ManualClock } from './fakes/clock.ts';

const ID = '550e8400';
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

let clock: ManualClock;
let rows: Map<string, PreviewRow>;
let reads: number;
let room: WaitingRoom;

beforeEach(async () => {
  clock = new ManualClock('2026-01-01T00:00:00Z');
  rows = new Map();
  reads = 0;
  const store = {
    get: async (id: string) => {
      reads += 1;
      return rows.get(id);
    },
  };
  room = await openWaitingRoom({ store, clock, log, host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  const closed = room.close();
  await clock.advance(1_000);
  await closed;
});

function put(
  changes: Partial<PreviewRow> = {},
  ready = { reason: 'ImagePulling', message: 'in a moment' },
): void {
  const draft = draftPreview(
    {
      preview_id: `${ID}-e29b-41d4-a716-446655440000`,
      owner: 'somebody',
      labels: { team: 'canary-label' },
      source: {},
      spec: {
        image: 'acme/web:1',
        port: 80,
        cpu: 256,
        memory: 512,
        env: { TOKEN: 'canary-env' },
        health_path: '/',
        health_codes: '200',
      },
      ttl_hours: 2,
      urls: [],
    },
    clock.now(),
  );
  const finding = { type: 'Ready', status: 'False', ...ready } as const;
  const conditions = withCondition(draft.status.conditions, finding, draft.created_at);
  rows.set(ID, { ...draft, phase: 'Provisioning', status: { ...draft.status, conditions }, ...changes });
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

function ask(
  path = '/',
  { host = `preview-${ID}.localhost:8080`, method = 'GET', headers = {}, body = '' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port: room.port, host: '127.0.0.1', path, method, headers: { ...headers, host } };
    const asked = request({ ...options, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    asked.on('error', reject).end(body);
  });
}

describe('a browser', () => {
  test('sees how far the preview is and why, and looks again by itself', async () => {
    put({ name: 'pr-12' });
    const { status, headers, text } = await ask('/deep/link?q=1', { headers: BROWSER });
    expect(status).toBe(503);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['retry-after']).toBe('2');
    expect(text).toContain('<meta http-equiv="refresh" content="2">');
    expect(text).toContain('Preview pr-12 is starting');
    for (const fact of ['Provisioning', 'ImagePulling', 'in a moment', '2026-01-01T02:00:00Z'])
      expect(text).toContain(fact);
    expect(Buffer.byteLength(text)).toBeLessThan(6_000);
  });

  test('learns what to do when the preview could not start, and that one which is gone stays so', async () => {
    put({ phase: 'Failed' }, { reason: 'ContainerExited', message: 'the command ended by itself' });
    const failed = await ask('/', { headers: BROWSER });
    expect(failed.text).toContain(`tempus retry ${ID}`);
    expect(failed.text).toContain('content="10"');
    put({ phase: 'Deleting' });
    await clock.advance(1_000);
    const gone = await ask('/', { headers: BROWSER });
    expect(gone.status).toBe(410);
    expect(gone.text).not.toContain('http-equiv="refresh"');
    expect(gone.headers['retry-after']).toBeUndefined();
  });

  test.each(['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'&#x27;<b>", '${1}$&'])(
    'sees markup in a name or a reason as text: %s',
    async (evil) => {
      put({ name: evil }, { reason: evil, message: evil });
      const { text } = await ask('/', { headers: BROWSER });
      expect(text).not.toMatch(/<script|<img|<b>/);
      expect(text.match(/</g)).toHaveLength((await plainPage()).match(/</g)!.length);
    },
  );

  async function plainPage(): Promise<string> {
    put();
    await clock.advance(1_000);
    return (await ask('/', { headers: BROWSER })).text;
  }

  test('runs nothing of the page, and learns nothing that is not its own business', async () => {
    put();
    const { headers, text } = await ask('/', { headers: BROWSER });
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(headers['x-robots-tag']).toBe('noindex');
    expect(text).not.toMatch(/canary|somebody|acme/);
  });
});

describe('a program', () => {
  test.each([
    ['GET', { accept: '*/*' }],
    ['GET', { accept: 'application/json' }],
    ['POST', BROWSER],
    ['DELETE', {}],
  ])('gets 503, Retry-After and a problem: %s %o', async (method, headers) => {
    put();
    const answer = await ask('/', { method, headers, body: method === 'POST' ? 'x'.repeat(100_000) : '' });
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.text)).toMatchObject({
      status: 503,
      code: 'preview_not_ready',
      preview_id: ID,
      phase: 'Provisioning',
      reason: 'ImagePulling',
    });
  });

  test('gets no body for HEAD, and no WebSocket', async () => {
    put();
    const head = await ask('/', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([503, '']);
    const socket = connect(room.port, '127.0.0.1');
    const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\n';
    socket.write(`GET / HTTP/1.1\r\nhost: preview-${ID}.localhost\r\n${upgrade}\r\n`);
    const text = await new Promise<string>((resolve, reject) => {
      let all = '';
      socket.setEncoding('utf8').on('data', (part: string) => (all += part));
      socket.on('end', () => resolve(all)).on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
  });
});

describe('the preview that a request is for', () => {
  test.each([
    [`preview-${ID}.localhost:8080`, '/'],
    [`PREVIEW-${ID}.Localhost.`, '/'],
    [`preview-${ID}-api.previews.example.com`, '/x'],
    ['127.0.0.1:8080', `/preview-${ID}`],
    ['127.0.0.1:8080', `/preview-${ID}-api/deep?q=/preview-00000000/`],
  ])('is found at %s%s', async (host, path) => {
    put();
    expect((await ask(path, { host })).status).toBe(503);
  });

  test.each([
    ['localhost:8080', '/'],
    ['preview-00000000.localhost', '/'],
    [`xpreview-${ID}.localhost`, '/'],
    ['127.0.0.1:8080', `/x/preview-${ID}/`],
    ['127.0.0.1:8080', `//preview-${ID}/`],
  ])('is none at %s%s', async (host, path) => {
    put();
    expect((await ask(path, { host, headers: BROWSER })).status).toBe(404);
  });
});

test('a storm of reloads reads the record once a second', async () => {
  put();
  await Promise.all(Array.from({ length: 50 }, () => ask()));
  expect(reads).toBe(1);
  await clock.advance(1_000);
  await ask();
  expect(reads).toBe(2);
});

test('every answer says that it is not the preview that answers', async () => {
  put();
  for (const path of ['/', '/.tempus/waiting-room']) {
    expect((await ask(path)).headers['server']).toBe('tempus-waiting-room');
  }
  expect((await ask('/', { host: 'nobody' })).headers['server']).toBe('tempus-waiting-room');
});
