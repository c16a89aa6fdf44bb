import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NAMES } from '../../laptop/infrastructure.ts';
import type { PreviewView } from '../../preview/view.ts';
import { freePort, until } from '../e2e/laptop-process.ts';
import { inspect, NOTHING } from '../e2e/world.ts';
import { Checkout } from './checkout.ts';
import { Account } from './world.ts';

const TAG = '0.1.0-test';
let account: Account;
let checkout: Checkout;
let token: string;

beforeAll(async () => {
  account = await Account.open();
  await account.prepare();
  checkout = new Checkout(account.env);
  await checkout.make(['setup', 'ALLOWED_CIDRS=127.0.0.0/8']);
  checkout.build();
  for (const name of account.ecr.names) account.ecr.addImage(name, TAG);
});

afterAll(async () => {
  checkout.dispose();
  await account.close();
});

const api = () => `http://127.0.0.1:${account.ports.api}`;

async function ask<T>(path: string, method = 'GET', body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const reply = await fetch(`${api()}${path}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`);
  return (await reply.json()) as T;
}

async function rows(table: string): Promise<Record<string, unknown>[]> {
  return (await account.clients.document.scan({ TableName: table, ConsistentRead: true })).Items ?? [];
}

const tokens = async () =>
  (await rows(NAMES.coordination)).filter(({ key }) => String(key).startsWith('token#')).length;
const destroys = () => account.deeds().filter(({ what, isBootstrap }) => what === 'destroy' && !isBootstrap);

/** What a shell does with what make has printed. */
async function runPrinted(stdout: string): Promise<string> {
  const lines = stdout.split('\n').filter((line) => /^ {2}(export|printf) /.test(line));
  expect(lines).toHaveLength(3);
  return (await promisify(execFile)('sh', ['-euc', lines.join('\n')])).stdout;
}

test('deploy waits for the API, stores one token for an install, and prints a curl that works as it is', async () => {
  expect(await checkout.make(['push', `TAG=${TAG}`])).toMatchObject({ code: 0 });
  const first = checkout.make(['deploy', 'YES=1', 'OWNER=web-team']);
  await until('the wait for the API', async () => account.deeds().some(({ isBootstrap }) => !isBootstrap));
  await account.startApi();
  const { code, stdout, stderr } = await first;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(await runPrinted(stdout))).toMatchObject({ items: [] });
  token = /TEMPUS_TOKEN=(\S+)/.exec(stdout)?.[1] ?? '';
  expect((await rows(NAMES.coordination)).find(({ owner }) => owner === 'web-team')).toMatchObject({
    scope: 'admin',
  });

  const second = await checkout.make(['deploy', 'YES=1']);
  expect(second.code).toBe(0);
  expect(second.stdout).not.toContain('TEMPUS_TOKEN=');
  expect(second.stdout).toContain('make token');
  expect(await tokens()).toBe(1);

  const another = await checkout.make(['token']);
  expect(another.code).toBe(0);
  expect(JSON.parse(await runPrinted(another.stdout))).toMatchObject({ items: [] });
  expect(await tokens()).toBe(2);
});

test('without YES=1 Terraform asks, and a no changes nothing', async () => {
  const before = account.deeds().length;
  const { code, stderr } = await checkout.make(['deploy'], { input: 'no\n' });
  expect(code).not.toBe(0);
  expect(stderr).toContain('terraform apply did not get to its end');
  expect(account.deeds()).toHaveLength(before);
  expect(await checkout.make(['deploy'], { input: 'yes\n' })).toMatchObject({ code: 0 });
});

