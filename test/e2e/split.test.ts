import { afterAll, beforeAll, expect, test } from 'vitest';
import { NAMES } from '../../laptop/infrastructure.ts';
import { toSeconds } from '../../platform/clock.ts';
import type { PreviewView } from '../../preview/view.ts';
import { ask, until } from './laptop-process.ts';
import { Split } from './split-process.ts';
import { clientsOf, inspect, NOTHING, standingOf } from './world.ts';

const TAKEOVER_MS = 15_000;

let split: Split;

beforeAll(async () => {
  split = await Split.prepare();
  await split.start();
});

afterAll(() => split.dispose());

const create = () => split.call<PreviewView>('/preview/create', 'POST', { ttl_hours: 1 });

/** What an operator does with any DynamoDB client. */
async function expireNow(id: string): Promise<void> {
  const clients = clientsOf(split);
  await clients.document.update({
    TableName: NAMES.previews,
    Key: { id },
    UpdateExpression: 'SET expires_at = :now',
    ExpressionAttributeValues: { ':now': toSeconds(new Date()) },
  });
  clients.destroy();
}

/** Has no controller do anything meanwhile. */
async function withoutControllers(run: () => Promise<unknown>): Promise<void> {
  const pids = split.pidsOf('controller');
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    await run();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

test('a whole life runs through processes that share nothing but endpoints, each of them killed on the way', async () => {
  const first = await until('a leader', () => split.leader());
  const { id, created_at } = await create();
  await until('the first resource', async () => standingOf(await inspect(split), id).length > 0);
  process.kill(first, 'SIGKILL');
  const killedAt = performance.now();
  expect((await split.call<PreviewView>(`/preview/${id}`)).phase).not.toBe('Ready');
  const second = await until('another leader', async () => {
    const pid = await split.leader();
    return pid !== first && pid;
  });
  expect(performance.now() - killedAt).toBeLessThan(TAKEOVER_MS);
  expect(second).not.toBe(first);

  const ready = await split.reach(id, 'Ready');
  expect(ready.preview_url).toBe(`http://preview-${id}.localhost:${split.ports.router}/`);
  const served = { status: 200, text: expect.stringContaining(id) as string };
  expect(await split.visit(id)).toMatchObject(served);

  await split.kill('api');
  await split.kill('lambda');
  expect(await split.visit(id)).toMatchObject(served);
  const kept = await until('the API', () => split.call<PreviewView>(`/preview/${id}`));
  expect(kept).toMatchObject({ phase: 'Ready', created_at });
  for (const part of ['api', 'lambda', 'controller'])
    expect(split.output).toMatch(new RegExp(`^${part}(-\\d)? has ended by itself and is started anew`, 'm'));

  // Only the Lambda, in the host that has come back, can now see that the time is up.
  await withoutControllers(async () => {
    await expireNow(id);
    await split.reach(id, 'Deleting');
  });
  const gone = await split.reach(id, 'Deleted', 60_000);
  expect(gone.deletion).toMatchObject({ reason: 'Expired', by: 'lambda/expire' });
  expect(gone.receipt.created).toBeGreaterThan(0);
  expect(gone.receipt).toMatchObject({ deleted: gone.receipt.created, left_over: 0 });
  expect(await inspect(split)).toEqual(NOTHING);
}, 150_000);

test('who comes before a preview is Ready is in the waiting room, a browser with a page and a program with a problem', async () => {
  const { id } = await create();
  const page = await until('the waiting room', async () => {
    const reply = await split.visit(id, { accept: 'text/html' });
    return reply.headers['server'] === 'tempus-waiting-room' && reply;
  });
  expect(page).toMatchObject({
    status: 503,
    text: expect.stringContaining('http-equiv="refresh"') as string,
  });
  const problem = await split.visit(id);
  expect(problem.headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '2' });
  expect(JSON.parse(problem.text)).toMatchObject({ preview_id: id, status: 503, phase: 'Provisioning' });
  await split.call(`/preview/${id}`, 'DELETE');
}, 60_000);

test('an API of its own lists previews, and reads what one wrote and what happened to it', async () => {
  const { id } = await create();
  await split.reach(id, 'Ready');
  const { items } = await split.call<{ items: PreviewView[] }>('/previews');
  expect(items.map((one) => one.id)).toContain(id);
  const log = await ask(`http://127.0.0.1:${split.ports.api}/preview/${id}/logs`);
  expect(log).toMatchObject({ status: 200, text: expect.stringContaining('listening') as string });
  const events = await split.call<{ items: { type: string }[] }>(`/preview/${id}/events`);
  expect(events.items[0]).toMatchObject({ type: 'Created' });
  expect(await split.call('/system/sweep')).toBeDefined();
  await split.call(`/preview/${id}`, 'DELETE');
}, 60_000);

test('the death of localcloud ends all, and says so', async () => {
  for (const pid of split.pidsOf('localcloud')) process.kill(pid, 'SIGKILL');
  expect(await split.ended()).toBe(1);
  expect(split.output).toContain('localcloud has ended by itself');
  await until('the end of every process', async () => split.processes().length === 0, 1_000);
}, 60_000);

test('a start that is killed leaves no process behind, and the next one finds every record', async () => {
  await split.start();
  const { id } = await create();
  await split.end('SIGKILL');
  await until('the end of every process', async () => split.processes().length === 0);
  await split.start();
  expect(await split.call<PreviewView>(`/preview/${id}`)).toMatchObject({ id });
}, 90_000);

test('Ctrl-C ends every process', async () => {
  expect(await split.end('SIGINT')).toBe(0);
  expect(split.processes()).toEqual([]);
}, 60_000);
