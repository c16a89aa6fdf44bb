import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PreviewView } from '../../preview/view.ts';
import { ask, freePort, ROOT, until } from './laptop-process.ts';
import { inspect, NOTHING, processesWith, standingOf } from './world.ts';

let home: string;
let ports: { api: number; router: number; aws: number };
let split: ChildProcess;
let output = '';

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tempus-split-'));
  ports = { api: await freePort(), router: await freePort(), aws: await freePort() };
  split = spawn(process.execPath, ['laptop/split/main.ts'], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      TEMPUS_HOME: home,
      TEMPUS_RUNTIME: 'process',
      TEMPUS_API_PORT: String(ports.api),
      TEMPUS_ROUTER_PORT: String(ports.router),
      TEMPUS_AWS_PORT: String(ports.aws),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [split.stdout, split.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until('the start of split mode', async () => output.includes('Health'));
});

afterAll(async () => {
  if (split.exitCode === null) {
    split.kill('SIGTERM');
    await once(split, 'exit');
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

const world = () => inspect({ aws: `http://127.0.0.1:${ports.aws}` });

async function api(path: string, method = 'GET', body?: object): Promise<Record<string, unknown>> {
  const reply = await ask(`http://127.0.0.1:${ports.api}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text}`);
  return JSON.parse(reply.text) as Record<string, unknown>;
}

const create = async (hours: number) =>
  (await api('/preview/create', 'POST', { ttl_hours: hours })) as unknown as PreviewView;

function reach(id: string, phase: PreviewView['phase'], ms = 60_000): Promise<PreviewView> {
  return until(
    `${phase} of ${id}`,
    async () => {
      const view = (await api(`/preview/${id}`)) as unknown as PreviewView;
      return view.phase === phase && view;
    },
    ms,
  );
}

const visit = (id: string, headers: object = {}) =>
  ask(`http://127.0.0.1:${ports.router}/`, { host: `preview-${id}.localhost:${ports.router}`, headers });

/** Which processes run a file of Tempus in this home. */
function pidsOf(file: string): number[] {
  const here = new Set(processesWith(`TEMPUS_AWS_ENDPOINT=http://127.0.0.1:${ports.aws}`));
  return processesWith(file).filter((pid) => here.has(pid));
}

/** The process of the controller that leads: its name in the lease ends in its id and a UUID. */
async function leader(): Promise<number> {
  const controller = await until('a leader that has been heard of', async () => {
    const { controller: heard } = (await api('/system')) as { controller: { leader: string } | null };
    return heard ?? undefined;
  });
  const pid = Number(/-(\d+)-[0-9a-f]{8}-/.exec(controller.leader)?.[1]);
  expect(pidsOf('controller/main.ts')).toContain(pid);
  return pid;
}

test('a whole life runs through processes that share nothing but endpoints, though the leading controller is killed in the middle of it', async () => {
  const { id } = await create(0.022);
  await until('the first resource', async () => standingOf(await world(), id).length > 0);
  const waiting = await visit(id, { accept: 'text/html' });
  expect([404, 503]).toContain(waiting.status);
  const killed = await leader();
  process.kill(killed, 'SIGKILL');
  expect(await until('another leader', async () => (await leader()) !== killed, 20_000)).toBe(true);
  const began = performance.now();
  const ready = await reach(id, 'Ready');
  expect(performance.now() - began).toBeLessThan(45_000);
  expect(ready.preview_url).toContain(`preview-${id}.localhost:${ports.router}`);
  expect(await visit(id)).toMatchObject({ status: 200, text: expect.stringContaining(id) as string });
  // While no controller can look at the time, the Lambda does.
  const controllers = pidsOf('controller/main.ts');
  for (const pid of controllers) process.kill(pid, 'SIGSTOP');
  await reach(id, 'Deleting', 120_000);
  for (const pid of controllers) process.kill(pid, 'SIGCONT');
  const gone = await reach(id, 'Deleted', 120_000);
  expect(gone.deletion).toMatchObject({ reason: 'Expired', by: 'lambda/expire' });
  expect(gone.receipt.left_over).toBe(0);
  expect(await world()).toEqual(NOTHING);
}, 240_000);

test('an API and a Lambda host that are killed come back, and nothing is lost', async () => {
  const { id } = await create(1);
  for (const file of ['api/main.ts', 'laptop/split/lambda.ts']) {
    const pids = pidsOf(file);
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until(`a new ${file}`, async () => pidsOf(file).some((pid) => !pids.includes(pid)));
  }
  await reach(id, 'Ready');
  await api(`/preview/${id}`, 'DELETE');
  await reach(id, 'Deleted', 120_000);
  expect(output).toContain('api has ended by itself and is started anew');
}, 240_000);

test('Ctrl-C ends every process', async () => {
  split.kill('SIGINT');
  const [code] = (await once(split, 'exit')) as [number];
  expect(code).toBe(0);
  expect(processesWith(home)).toEqual([]);
}, 60_000);
