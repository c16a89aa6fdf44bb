import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from '../api/app.ts';
import { type ApiServer, serveApi } from '../api/server.ts';
import { apiConfig } from '../laptop/config.ts';
import { NAMES } from '../laptop/infrastructure.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import type { Phase } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { previewsTable } from '../preview/tables.ts';
import type { PreviewView } from '../preview/view.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';

const ROOT = resolve(import.meta.dirname, '..');

let aws: Endpoint;
let store: PreviewStore;
let logs: LogsModel;
let server: ApiServer;
let folder: string;

beforeAll(async () => {
  aws = await Endpoint.open();
  await aws.dynamodb.createTable(previewsTable('previews'));
  const client = DynamoDBDocument.from(aws.dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  store = new PreviewStore({ client, table: 'previews' });
  logs = new LogsModel({ clock });
  const config = apiConfig({ scheme: 'http', primary: 'host', host_domain: 'localhost:8080' }, '1.2.3');
  server = await serveApi({
    app: createApi({ store, logs, clock, random, log, config }),
    host: '127.0.0.1',
    port: 0,
    clock,
  });
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tempus-cli-')));
});

afterAll(async () => {
  await server.close();
  await aws.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  for await (const row of store.live())
    await store.writeStatus(row, { phase: 'Deleted', status: row.status, purge_at: 1 });
});

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The command as a person runs it: a process of its own. */
function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(ROOT, 'cli/tempus.js'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], TEMPUS_SERVER: `http://127.0.0.1:${server.port}`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const done: Promise<Run> = ended.then(([stdout, stderr]) => ({ code: child.exitCode, stdout, stderr }));
  return { child, done };
}

const tempus = (...args: string[]) => start(args).done;

/** Plays the controller: the preview of this id is now in this phase. */
async function move(id: string, phase: Phase): Promise<void> {
  const row = (await store.get(id))!;
  const last_error = {
    reason: 'ContainerExited',
    message: 'it ended',
    at: row.created_at,
    logs: ['no database'],
  };
  const status = phase === 'Failed' ? { ...row.status, last_error } : row.status;
  await store.writeStatus(row, { phase, status, ...(phase === 'Deleted' ? { purge_at: 1 } : {}) });
}

async function only(): Promise<string> {
  for (;;) {
    const [row] = await Array.fromAsync(store.live());
    if (row) return row.id;
    await clock.sleep(20);
  }
}

const parsed = (run: Run) => JSON.parse(run.stdout) as PreviewView & PreviewView[];

