import { createHash } from 'node:crypto';
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
/** What the table does instead of answering. */
let table: (() => Promise<void>) | undefined;

beforeEach(async () => {
  clock = new ManualClock('2026-01-01T00:00:00Z');
  rows = new Map();
  reads = 0;
  table = undefined;
  room = await open();
});

function open(options: { showLogs?: boolean } = {}): Promise<WaitingRoom> {
  const store = {
    get: async (id: string) => {
      reads += 1;
      await table?.();
      return rows.get(id);
    },
  };
  return openWaitingRoom({ store, clock, log, host: '127.0.0.1', port: 0, ...options });
}

afterEach(() => close());

async function close(): Promise<void> {
  const closed = room.close();
  await clock.advance(1_000);
  await closed;
}

function put(
  changes: Partial<PreviewRow> = {},
  ready = { reason: 'RolloutInProgress', message: 'the task is starting' },
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

/** What comes back for these very bytes, until the room closes the connection. */
function exchange(bytes: string): Promise<string> {
  const socket = connect(room.port, '127.0.0.1');
  socket.write(bytes);
  return new Promise((resolve, reject) => {
    let all = '';
    socket.setEncoding('utf8').on('data', (part: string) => (all += part));
    socket.on('end', () => resolve(all)).on('error', reject);
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
    for (const fact of ['Provisioning', 'RolloutInProgress', 'the task is starting', '2026-01-01T02:00:00Z'])
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

  test('sees markup in a message as text', async () => {
    put({}, { reason: 'ContainerExited', message: '<script>alert(1)</script>' });
    const { text } = await ask('/', { headers: BROWSER });
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(text).not.toContain('<script');
  });

  test('runs nothing of the page, and learns nothing that is not its own business', async () => {
    put();
    const { headers, text } = await ask('/', { headers: BROWSER });
    const style = /<style>([^]*)<\/style>/.exec(text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toContain(`default-src 'none'; style-src 'sha256-${hash}'`);
    expect(headers['x-robots-tag']).toBe('noindex');
    expect(text).not.toMatch(/canary|somebody|acme|<script| style=/);
  });

  test.each([
    ['AccessDenied', 'User: arn:aws:sts::123456789012:assumed-role/canary is not authorized'],
    ['InvalidParameter', 'the role canary cannot be assumed'],
    ['ImagePullFailed', 'CannotPullContainerError: 123456789012.dkr.ecr.canary: 403'],
    ['RolledBack', 'the update was rejected (ContainerNotStarted: canary)'],
    ['UrlNotReady', "the preview's URL does not answer: connect ECONNREFUSED canary:80"],
    ['InvalidSpec', 'spec.env.canary: is too long'],
  ])('never reads what AWS or a record said, only our words for it: %s', async (reason, message) => {
    put({ phase: 'Failed' }, { reason, message });
    for (const headers of [BROWSER, {}]) {
      const { text } = await ask('/', { headers });
      expect(text).toContain(reason);
      expect(text).not.toMatch(/canary|123456789012/);
    }
  });

  test('learns for how long it has been starting, and how long it has left', async () => {
    put();
    await clock.advance(42_000);
    const { text } = await ask('/', { headers: BROWSER });
    expect(text).toContain('<dd>42s</dd>');
    expect(text).toContain('in 1h 59m');
  });

  test('looks again at once when the preview is Ready, for its rule is about to lead there', async () => {
    put({ phase: 'Ready' }, { reason: 'Serving', message: 'the preview answers under its URL' });
    expect((await ask('/', { headers: BROWSER })).text).toContain('content="1"');
  });

  test('gets a page where no preview lives, and where the record cannot be read looks again', async () => {
    const nobody = await ask('/', { headers: BROWSER });
    expect([nobody.status, nobody.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(nobody.text).not.toContain('http-equiv="refresh"');
    await clock.advance(1_000);
    table = () => Promise.reject(new Error('canary: no table'));
    const unreadable = await ask('/', { headers: BROWSER });
    expect(unreadable.status).toBe(503);
    expect(unreadable.text).toContain('<meta http-equiv="refresh" content="5">');
    expect(unreadable.text).not.toMatch(/canary|no preview lives/);
  });

  test('gets no page where a script asks in its name', async () => {
    put();
    const headers = { ...BROWSER, 'sec-fetch-mode': 'cors' };
    expect((await ask('/', { headers })).headers['content-type']).toBe('application/problem+json');
    const navigation = { ...BROWSER, 'sec-fetch-mode': 'navigate' };
    expect((await ask('/', { headers: navigation })).headers['content-type']).toContain('text/html');
  });

  test('reads what a failed preview wrote last only where the install shows it, and as text', async () => {
    const last_error = {
      reason: 'ContainerExited',
      message: '',
      at: '2026-01-01T00:00:00Z',
      logs: ['older', ...Array.from({ length: 9 }, () => 'x'), '<b>boom</b>'],
    };
    put({ phase: 'Failed' });
    const row = rows.get(ID)!;
    rows.set(ID, { ...row, status: { ...row.status, last_error } });
    expect((await ask('/', { headers: BROWSER })).text).not.toContain('boom');
    await close();
    room = await open({ showLogs: true });
    const { text } = await ask('/', { headers: BROWSER });
    expect(text).toContain('&lt;b&gt;boom&lt;/b&gt;');
    expect(text).not.toContain('older');
    expect(Buffer.byteLength(text)).toBeLessThan(6_000);
  });

  test('is told something whatever a hand has put into the record', async () => {
    put({
      name: { '<b>': 1 } as unknown as string,
      phase: 'canary' as PreviewRow['phase'],
      expires_at: 'tomorrow',
      status: {
        rev: 0,
        conditions: [{ type: 'Ready', reason: 7 } as unknown as PreviewRow['status']['conditions'][number]],
        resources: {},
        rollout: { spec: '', since: 'soon' },
        last_error: 'no' as unknown as NonNullable<PreviewRow['status']['last_error']>,
      },
    });
    const { status, text } = await ask('/', { headers: BROWSER });
    expect(status).toBe(503);
    expect(text).toContain(`Preview ${ID} waits for its turn`);
    expect(text).not.toMatch(/undefined|NaN|\[object|canary/);
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
      reason: 'RolloutInProgress',
      retryable: true,
      status_path: `/preview/${ID}`,
    });
  });

  test('learns that a preview is gone, and does not try again', async () => {
    put({ phase: 'Deleting' });
    const gone = await ask();
    expect([gone.status, gone.headers['retry-after']]).toEqual([410, undefined]);
    expect(JSON.parse(gone.text)).toMatchObject({ code: 'preview_gone', retryable: false });
  });

  test('gets no body for HEAD, and no WebSocket', async () => {
    put();
    const head = await ask('/', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([503, '']);
    const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\n';
    const text = await exchange(`GET / HTTP/1.1\r\nhost: preview-${ID}.localhost\r\n${upgrade}\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
  });
});

test('whoever asks before an upload is refused before it, and sends nothing', async () => {
  put();
  const head = `POST / HTTP/1.1\r\nhost: preview-${ID}.localhost\r\ncontent-length: 1000000000\r\n`;
  const text = await exchange(`${head}expect: 100-continue\r\nconnection: close\r\n\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 503 /);
  expect(text).not.toContain('100 Continue');
});

test('what is no HTTP is refused by the room in its own name', async () => {
  const text = await exchange('GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n');
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toContain('server: tempus-waiting-room');
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

test('a table that takes its time is asked once, and one that fails is asked again a second later', async () => {
  put();
  const slow = Promise.withResolvers<void>();
  table = () => slow.promise;
  const first = ask();
  await expect.poll(() => reads).toBe(1);
  await clock.advance(5_000);
  const second = ask();
  await clock.advance(5_000);
  slow.reject(new Error('no answer'));
  expect((await first).status).toBe(503);
  expect(JSON.parse((await second).text)).toMatchObject({ code: 'table_unavailable', retryable: true });
  expect(reads).toBe(1);
  table = undefined;
  await clock.advance(1_000);
  expect(JSON.parse((await ask()).text)).toMatchObject({ code: 'preview_not_ready' });
});

test('every answer says that it is not the preview that answers', async () => {
  put();
  for (const path of ['/', '/.tempus/waiting-room']) {
    expect((await ask(path)).headers['server']).toBe('tempus-waiting-room');
  }
  expect((await ask('/', { host: 'nobody' })).headers['server']).toBe('tempus-waiting-room');
});
