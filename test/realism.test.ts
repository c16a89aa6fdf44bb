import { describe, expect, onTestFinished, test } from 'vitest';
import { type AwsClients, createClients } from '../aws/clients.ts';
import { type CloudDeps, startCloud } from '../localcloud/cloud.ts';
import { Realism, type RealismOptions } from '../localcloud/realism/realism.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import type { Stage } from '../localcloud/realism/stages.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { FixedRealism } from './fakes/realism.ts';
import { SeededRandom } from './sim/random.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

/** localcloud with AWS's limits, and with its delays cut to `factor`. SDK retries are off. */
async function start(
  { seed = 'realism', ...options }: Partial<RealismOptions> & { seed?: string } = {},
  deps: Partial<CloudDeps> = {},
) {
  const realism = new Realism({ clock, random: new SeededRandom(seed), factor: 0.02, ...options });
  const cloud = await startCloud({
    clock,
    random,
    log,
    host: '127.0.0.1',
    awsPort: 0,
    listenerPorts: 'any',
    runtime: new FakeRuntime(),
    functions: {},
    realism,
    ...deps,
  });
  const clients = createClients({ region: 'us-east-1', endpoint: cloud.endpoint, credentials });
  onTestFinished(async () => {
    clients.destroy();
    await cloud.stop();
  });
  return { cloud, ...clients };
}

/** What `n` calls at once end as: how many succeed, and the one name and status of those that do not. */
async function outcomes(n: number, call: () => Promise<unknown>) {
  const settled = await Promise.allSettled(Array.from({ length: n }, call));
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as SdkError] : []));
  const kinds = new Set(
    failures.map(({ name, message, $metadata }) => `${name} ${$metadata.httpStatusCode} ${message}`),
  );
  return { succeeded: n - failures.length, kinds: [...kinds] };
}
type SdkError = Error & { $metadata: { httpStatusCode?: number } };

const deleteService = ({ ecs }: Pick<AwsClients, 'ecs'>) => ecs.deleteService({ service: 'none' });

test('calls above the rate of their bucket are throttled, in the words of each protocol', async () => {
  const { ecs, elbv2, scheduler, logs, streams } = await start();
  const clusters = await outcomes(60, () => ecs.createCluster({ clusterName: 'one' }));
  expect(clusters.succeeded).toBeGreaterThanOrEqual(20);
  expect(clusters.kinds).toEqual(['ThrottlingException 400 Rate exceeded']);
  const TargetGroupArn = `arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/x/${'0'.repeat(16)}`;
  const groups = await outcomes(60, () => elbv2.deleteTargetGroup({ TargetGroupArn }));
  expect(groups.succeeded).toBeGreaterThanOrEqual(20);
  expect(groups.kinds).toEqual(['Throttling 400 Rate exceeded']);
  const schedules = await outcomes(200, () => scheduler.listSchedules({}));
  expect(schedules.kinds).toEqual(['ThrottlingException 429 Rate exceeded']);
  const logGroups = await outcomes(60, () => logs.describeLogGroups({}));
  expect(logGroups.kinds).toEqual(['ThrottlingException 400 Rate exceeded']);
  const StreamArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/none/stream/2026-01-01T00:00:00.000';
  const shards = await outcomes(60, () => streams.describeStream({ StreamArn }));
  expect(shards.kinds).toContain('ThrottlingException 400 Rate exceeded');
});

test('a bucket that was emptied refills', async () => {
  const { ecs } = await start();
  const first = await outcomes(120, () => deleteService({ ecs }));
  expect(first.kinds).toContain('ThrottlingException 400 Rate exceeded');
  await expect
    .poll(async () => (await outcomes(1, () => deleteService({ ecs }))).kinds, { timeout: 5_000 })
    .toEqual(['ServiceNotFoundException 400 Service not found.']);
});

test('strict: reads of load balancing also draw from the bucket of the whole account', async () => {
  const lenient = await start();
  const strict = await start({ strict: true });
  const reads = ({ elbv2 }: Pick<AwsClients, 'elbv2'>) =>
    outcomes(150, () => elbv2.describeLoadBalancers({}));
  expect((await reads(lenient)).kinds).toEqual([]);
  expect((await reads(strict)).kinds).toEqual(['Throttling 400 Rate exceeded']);
});

