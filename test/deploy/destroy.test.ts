import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { providerOverride } from '../../deploy/provider.ts';
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
/** Of the outputs, what the controller is told. */
interface Told {
  controller: { environment: { name: string; value: string }[] };
}

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
  checkout.write('terraform/provider_override.tf', providerOverride('000000000000'));
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
  expect(forced.stderr).toContain(
    'error: not everything is gone after 1s\n  target-group tempus-0a1b2c3d; the API is stopped: make deploy starts it again\n',
  );
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
  expect(late.stderr).toContain(
    'error: not everything is gone after 1s\n  preview 0a1b2c3d (Deleting: Pending, the controller has not looked at this yet); ' +
      'the API is stopped: make deploy starts it again\n',
  );
  expect(late.stderr).not.toContain('tempus show');
  expect(destroys()).toBe(0);
});

const API = `${NAMES.install}-api`;
/** Answers for two seconds after it was told to stop, as one that still has requests. */
const LINGERS = ['sh', '-c', 'trap "sleep 2; exit" TERM; while :; do sleep 0.1; done'];

async function runApi(command: string[]): Promise<void> {
  const { ecs } = account.clients;
  await ecs.registerTaskDefinition({
    family: API,
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ name: 'api', image: PROCESS_IMAGE, command }],
  });
  await ecs.createService({
    cluster: NAMES.cluster,
    serviceName: API,
    taskDefinition: API,
    desiredCount: 1,
    launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration: { subnets: [...NAMES.subnets] } },
  });
  await until('the task', async () => (await apiService())?.runningCount === 1);
}

const apiService = async () =>
  (await account.clients.ecs.describeServices({ cluster: NAMES.cluster, services: [API] })).services?.[0];

/** Tasks of the API that have not stopped, those that are told to included. */
async function apiTasks(): Promise<number> {
  const { ecs } = account.clients;
  const ask = { cluster: NAMES.cluster, serviceName: API };
  const lists = await Promise.all(
    (['RUNNING', 'STOPPED'] as const).map((desiredStatus) => ecs.listTasks({ ...ask, desiredStatus })),
  );
  const tasks = lists.flatMap(({ taskArns = [] }) => taskArns);
  const { tasks: found = [] } = await ecs.describeTasks({ cluster: NAMES.cluster, tasks });
  return found.filter(({ lastStatus }) => lastStatus !== 'STOPPED').length;
}

test('the API has stopped to its last task before Terraform destroys, so that no preview begins behind its back', async () => {
  await runApi(LINGERS);
  expect(await destroy()).toMatchObject({ code: 0 });
  expect(await apiTasks()).toBe(0);
  expect(await apiService()).toMatchObject({ desiredCount: 0, runningCount: 0 });
  expect(destroys()).toBe(1);
});

test('Ctrl-C while the API stops leaves what Terraform has made, and says how the API comes back', async () => {
  await runApi(LINGERS);
  const waiting = checkout.spawn(['destroy', 'YES=1']);
  const stderr = text(waiting.stderr!);
  await until('the order to stop', async () => (await apiService())?.desiredCount === 0);
  process.kill(-waiting.pid!, 'SIGINT');
  await once(waiting, 'close');
  expect(waiting.exitCode ?? waiting.signalCode).not.toBe(0);
  expect(await stderr).toContain(
    'error: stopped waiting\n  Terraform has not run; the API is stopped: make deploy starts it again\n',
  );
  expect(destroys()).toBe(0);
});

test('a preview that was created while the API stopped keeps destroy from Terraform', async () => {
  await runApi(LINGERS);
  const waiting = destroy();
  await until('the order to stop', async () => (await apiService())?.desiredCount === 0);
  await createRecord();
  const { code, stderr } = await waiting;
  expect(code).not.toBe(0);
  expect(stderr).toContain('error: 1 preview lives');
  expect(stderr).toContain('next: the API is stopped: make deploy starts it again; make destroy FORCE=1');
  expect(destroys()).toBe(0);
});

