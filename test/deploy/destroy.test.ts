import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PROCESS_IMAGE } from '../../laptop/config.ts';
import { NAMES } from '../../laptop/infrastructure.ts';
import { initialConditions } from '../../preview/conditions.ts';
import { Heartbeats } from '../../preview/heartbeat.ts';
import { resourceTags } from '../../preview/names.ts';
import { PreviewStore } from '../../preview/store.ts';
import { SweepBoard } from '../../preview/sweep-board.ts';
import { until } from '../e2e/laptop-process.ts';
import { Checkout } from './checkout.ts';
import { Account } from './world.ts';

const ROW = { id: '0a1b2c3d', preview_id: '0a1b2c3d-0000-4000-8000-000000000000' };
let account: Account;
let checkout: Checkout;

/** An install as Terraform has left it in this checkout, with what it says; nobody of its control plane runs. */
beforeEach(async () => {
  account = await Account.open();
  await account.prepare();
  checkout = new Checkout(account.env);
  checkout.write('terraform/install.auto.tfvars.json', '{ "install": "tempus", "region": "us-east-1" }\n');
  checkout.write('terraform/terraform.tfvars', 'allowed_cidrs = ["127.0.0.0/8"]\n');
  checkout.write('terraform/backend.tf', 'terraform {\n  backend "local" {}\n}\n');
  const outputs = JSON.parse(readFileSync(account.outputs, 'utf8')) as object;
  const state = {
    resources: ['aws_ecs_service.api', 'aws_ecs_service.controller'].map((address) => ({
      address,
      mode: 'managed',
      type: 'aws_ecs_service',
      values: {},
    })),
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [name, { value: value as unknown }]),
    ),
  };
  checkout.write('terraform/terraform.tfstate', JSON.stringify(state));
});

afterEach(async () => {
  checkout.dispose();
  await account.close();
});

const destroys = () => account.deeds().filter(({ what }) => what === 'destroy').length;
const destroy = (...given: string[]) => checkout.make(['destroy', 'YES=1', ...given]);

async function targetGroup(install: string, extra: { Key: string; Value: string }[] = []): Promise<string> {
  const { TargetGroups } = await account.clients.elbv2.createTargetGroup({
    Name: `tempus-${ROW.id}`,
    Protocol: 'HTTP',
    Port: 80,
    VpcId: NAMES.vpc_id,
    TargetType: 'ip',
    Tags: [...resourceTags(install, ROW, 'target-group'), ...extra],
  });
  return TargetGroups?.[0]?.TargetGroupArn ?? '';
}

/** A leader that lives, and gets nothing done. */
async function beat(): Promise<void> {
  const heartbeats = new Heartbeats({ client: account.clients.document, table: NAMES.coordination });
  const at = new Date().toISOString();
  const quiet = { queue_depth: 0, stream_lag_s: 0, last_full_list_at: null, last_sweep_at: null };
  await heartbeats.write({ owner: 'busy', version: '0', tenure: 1, became_leader_at: at, at, ...quiet });
}

async function createRecord(): Promise<PreviewStore> {
  const store = new PreviewStore({ client: account.clients.document, table: NAMES.previews });
  const created_at = '2026-01-01T00:00:00Z';
  await store.create({
    ...ROW,
    owner: 'web-team',
    labels: {},
    source: {},
    created_at,
    spec: {},
    ttl_hours: 2,
    expires_at: '2099-01-01T00:00:00Z',
    phase: 'Ready',
    status: { rev: 0, conditions: initialConditions(created_at), resources: {} },
    live: 'live',
  } as unknown as Parameters<PreviewStore['create']>[0]);
  return store;
}

test('what no record accounts for is named and keeps destroy from it; what is of another install does not', async () => {
  const orphan = await targetGroup(NAMES.install);
  const refused = await destroy();
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain(
    'error: a resource stands that no preview accounts for\n  target-group tempus-0a1b2c3d\n',
  );
  await beat();
  const forced = await destroy('FORCE=1', 'TIMEOUT_S=1');
  expect(forced.stderr).toContain('error: not everything is gone after 1s\n  target-group tempus-0a1b2c3d\n');
  const board = new SweepBoard({ client: account.clients.document, table: NAMES.coordination });
  expect(await board.readRequest()).toMatchObject({ max: 1, by: 'root' });
  expect(destroys()).toBe(0);
  await account.clients.elbv2.deleteTargetGroup({ TargetGroupArn: orphan });
  await targetGroup('other');
  expect(await destroy()).toMatchObject({ code: 0 });
  expect(destroys()).toBe(1);
});

test('what a hand protects is named, and nobody waits for it', async () => {
  await targetGroup(NAMES.install, [{ Key: 'tempus:keep', Value: 'true' }]);
  await beat();
  const { code, stderr } = await destroy('FORCE=1');
  expect(code).not.toBe(0);
  expect(stderr).toContain(
    'error: what is left carries the tag tempus:keep\n  target-group tempus-0a1b2c3d\n',
  );
  expect(destroys()).toBe(0);
});

test('Ctrl-C ends the waiting and not the teardown, a time-out names what is left, and Terraform does not run', async () => {
  const store = await createRecord();
  await beat();
  const waiting = checkout.spawn(['destroy', 'YES=1', 'FORCE=1']);
  const stderr = text(waiting.stderr!);
  const stdout = text(waiting.stdout!);
  await until('the flip', async () => (await store.get(ROW.id))?.phase === 'Deleting');
  process.kill(-waiting.pid!, 'SIGINT');
  await once(waiting, 'close');
  expect(waiting.exitCode ?? waiting.signalCode).not.toBe(0);
  expect(await stderr).toContain('error: stopped waiting');
  expect(await stdout).toContain('previews: 1 Deleting; standing in AWS: nothing');
  const late = await destroy('FORCE=1', 'TIMEOUT_S=1');
  expect(late.stderr).toContain('error: not everything is gone after 1s\n  preview 0a1b2c3d (Deleting)\n');
  expect(destroys()).toBe(0);
});

test('the API is stopped before Terraform destroys, so that no preview begins behind its back', async () => {
  const { ecs } = account.clients;
  const name = `${NAMES.install}-api`;
  await ecs.registerTaskDefinition({
    family: name,
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ name: 'api', image: PROCESS_IMAGE, command: ['sleep', '600'] }],
  });
  await ecs.createService({
    cluster: NAMES.cluster,
    serviceName: name,
    taskDefinition: name,
    desiredCount: 1,
    launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration: { subnets: [...NAMES.subnets] } },
  });
  const service = async () =>
    (await ecs.describeServices({ cluster: NAMES.cluster, services: [name] })).services?.[0];
  await until('the task', async () => (await service())?.runningCount === 1);
  expect(await destroy()).toMatchObject({ code: 0 });
  expect(await service()).toMatchObject({ desiredCount: 0, runningCount: 0 });
  expect(destroys()).toBe(1);
});

test('a destroy that broke off after the controller had gone needs neither controller nor tables to go on', async () => {
  const broken = await checkout.make(['destroy', 'YES=1'], { env: { STAND_IN_BREAKS_AT: 'destroy' } });
  expect(broken.stderr).toContain('error: terraform destroy did not get to its end');
  for (const TableName of [NAMES.previews, NAMES.coordination])
    await account.clients.dynamodb.deleteTable({ TableName });
  expect(await destroy()).toMatchObject({ code: 0 });
  expect(JSON.parse(checkout.read('terraform/terraform.tfstate'))).toMatchObject({ resources: [] });
});