test('without realism nothing is throttled', async () => {
  const { ecs } = await start({}, { realism: undefined });
  expect(await outcomes(100, () => ecs.createCluster({ clusterName: 'one' }))).toEqual({
    succeeded: 100,
    kinds: [],
  });
});

/** Long enough for a busy machine to look before it is over. */
const LATE = 1_500;
const SOON = { timeout: 10_000 };

describe('reads that are late', () => {
  const late = (delays: Partial<Record<Stage, number>>) =>
    start({}, { realism: new FixedRealism({ clock, delays }) });
  const group = {
    Name: 'web',
    Protocol: 'HTTP' as const,
    Port: 80,
    VpcId: 'vpc-1',
    TargetType: 'ip' as const,
    Tags: [{ Key: 'owner', Value: 'me' }],
  };

  async function listen({ elbv2 }: Pick<AwsClients, 'elbv2'>): Promise<string | undefined> {
    const { LoadBalancers } = await elbv2.createLoadBalancer({
      Name: 'alb',
      Subnets: ['subnet-1', 'subnet-2'],
    });
    const { Listeners } = await elbv2.createListener({
      LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
      Port: 80,
      Protocol: 'HTTP',
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    });
    return Listeners?.[0]?.ListenerArn;
  }

  const fixed = (StatusCode: string) => [
    { Type: 'fixed-response' as const, FixedResponseConfig: { StatusCode } },
  ];
  const host = (value: string) => [{ Field: 'host-header', HostHeaderConfig: { Values: [value] } }];

  test('a target group that was created is not yet described, though a rule can use it, and later is', async () => {
    const { elbv2 } = await late({ visibility: LATE });
    const ListenerArn = await listen({ elbv2 });
    const TargetGroupArn = (await elbv2.createTargetGroup(group)).TargetGroups?.[0]?.TargetGroupArn;
    const names = async () =>
      (await elbv2.describeTargetGroups({})).TargetGroups?.map(({ TargetGroupName }) => TargetGroupName);
    expect(await names()).toEqual([]);
    await expect(elbv2.describeTargetGroups({ Names: ['web'] })).rejects.toMatchObject({
      name: 'TargetGroupNotFoundException',
    });
    const Actions = [{ Type: 'forward' as const, TargetGroupArn }];
    await elbv2.createRule({ ListenerArn, Priority: 1, Conditions: host('a.test'), Actions });
    await expect.poll(names, SOON).toEqual(['web']);
    const { TagDescriptions } = await elbv2.describeTags({ ResourceArns: [TargetGroupArn!] });
    expect(TagDescriptions?.[0]?.Tags).toEqual(group.Tags);
  });

  test('a rule that was deleted is still described, but cannot be deleted again', async () => {
    const { elbv2 } = await late({ visibility: LATE });
    const ListenerArn = await listen({ elbv2 });
    const input = { ListenerArn, Priority: 1, Conditions: host('a.test'), Actions: fixed('200') };
    const RuleArn = (await elbv2.createRule(input)).Rules?.[0]?.RuleArn;
    const priorities = async () =>
      (await elbv2.describeRules({ ListenerArn })).Rules?.map(({ Priority }) => Priority);
    await expect.poll(priorities, SOON).toEqual(['1', 'default']);
    await elbv2.deleteRule({ RuleArn });
    expect(await priorities()).toEqual(['1', 'default']);
    await expect(elbv2.deleteRule({ RuleArn })).rejects.toMatchObject({ name: 'RuleNotFoundException' });
    await expect.poll(priorities, SOON).toEqual(['default']);
  });

  test('a service that was updated is described as it was before', async () => {
    const { ecs } = await late({ visibility: LATE, first_task: 60_000 });
    const { taskDefinition } = await ecs.registerTaskDefinition({
      family: 'web',
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: 'web', image: 'any' }],
    });
    const networkConfiguration = { awsvpcConfiguration: { subnets: ['subnet-1'] } };
    const { taskDefinitionArn } = taskDefinition ?? {};
    await ecs.createService({
      serviceName: 'web',
      taskDefinition: taskDefinitionArn,
      desiredCount: 1,
      networkConfiguration,
    });
    const seen = async () => {
      const { services, failures } = await ecs.describeServices({ services: ['web'] });
      return services?.[0]?.desiredCount ?? failures?.[0]?.reason;
    };
    expect(await seen()).toBe('MISSING');
    await expect.poll(seen, SOON).toBe(1);
    const updated = await ecs.updateService({ service: 'web', desiredCount: 2 });
    expect(updated.service?.desiredCount).toBe(2);
    expect(await seen()).toBe(1);
    await expect.poll(seen, SOON).toBe(2);
  });

  test('a rule is live only when it has reached the nodes', async () => {
    const { cloud, elbv2 } = await late({ rule_live: LATE });
    const ListenerArn = await listen({ elbv2 });
    const ask = async () => (await fetch(`http://127.0.0.1:${cloud.listenerPort(80)}/x`)).status;
    expect(await ask()).toBe(404);
    const Conditions = [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/x'] } }];
    await elbv2.createRule({ ListenerArn, Priority: 1, Conditions, Actions: fixed('201') });
    expect(await ask()).toBe(404);
    await expect.poll(ask, SOON).toBe(201);
  });

  const table = {
    TableName: 'things',
    BillingMode: 'PAY_PER_REQUEST' as const,
    AttributeDefinitions: [
      { AttributeName: 'id', AttributeType: 'S' as const },
      { AttributeName: 'live', AttributeType: 'S' as const },
    ],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' as const }],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'live',
        KeySchema: [{ AttributeName: 'live', KeyType: 'HASH' as const }],
        Projection: { ProjectionType: 'ALL' as const },
      },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' as const },
  };

  test('an index follows its table late, item by item in the order of the writes', async () => {
    const { dynamodb, document } = await late({ index: LATE });
    await dynamodb.createTable(table);
    const put = (id: string, n: number) => document.put({ TableName: 'things', Item: { id, live: 'y', n } });
    await put('old', 1);
    const listed = async () => {
      const { Items = [] } = await document.query({
        TableName: 'things',
        IndexName: 'live',
        KeyConditionExpression: 'live = :y',
        ExpressionAttributeValues: { ':y': 'y' },
      });
      return Object.fromEntries(Items.map(({ id, n }) => [id, n] as [string, number]));
    };
    // What was there before anybody asked the index is in it.
    expect(await listed()).toEqual({ old: 1 });
    await put('new', 1);
    await put('old', 2);
    await put('old', 3);
    expect(await listed()).toEqual({ old: 1 });
    expect((await document.get({ TableName: 'things', Key: { id: 'old' } })).Item).toMatchObject({ n: 3 });
    await expect.poll(listed, SOON).toEqual({ old: 3, new: 1 });
    await document.delete({ TableName: 'things', Key: { id: 'old' } });
    expect(await listed()).toEqual({ old: 3, new: 1 });
    await expect.poll(listed, SOON).toEqual({ new: 1 });
    await dynamodb.deleteTable({ TableName: 'things' });
    await dynamodb.createTable(table);
    expect(await listed()).toEqual({});
  });

  test('a stream has its records late, all of them, and in their order', async () => {
    const { dynamodb, document, streams } = await late({ stream_record: LATE });
    const created = await dynamodb.createTable(table);
    const StreamArn = created.TableDescription?.LatestStreamArn;
    const { StreamDescription } = await streams.describeStream({ StreamArn });
    const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
    const iterate = async (ShardIteratorType: 'TRIM_HORIZON' | 'LATEST') =>
      (await streams.getShardIterator({ StreamArn, ShardId, ShardIteratorType })).ShardIterator;
    const read = async (iterator: string | undefined) =>
      (await streams.getRecords({ ShardIterator: iterator })).Records?.map(
        ({ dynamodb: one }) => one?.Keys?.['id']?.S,
      );
    for (const id of ['a', 'b', 'c']) await document.put({ TableName: 'things', Item: { id } });
    const [oldest, latest] = [await iterate('TRIM_HORIZON'), await iterate('LATEST')];
    expect(await read(oldest)).toEqual([]);
    await expect.poll(() => read(oldest), SOON).toEqual(['a', 'b', 'c']);
    // A record that had not come yet when the iterator was taken comes after it.
    expect(await read(latest)).toEqual(['a', 'b', 'c']);
    expect(await read(await iterate('LATEST'))).toEqual([]);
  });
});