test('an API that somebody starts again while destroy waits is stopped again before Terraform runs', async () => {
  const store = await createRecord();
  await runApi(['sleep', '600']);
  await beat();
  const waiting = destroy('FORCE=1');
  await until('the flip', async () => (await store.get(ROW.id))?.phase === 'Deleting');
  await account.clients.ecs.updateService({ cluster: NAMES.cluster, service: API, desiredCount: 1 });
  await until('the task', async () => (await apiService())?.runningCount === 1);
  await account.clients.document.delete({ TableName: NAMES.previews, Key: { id: ROW.id } });
  expect(await waiting).toMatchObject({ code: 0 });
  expect(await apiTasks()).toBe(0);
  expect(destroys()).toBe(1);
});

test('previews that stand without a controller keep destroy from Terraform, FORCE=1 or not', async () => {
  const state = JSON.parse(checkout.read('terraform/terraform.tfstate')) as { resources: object[] };
  checkout.write(
    'terraform/terraform.tfstate',
    JSON.stringify({ ...state, resources: state.resources.slice(0, 1) }),
  );
  const store = await createRecord();
  for (const given of [[], ['FORCE=1']]) {
    const { code, stdout, stderr } = await destroy(...given);
    expect(code).not.toBe(0);
    expect(stdout).toContain(ROW.id);
    expect(stderr).toContain('error: 1 preview lives');
    expect(stderr).toContain('next: make deploy, because there is no controller');
  }
  expect(await store.get(ROW.id)).toMatchObject({ phase: 'Ready' });
  expect(destroys()).toBe(0);
});

test('outputs of another version are told as such, and nothing is destroyed by guess', async () => {
  const state = JSON.parse(checkout.read('terraform/terraform.tfstate')) as {
    outputs: { containers: { value: Told } };
  };
  const { controller } = state.outputs.containers.value;
  controller.environment = controller.environment.filter(({ name }) => name !== 'TEMPUS_CLUSTER');
  checkout.write('terraform/terraform.tfstate', JSON.stringify(state));
  const { code, stderr } = await destroy();
  expect(code).not.toBe(0);
  expect(stderr).toContain('error: what is deployed is not complete');
  expect(stderr).toContain('TEMPUS_CLUSTER');
  expect(destroys()).toBe(0);
});

test('where nothing is deployed EVERYTHING=1 asks all the same, and without an answer takes nothing', async () => {
  checkout.write('terraform/terraform.tfstate', '{ "resources": [], "outputs": {} }');
  const bootstrap = { address: 'aws_ecr_repository.image', mode: 'managed', type: 'aws_ecr_repository' };
  checkout.write(
    'terraform/bootstrap/terraform.tfstate',
    JSON.stringify({ resources: [{ ...bootstrap, values: {} }], outputs: {} }),
  );
  const { code, stdout, stderr } = await checkout.make(['destroy', 'EVERYTHING=1']);
  expect(code).not.toBe(0);
  expect(stdout).toContain('Type tempus to destroy it:');
  expect(stderr).toContain('error: nothing was destroyed\n  nobody answered\n');
  expect(destroys()).toBe(0);
  expect(checkout.has('terraform/backend.tf')).toBe(true);
});

test('a destroy that broke off after the controller had gone needs neither it nor tables, cluster and listeners to go on', async () => {
  const broken = await checkout.make(['destroy', 'YES=1'], { env: { STAND_IN_BREAKS_AT: 'destroy' } });
  expect(broken.stderr).toContain('error: terraform destroy did not get to its end');
  for (const TableName of [NAMES.previews, NAMES.coordination])
    await account.clients.dynamodb.deleteTable({ TableName });
  // What previews stood in is gone as well: the state names a cluster, listeners and a group that AWS does not know.
  const state = checkout.read('terraform/terraform.tfstate');
  const told = JSON.parse(state) as { outputs: { containers: { value: Told } } };
  for (const one of told.outputs.containers.value.controller.environment) {
    if (['TEMPUS_CLUSTER', 'TEMPUS_SCHEDULE_GROUP'].includes(one.name)) one.value = 'gone';
    if (one.name === 'TEMPUS_ALBS')
      one.value = one.value.replaceAll(/"listener_arn":"[^"]+/g, (listener) => `${listener}0`);
  }
  expect(JSON.stringify(told)).not.toBe(JSON.stringify(JSON.parse(state)));
  checkout.write('terraform/terraform.tfstate', JSON.stringify(told));
  expect(await destroy()).toMatchObject({ code: 0 });
  expect(JSON.parse(checkout.read('terraform/terraform.tfstate'))).toMatchObject({ resources: [] });
});
