import { onTestFinished, expect, test } from 'vitest';
import { type AwsClients, createClients } from '../aws/clients.ts';
import { type CloudDeps, startCloud } from '../localcloud/cloud.ts';
import { Realism, type RealismOptions } from '../localcloud/realism/realism.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
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