describe('create', () => {
  test('prints the URL and nothing else on stdout, and sends the folder that it is called from', async () => {
    const run = await tempus(
      'create',
      '--cmd',
      'node server.js',
      '--port',
      '3000',
      '--ttl',
      '90m',
      '--name',
      'web',
    );
    expect(run.code).toBe(0);
    const row = (await store.get(await only()))!;
    expect(run.stdout).toBe(`http://preview-${row.id}.localhost:8080/\n`);
    expect(run.stderr).toContain(row.id);
    expect(row).toMatchObject({ name: 'web', ttl_hours: 1.5 });
    expect(row.spec).toMatchObject({
      workdir: folder,
      port: 3000,
      command: ['/bin/sh', '-c', 'node server.js'],
    });
  });

  test('a processor is taken in whichever word for it, a capacity by its own; others are refused by the flag', async () => {
    const place = ['--image', 'acme/web:1', '--arch', 'arm64', '--capacity', 'spot'];
    expect(await tempus('create', ...place)).toMatchObject({ code: 0 });
    expect((await store.get(await only()))!.spec).toMatchObject({ arch: 'ARM64', capacity: 'spot' });
    const wrong = await tempus('create', '--arch', 'sparc');
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toMatch(/--arch.*X86_64 or ARM64/);
    expect((await tempus('create', '--capacity', 'cheap')).stderr).toMatch(/on_demand, spot/);
  });

  test('a preview that gets its address with its place prints none before it has one, and says where it will be', async () => {
    const config = apiConfig({ scheme: 'http', primary: 'host' }, '1.2.3');
    const app = createApi({ store, logs, clock, random, log, config });
    const several = await serveApi({ app, host: '127.0.0.1', port: 0, clock });
    const args = ['--server', `http://127.0.0.1:${several.port}`];
    const created = await tempus('create', ...args);
    const id = await only();
    expect(created).toMatchObject({ code: 0, stdout: '' });
    expect(created.stderr).toContain(`tempus show ${id}`);
    expect((await tempus('create', '-o', 'url', '--idempotency-key', 'a', ...args)).stdout).toBe('');
    const opened = await tempus('open', id, '--print', ...args);
    expect(opened).toMatchObject({ code: 5, stdout: '' });
    expect(opened.stderr).toContain('has no address yet');
    await several.close();
  });

  test('a Compose file becomes one preview of several containers, and flags say of it what they can', async () => {
    const file =
      'services:\n  web: { image: acme/web, ports: ["3000"] }\n  db: { image: postgres, restart: always }\n';
    writeFileSync(join(folder, 'compose.yaml'), file);
    const run = await start(['create', '-f', 'compose.yaml', '--ttl', '2h', '--name', 'shop']).done;
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toContain('note: services.db.restart: ignored');
    expect(await store.get(await only())).toMatchObject({
      name: 'shop',
      ttl_hours: 2,
      spec: { cpu: 512, containers: [{ name: 'web', public: true, port: 3000 }, { name: 'db' }] },
    });
  });

  test.each<[string, string[], string, string]>([
    [
      'a file that cannot be mapped',
      ['-f', 'bad.yaml'],
      'bad.yaml:2:10: services.web.build',
      'docs/compose.md',
    ],
    ['a file that is not there', ['-f', 'none.yaml'], 'none.yaml cannot be read', 'ENOENT'],
    [
      'a file beside one container',
      ['-f', 'bad.yaml', '--image', 'a', '--health-path', '/'],
      '--image, --health-path',
      '',
    ],
    ['a dry run of flags', ['--dry-run'], '--dry-run goes with -f', ''],
  ])('%s is refused, and nothing is created', async (_what, args, why, hint) => {
    writeFileSync(join(folder, 'bad.yaml'), 'services:\n  web: { build: . }\n');
    const run = await start(['create', ...args]).done;
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(why);
    expect(run.stderr).toContain(hint);
    expect(await Array.fromAsync(store.live())).toEqual([]);
  });

  test('a dry run of a file prints the request, and creates nothing', async () => {
    writeFileSync(join(folder, 'one.yaml'), 'services: { web: { image: acme/web, ports: ["80"] } }\n');
    const run = await start(['create', '-f', 'one.yaml', '--dry-run']).done;
    expect(JSON.parse(run.stdout)).toMatchObject({ containers: [{ name: 'web', port: 80, public: true }] });
    expect(await Array.fromAsync(store.live())).toEqual([]);
  });

  test('with --wait it tells each phase on stderr and ends when the preview is Ready', async () => {
    const { done } = start(['create', '--wait', '--env', 'A=1', '--env', 'B=x=y', '--label', 'pr=12']);
    const id = await only();
    await move(id, 'Provisioning');
    await move(id, 'Ready');
    const run = await done;
    expect(run.code).toBe(0);
    expect(run.stderr).toContain('Ready in');
    expect(run.stdout).toBe(`http://preview-${id}.localhost:8080/\n`);
    expect((await store.get(id))?.spec).toMatchObject({ env: { A: '1', B: 'x=y' } });
  });

  test('a preview that fails ends it with 1, the reason and the last lines', async () => {
    const { done } = start(['create', '--cmd', 'false', '--wait']);
    await move(await only(), 'Failed');
    const run = await done;
    expect(run.code).toBe(1);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain('ContainerExited');
    expect(run.stderr).toContain('| no database');
    expect(run.stderr).toContain('next: tempus logs');
  });

  test('a wait that runs out ends it with 6, and Ctrl-C with 130, both saying that the server carries on', async () => {
    const late = await tempus('create', '--wait', '--timeout', '0.3s');
    expect(late.code).toBe(6);
    expect(late.stderr).toContain('the server carries on');
    const { child, done } = start(['create', '--wait']);
    await once(child.stderr, 'data');
    child.kill('SIGINT');
    const cut = await done;
    expect(cut.code).toBe(130);
    expect(cut.stderr).toContain('next: tempus show');
  });

  test('Ctrl-C that npm passes on a second time still says how to resume', async () => {
    const { child, done } = start(['create', '--wait']);
    await once(child.stderr, 'data');
    child.kill('SIGINT');
    await clock.sleep(1);
    child.kill('SIGINT');
    const cut = await done;
    expect(cut.code).toBe(130);
    expect(cut.stderr).toContain('next: tempus show');
  });

  test('--workdir counts from the folder it is typed in, whatever npm run is around it', async () => {
    mkdirSync(join(folder, 'app'), { recursive: true });
    const { done } = start(['create', '--cmd', 'true', '--workdir', 'app'], { INIT_CWD: '/somewhere' });
    expect((await done).code).toBe(0);
    expect((await store.get(await only()))?.spec).toMatchObject({ workdir: join(folder, 'app') });
  });

  test('the same idempotency key creates one preview', async () => {
    const [one, two] = [
      await tempus('create', '--idempotency-key', 'k1'),
      await tempus('create', '--idempotency-key', 'k1'),
    ];
    expect(one.stdout).toBe(two.stdout);
  });
});

