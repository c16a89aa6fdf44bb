import { beforeEach, expect, test } from 'vitest';
import { EcsModel } from '../localcloud/ecs/model.ts';
import { Elbv2Model } from '../localcloud/elbv2/model.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { ManualClock } from './fakes/clock.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { FakeTargetGroups } from './fakes/fake-target-groups.ts';

/** Nothing is written down: thousands of resources are made here. */
const state = { load: () => undefined, save: () => undefined };

let clock: ManualClock;
let elbv2: Elbv2Model;
let LoadBalancerArn: string | undefined;
let ListenerArn: string | undefined;

const notFound = [{ Type: 'fixed-response' as const, FixedResponseConfig: { StatusCode: '404' } }];
const listen = (Port: number) =>
  elbv2.createListener({ LoadBalancerArn, Protocol: 'HTTP', Port, DefaultActions: notFound });

beforeEach(async () => {
  clock = new ManualClock();
  const checkTarget = async () => ({ ok: true }) as const;
  elbv2 = new Elbv2Model({ clock, random, log, state, checkTarget });
  const made = await elbv2.createLoadBalancer({ Name: 'alb', Subnets: ['a', 'b'] });
  LoadBalancerArn = made.LoadBalancers?.[0]?.LoadBalancerArn;
  ListenerArn = (await listen(1)).Listeners?.[0]?.ListenerArn;
});

async function makeGroup(Name: string): Promise<string | undefined> {
  const input = { Name, Protocol: 'HTTP' as const, Port: 80, VpcId: 'v', TargetType: 'ip' as const };
  return (await elbv2.createTargetGroup(input)).TargetGroups?.[0]?.TargetGroupArn;
}

const targets = (first: number, count: number) =>
  Array.from({ length: count }, (_, n) => ({ Id: '10.0.0.1', Port: first + n }));

const use = (TargetGroupArn: string | undefined, Priority: number) =>
  elbv2.createRule({
    ListenerArn,
    Priority,
    Conditions: [{ Field: 'host-header', Values: ['a.test'] }],
    Actions: [{ Type: 'forward', TargetGroupArn }],
  });

test('a load balancer has 50 listeners and no more', async () => {
  for (let port = 2; port <= 50; port += 1) await listen(port);
  await expect(listen(51)).rejects.toMatchObject({ name: 'TooManyListenersException' });
});

test('a Region has 3,000 target groups and no more, and one that is there is still answered', async () => {
  for (let n = 0; n < 3_000; n += 1) await makeGroup(`g-${n}`);
  await expect(makeGroup('one-more')).rejects.toMatchObject({ name: 'TooManyTargetGroupsException' });
  expect(await makeGroup('g-7')).toContain('targetgroup/g-7/');
});

test('a target group has 1,000 targets and no more; the same ones again are no new ones', async () => {
  const TargetGroupArn = await makeGroup('g');
  await elbv2.registerTargets({ TargetGroupArn, Targets: targets(1, 1_000) });
  await elbv2.registerTargets({ TargetGroupArn, Targets: targets(1, 1_000) });
  const over = elbv2.registerTargets({ TargetGroupArn, Targets: targets(2_000, 1) });
  await expect(over).rejects.toMatchObject({ name: 'TooManyTargetsException' });
});

test('a load balancer has 1,000 targets and no more, over all its target groups', async () => {
  const [a, b, elsewhere] = [await makeGroup('a'), await makeGroup('b'), await makeGroup('c')];
  await use(a, 1);
  await use(b, 2);
  await elbv2.registerTargets({ TargetGroupArn: a, Targets: targets(1, 600) });
  await elbv2.registerTargets({ TargetGroupArn: b, Targets: targets(1, 400) });
  const over = elbv2.registerTargets({ TargetGroupArn: b, Targets: targets(2_000, 1) });
  await expect(over).rejects.toMatchObject({ name: 'TooManyTargetsException' });
  await elbv2.registerTargets({ TargetGroupArn: elsewhere, Targets: targets(1, 10) });
  elbv2.stop();
});

test('a condition has 3 values and no more, a rule 5', async () => {
  const create = (hosts: string[], paths: string[]) =>
    elbv2.createRule({
      ListenerArn,
      Priority: 1,
      Conditions: [
        { Field: 'host-header', Values: hosts },
        { Field: 'path-pattern', Values: paths },
      ],
      Actions: notFound,
    });
  const refusal = { name: 'ValidationError' };
  await expect(create(['a', 'b', 'c', 'd'], ['/'])).rejects.toMatchObject(refusal);
  await expect(create(['a', 'b', 'c'], ['/a', '/b', '/c'])).rejects.toMatchObject(refusal);
  expect((await create(['a', 'b', 'c'], ['/a', '/b'])).Rules).toHaveLength(1);
});

test.each(['-a', 'a-', '-', 'a_b', 'a'.repeat(33), ''])('%j is no name of a target group', async (name) => {
  await expect(makeGroup(name)).rejects.toMatchObject({ name: 'ValidationError' });
});

test('a tag of load balancing has 127 characters in its key, 255 in its value, and 49 others beside it', async () => {
  const tagged = (Key: string, Value: string) =>
    elbv2.addTags({ ResourceArns: [LoadBalancerArn ?? ''], Tags: [{ Key, Value }] });
  await expect(tagged('k'.repeat(128), '')).rejects.toMatchObject({ name: 'ValidationError' });
  await expect(tagged('k', 'v'.repeat(256))).rejects.toMatchObject({ name: 'ValidationError' });
  await tagged('k'.repeat(127), 'v'.repeat(255));
  for (let n = 1; n < 50; n += 1) await tagged(`k${n}`, '');
  await expect(tagged('one-more', '')).rejects.toMatchObject({ name: 'TooManyTagsException' });
});

test('a cluster has 5,000 services and no more, until one is gone', async () => {
  const runtime = new FakeRuntime();
  const logs = new LogsModel({ clock });
  const ecs = new EcsModel({ clock, random, log, state, runtime, elbv2: new FakeTargetGroups(clock), logs });
  await ecs.start();
  await ecs.registerTaskDefinition({
    family: 'web',
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ name: 'web', image: 'any' }],
  });
  const create = (n: number) =>
    ecs.createService({
      serviceName: `s-${n}`,
      taskDefinition: 'web',
      desiredCount: 0,
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
    });
  for (let n = 0; n < 5_000; n += 1) await create(n);
  await expect(create(5_000)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await ecs.deleteService({ service: 's-1' });
  await clock.advance(0);
  await create(5_000);
  await ecs.stop();
});
