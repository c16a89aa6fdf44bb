import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AwsClients, createClients } from '../aws/clients.ts';
import { type Cloud, type CloudDeps, startCloud } from '../localcloud/cloud.ts';
import type { WireCall } from '../localcloud/wire/server.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';

const HOST = '127.0.0.1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

let path: string;
const open: { cloud: Cloud; clients: AwsClients }[] = [];

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'cloud-'));
});
afterEach(async () => {
  for (const { cloud, clients } of open.splice(0)) {
    clients.destroy();
    await cloud.stop();
  }
  await rm(path, { recursive: true, force: true });
});

async function start(more: Partial<CloudDeps> = {}) {
  const cloud = await startCloud({
    clock,
    random,
    log,
    path,
    host: HOST,
    awsPort: 0,
    listenerPorts: { 80: 0 },
    runtime: new FakeRuntime(),
    functions: {},
    ...more,
  });
  const clients = createClients({ region: 'us-east-1', endpoint: cloud.endpoint, credentials });
  open.push({ cloud, clients });
  return { cloud, ...clients };
}

async function createListener({ elbv2 }: Pick<AwsClients, 'elbv2'>, Port = 80) {
  const { LoadBalancers } = await elbv2.createLoadBalancer({
    Name: 'alb',
    Subnets: ['subnet-a', 'subnet-b'],
    Type: 'application',
  });
  return elbv2.createListener({
    LoadBalancerArn: LoadBalancers![0]!.LoadBalancerArn,
    Protocol: 'HTTP',
    Port,
    DefaultActions: [
      { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404', MessageBody: 'nobody' } },
    ],
  });
}

async function ask(port: number | undefined): Promise<string> {
  const response = await fetch(`http://${HOST}:${port}/`);
  return `${response.status} ${await response.text()}`;
}

/** A port that somebody else holds until `free`. */
async function takenPort(): Promise<{ port: number; free: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  return { port, free: () => new Promise((resolve) => server.close(() => resolve())) };
}

describe('listeners', () => {
  test('a listener that is created over the API serves on a real port, until it is deleted', async () => {
    const { cloud, elbv2 } = await start();
    const { Listeners } = await createListener({ elbv2 });
    const port = cloud.listenerPort(80);
    expect(await ask(port)).toBe('404 nobody');
    await elbv2.deleteListener({ ListenerArn: Listeners![0]!.ListenerArn });
    await expect(ask(port)).rejects.toThrow();
    expect(cloud.listenerPort(80)).toBeUndefined();
  });

  test('a listener of an earlier run serves again', async () => {
    const first = await start();
    await createListener(first);
    await first.cloud.stop();
    const { cloud } = await start();
    expect(await ask(cloud.listenerPort(80))).toBe('404 nobody');
  });

  test('a listener whose port is taken is refused by that port, and can be created later', async () => {
    const { port, free } = await takenPort();
    const { cloud, elbv2 } = await start({ listenerPorts: { 80: port } });
    await expect(createListener({ elbv2 })).rejects.toThrow(`port ${port} of ${HOST} is taken`);
    expect((await elbv2.describeLoadBalancers({})).LoadBalancers).toHaveLength(1);
    await free();
    await createListener({ elbv2 });
    expect(await ask(cloud.listenerPort(80))).toBe('404 nobody');
  });

  test('a start whose listener cannot be served says which port, and leaves nothing running', async () => {
    const first = await start();
    await createListener(first);
    await first.cloud.stop();
    const { port, free } = await takenPort();
    await expect(start({ listenerPorts: { 80: port } })).rejects.toThrow(`port ${port} of ${HOST} is taken`);
    await free();
    const { cloud } = await start({ listenerPorts: { 80: port } });
    expect(await ask(cloud.listenerPort(80))).toBe('404 nobody');
  });
});

test('what every service was told is there after a restart', async () => {
  const first = await start();
  const key = { AttributeName: 'id', AttributeType: 'S' as const };
  await first.dynamodb.createTable({
    TableName: 'table',
    AttributeDefinitions: [key],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
  await vi.waitFor(() => first.document.put({ TableName: 'table', Item: { id: 'a', n: 1 } }));
  await first.dynamodb.updateContinuousBackups({
    TableName: 'table',
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  });
  await first.ecs.createCluster({ clusterName: 'c', capacityProviders: ['FARGATE'] });
  await first.logs.createLogGroup({ logGroupName: 'g' });
  await first.scheduler.createScheduleGroup({ Name: 's' });
  await first.cloud.stop();

  const { document, dynamodb, ecs, logs, scheduler } = await start();
  expect((await document.get({ TableName: 'table', Key: { id: 'a' } })).Item).toEqual({ id: 'a', n: 1 });
  const { ContinuousBackupsDescription } = await dynamodb.describeContinuousBackups({ TableName: 'table' });
  expect(ContinuousBackupsDescription?.PointInTimeRecoveryDescription).toMatchObject({
    PointInTimeRecoveryStatus: 'ENABLED',
  });
  const { clusters } = await ecs.describeClusters({ clusters: ['c'] });
  expect(clusters).toMatchObject([{ capacityProviders: ['FARGATE'] }]);
  expect((await logs.describeLogGroups({})).logGroups).toMatchObject([{ logGroupName: 'g' }]);
  expect((await scheduler.getScheduleGroup({ Name: 's' })).State).toBe('ACTIVE');
});

test('a schedule invokes a function by its name, at the pace of this cloud', async () => {
  const events: unknown[] = [];
  const functions = { sweep: async (event: unknown) => events.push(event) };
  const { scheduler } = await start({ functions, schedulerMinuteMs: 20 });
  await scheduler.createSchedule({
    Name: 'sweep',
    ScheduleExpression: 'rate(1 minute)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: { Arn: 'arn:aws:lambda:us-east-1:000000000000:function:sweep', RoleArn: 'r', Input: '{"a":1}' },
  });
  await vi.waitFor(() => expect(events.length).toBeGreaterThan(2));
  expect(events[0]).toEqual({ a: 1 });
});

test('every call is seen, and a cloud that was stopped answers none', async () => {
  const calls: WireCall[] = [];
  const { cloud, ecs, dynamodb } = await start({ onCall: (call) => calls.push(call) });
  await ecs.listClusters({}).catch(() => undefined);
  await dynamodb.listTables({});
  expect(calls).toMatchObject([
    { service: 'ecs', operation: 'ListClusters' },
    { service: 'dynamodb', operation: 'ListTables', status: 200 },
  ]);
  await cloud.stop();
  await cloud.stop();
  await expect(dynamodb.listTables({})).rejects.toThrow();
});