describe('every command', () => {
  let id: string;
  beforeEach(async () => {
    await tempus('create', '--name', 'web');
    id = await only();
    logs.put(NAMES.log_group, `${id}/app/t1`, ['one', 'two']);
  });

  test.each<[string, (id: string) => string[]]>([
    ['create', () => ['create']],
    ['ls', () => ['ls']],
    ['show', (it) => ['show', it]],
    ['logs', (it) => ['logs', it, '--tail', '1']],
    ['rm', (it) => ['rm', it]],
    ['open', (it) => ['open', it, '--print']],
  ])('%s prints JSON with -o json, in either place', async (_name, args) => {
    for (const run of [await tempus('-o', 'json', ...args(id)), await tempus(...args(id), '-o', 'json')]) {
      expect(run.code).toBe(0);
      expect(() => JSON.parse(run.stdout) as unknown).not.toThrow();
    }
  });

  test('ls shows a table, ids, URLs, or an empty list', async () => {
    const table = (await tempus('ls')).stdout.split('\n');
    expect(table[0]).toMatch(/^ID +NAME +PHASE +FOR +EXPIRES IN +COST +PROJ +URL$/);
    expect(table[1]).toMatch(new RegExp(`^${id} +web +Pending`));
    expect((await tempus('ls', '-o', 'id')).stdout).toBe(`${id}\n`);
    expect((await tempus('ls', '-o', 'url')).stdout).toContain(`preview-${id}`);
    expect((await tempus('ls', '--phase', 'Ready', '-o', 'json')).stdout).toBe('[]\n');
  });

  test('a preview is named by id, by UUID, or by a name that only one has', async () => {
    const view = parsed(await tempus('show', id, '-o', 'json'));
    expect(parsed(await tempus('show', view.preview_id, '-o', 'json')).id).toBe(id);
    expect(parsed(await tempus('show', 'web', '-o', 'json')).id).toBe(id);
    await tempus('create', '--name', 'web');
    const ambiguous = await tempus('show', 'web');
    expect(ambiguous.code).toBe(5);
    expect(ambiguous.stderr).toContain(id);
  });

  test('show tells phase, size, conditions and cost', async () => {
    const { stdout } = await tempus('show', id);
    expect(stdout).toMatch(/^Size +256 CPU units, 512 MiB, (X86_64|ARM64), on_demand$/m);
    for (const word of ['Pending', 'SpecAccepted', 'Expires', 'Cost']) expect(stdout).toContain(word);
  });

  test('logs prints the lines, open only the URL', async () => {
    expect((await tempus('logs', id)).stdout).toBe('one\ntwo\n');
    expect((await tempus('logs', 'web', '--tail', '1')).stdout).toBe('two\n');
    expect((await tempus('open', id, '--print')).stdout).toBe(`http://preview-${id}.localhost:8080/\n`);
  });

  test('rm --wait waits for the receipt', async () => {
    const { done } = start(['rm', id, '--wait']);
    for (;;) {
      if ((await store.get(id))?.phase === 'Deleting') break;
      await clock.sleep(20);
    }
    await move(id, 'Deleted');
    const run = await done;
    expect(run.code).toBe(0);
    expect(run.stdout).toBe(`${id}\n`);
    expect(run.stderr).toContain('left over 0');
  });
});