test('a version that ECS has taken back is told, though Terraform is content', async () => {
  const tag = '0.2.0-broken';
  for (const name of account.ecr.names) account.ecr.addImage(name, tag);
  const args = ['deploy', 'YES=1', `TAG=${tag}`];
  const { code, stdout, stderr } = await checkout.make(args, { env: { STAND_IN_TAKES_BACK: 'controller' } });
  expect(code).not.toBe(0);
  expect(stdout).toContain('The API was deployed with 0.1.0-test; this deploys 0.2.0-broken.');
  expect(stderr).toContain('error: the controller does not run what was deployed');
  expect(stderr).toMatch(/:0\.1\.0-test and not \S+:0\.2\.0-broken/);
  expect(await checkout.make(['deploy', 'YES=1', `TAG=${TAG}`])).toMatchObject({ code: 0 });
});

test('destroy refuses while previews live, tells which, and at once where nobody would destroy them', async () => {
  const ids: string[] = [];
  for (const _ of [1, 2])
    ids.push(
      (await ask<PreviewView>('/preview/create', 'POST', { ttl_hours: 2, port: await freePort() })).id,
    );
  const refused = await checkout.make(['destroy', 'YES=1']);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('error: 2 previews live');
  expect(refused.stderr).toContain('next: make destroy FORCE=1');
  for (const id of ids) expect(refused.stdout).toContain(id);

  const silent = await checkout.make(['destroy', 'YES=1', 'FORCE=1']);
  expect(silent.code).not.toBe(0);
  expect(silent.stderr).toContain('error: no controller leads');
  expect(silent.stderr).toContain('next: make deploy starts it again');
  for (const id of ids) expect((await ask<PreviewView>(`/preview/${id}`)).phase).toBe('Pending');
  expect(destroys()).toEqual([]);
});

test('destroy FORCE=1, killed on its way and repeated, has Terraform run only when nothing of any preview is left', async () => {
  await account.startController();
  const list = () => ask<{ items: PreviewView[] }>('/previews');
  await until(
    'two previews that serve',
    async () => (await list()).items.every(({ phase }) => phase === 'Ready'),
    90_000,
  );
  expect((await inspect({ aws: account.cloud.endpoint })).targetGroups).toHaveLength(2);

  const wrong = await checkout.make(['destroy', 'FORCE=1'], { input: 'tempo\n' });
  expect(wrong.stderr).toContain('that was not its name');
  expect((await list()).items.map(({ phase }) => phase)).toEqual(['Ready', 'Ready']);

  const killed = checkout.spawn(['destroy', 'YES=1', 'FORCE=1']);
  await until(
    'the flip',
    async () => (await list()).items.every(({ phase }) => phase === 'Deleting'),
    20_000,
  );
  process.kill(-killed.pid!, 'SIGKILL');
  await once(killed, 'exit');
  expect(destroys()).toEqual([]);

  const { code, stdout, stderr } = await checkout.make(['destroy', 'FORCE=1'], { input: 'tempus\n' });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('previews: none; standing in AWS: nothing');
  expect(destroys().map(({ world }) => world)).toEqual([{ ...NOTHING, live: 0 }]);
  const deleted = (await rows(NAMES.previews)).map(({ deletion }) => deletion);
  expect(deleted).toHaveLength(2);
  for (const one of deleted) expect(one).toMatchObject({ reason: 'OperatorRequested', by: 'root' });

  const again = await checkout.make(['destroy', 'YES=1']);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing is deployed') as string });
}, 300_000);

test('destroy EVERYTHING=1, broken off and repeated, leaves the account empty, and the choices of the team in the checkout', async () => {
  const everything = ['destroy', 'YES=1', 'EVERYTHING=1'];
  const broken = await checkout.make(everything, { env: { STAND_IN_BREAKS_AT: 'end' } });
  expect(broken.code).not.toBe(0);
  expect(account.ecr.names).toHaveLength(1);
  const { code, stderr } = await checkout.make(everything);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(account.ecr.names).toEqual([]);
  expect(account.bucketNames()).toEqual([]);
  expect(checkout.written()).toEqual(['terraform/terraform.tfvars']);
  expect(await checkout.make(['destroy', 'EVERYTHING=1'])).toMatchObject({ code: 0 });
  expect(await checkout.make(['setup'])).toMatchObject({ code: 0 });
  expect(account.ecr.names).toHaveLength(2);
});