test('rm destroys what it knows, and ends with 3 for what it does not', async () => {
  const [one, two] = [
    parsed(await tempus('create', '-o', 'json')).id,
    parsed(await tempus('create', '-o', 'json')).id,
  ];
  const run = await tempus('rm', one, '00000000', two);
  expect(run.code).toBe(3);
  expect(run.stdout.trim().split('\n').toSorted()).toEqual([one, two].toSorted());
  for (const id of [one, two]) expect((await store.get(id))?.phase).toBe('Deleting');
});

/** Something else than Tempus, on a port of its own for the time of `use`. */
async function withServer<T>(listener: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const other = createServer(listener).listen(0, '127.0.0.1');
  await once(other, 'listening');
  try {
    return await use(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  } finally {
    other.closeAllConnections();
    other.close();
  }
}

/** What the API answers to whoever follows a log: which preview it is, then a line an object. */
function sendView(response: ServerResponse): void {
  response.setHeader('content-type', 'application/json').end('{"phase": "Ready", "spec": {}}');
}

function lineOf(message: string): string {
  return `${JSON.stringify({ timestamp: '2026-01-01T00:00:00.000Z', container: 'app', task: 't', message })}\n`;
}

describe('servers that are not well', () => {
  test.each([200, 404])('a %i page of another program is told as such, not as an answer', async (status) => {
    const page: RequestListener = (_, response) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end('<p>');
    const run = await withServer(page, (url) => tempus('show', '550e8400', '--server', url));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('this is not Tempus');
    expect(run.stderr).toContain('--server');
  });

  test('one that never answers does not outlast --timeout', async () => {
    const view = { id: '550e8400', preview_id: '550e8400', phase: 'Pending' };
    const mute: RequestListener = (request, response) => {
      if (request.method === 'POST')
        response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(view));
    };
    const run = await withServer(mute, (url) =>
      tempus('create', '--wait', '--timeout', '0.3s', '--server', url),
    );
    expect(run.code).toBe(6);
  });

  test('one that goes away while logs are followed ends them with 7', async () => {
    let asked = 0;
    const cut: RequestListener = (request, response) => {
      if (!request.url?.includes('/logs')) return sendView(response);
      if (asked++ > 0) return void response.destroy();
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(lineOf('one'), () => response.destroy());
    };
    const run = await withServer(cut, (url) => tempus('logs', '550e8400', '-f', '--server', url));
    expect(run).toMatchObject({ code: 7, stdout: 'one\n' });
  });

  test('a reader that has gone, as | head has, ends logs quietly', async () => {
    const endless: RequestListener = (request, response) => {
      if (!request.url?.includes('/logs')) return sendView(response);
      const more = () =>
        void response.write(lineOf('line').repeat(1000), (error) => error ?? setImmediate(more));
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      more();
    };
    const run = await withServer(endless, async (url) => {
      const line = `{ "$0" "$1" logs 550e8400 -f --server ${url}; echo "exit $?" >&2; } | head -n 1`;
      const args = [process.execPath, join(ROOT, 'cli/tempus.js')];
      const shell = spawn('/bin/sh', ['-c', line, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      return Promise.all([text(shell.stdout), text(shell.stderr)]);
    });
    expect(run).toEqual(['line\n', 'exit 0\n']);
  });
});

describe('TEMPUS_TOKEN', () => {
  const SECRET = 'tmp_user_0123456789ab_0123456789abcdefghij';

  test.each([
    ['with an ellipsis', `${SECRET}…`],
    ['in curly quotes', `“${SECRET}”`],
    ['with a line break inside', `${SECRET}\n${SECRET}`],
    ['with a space inside', `${SECRET} ${SECRET}`],
    ['of spaces', '   '],
  ])('%s is refused before anything is asked, and not quoted', async (_what, token) => {
    for (const output of ['table', 'json']) {
      const run = await start(['ls', '-o', output], { TEMPUS_TOKEN: token }).done;
      expect(run).toMatchObject({ code: 4, stdout: '' });
      expect(run.stderr).toContain('TEMPUS_TOKEN is not a token');
      expect(run.stderr).toContain('copy all of it anew');
      expect(run.stderr).not.toContain('0123456789ab');
    }
  });

  test('is shown without the line break at its end', async () => {
    let shown: string | undefined;
    const list: RequestListener = (request, response) => {
      shown = request.headers.authorization;
      response.setHeader('content-type', 'application/json').end('{"items": []}');
    };
    const run = await withServer(
      list,
      (url) => start(['ls', '--server', url], { TEMPUS_TOKEN: ` ${SECRET}\n` }).done,
    );
    expect(run.code).toBe(0);
    expect(shown).toBe(`Bearer ${SECRET}`);
  });
});

describe('exit codes and errors', () => {
  test.each<[string, string[], number, string]>([
    ['an unknown preview', ['show', '00000000'], 3, 'next:'],
    ['an unknown name', ['show', 'nobody'], 3, 'next: tempus ls'],
    ['a value that the API refuses', ['create', '--ttl', '1000h'], 2, '/ttl_hours'],
    ['a time that is none', ['create', '--ttl', 'soon'], 2, '4h'],
    ['an unknown option', ['create', '--tll', '4h'], 2, '--ttl'],
    ['an unknown command', ['destroy'], 2, 'tempus --help'],
    ['a missing argument', ['show'], 2, 'id'],
    ['a server that is no address', ['ls', '--server', 'tempus'], 2, 'http://'],
  ])('%s', async (_what, args, code, said) => {
    const run = await tempus(...args);
    expect(run.code).toBe(code);
    expect(run.stdout).toBe('');
    expect(run.stderr.toLowerCase()).toContain(said.toLowerCase());
  });

  test('no server is 7, and says how to start one', async () => {
    const run = await tempus('ls', '--server', 'http://127.0.0.1:1');
    expect(run.code).toBe(7);
    expect(run.stderr).toContain('npm start');
  });

  test('with -o json an error of the API is its problem, on stderr', async () => {
    const run = await tempus('create', '--name', 'NO', '-o', 'json');
    expect(run.code).toBe(2);
    expect(run.stdout).toBe('');
    expect(JSON.parse(run.stderr)).toMatchObject({ status: 422, errors: [{ pointer: '/name' }] });
  });

  test.each<[string, string[], number, string]>([
    ['no server', ['ls', '--server', 'http://127.0.0.1:1'], 7, 'unreachable'],
    ['an unknown name', ['show', 'nobody'], 3, 'not_found'],
    ['a wait that runs out', ['create', '--wait', '--timeout', '0.3s'], 6, 'timed_out'],
  ])('with -o json %s has the form of a problem too', async (_what, args, exit, code) => {
    const run = await tempus(...args, '-o', 'json', '-q');
    expect(run.code).toBe(exit);
    expect(JSON.parse(run.stderr)).toMatchObject({
      code,
      title: expect.any(String),
      hint: expect.any(String),
    });
  });

  test('help is on stdout and ends with 0', async () => {
    const run = await tempus('create', '--help');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('Examples:');
  });
});
