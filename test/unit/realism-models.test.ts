import type { Service } from '@aws-sdk/client-ecs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EcsModel } from '../../localcloud/ecs/model.ts';
import { Elbv2Model } from '../../localcloud/elbv2/model.ts';
import { LogsModel } from '../../localcloud/logs/model.ts';
import { SchedulerModel } from '../../localcloud/scheduler/model.ts';
import { memoryState } from '../../localcloud/state.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { ManualClock } from '../fakes/clock.ts';
import { FakeRuntime } from '../fakes/fake-runtime.ts';
import { FakeTargetGroups } from '../fakes/fake-target-groups.ts';
import { FixedRealism } from '../fakes/realism.ts';

const TG = 'arn:tg/web';

describe('a task under realism', () => {
  const STAGES = {
    first_task: 3_000,
    network_interface: 10_000,
    image_pull: 20_000,
    steady_state: 5_000,
    placement_retry: 4_000,
  };

  async function open({ vcpus = 6, desiredCount = 1, names = ['web'] } = {}) {
    const clock = new ManualClock();
    const runtime = new FakeRuntime();
    const elbv2 = new FakeTargetGroups(clock);
    elbv2.add(TG);
    const realism = new FixedRealism({ clock, delays: STAGES, vcpus });
    const logs = new LogsModel({ clock });
    const ecs = new EcsModel({ clock, random, log, state: memoryState(), realism, runtime, elbv2, logs });
    await ecs.start();
    onTestFinished(async () => {
      const stopped = ecs.stop();
      await clock.advance(1_000);
      await stopped;
      expect(clock.pending).toBe(0);
    });
    await ecs.registerTaskDefinition({
      family: 'web',
      networkMode: 'awsvpc',
      cpu: '1024',
      memory: '2048',
      containerDefinitions: [{ name: 'web', image: 'any', portMappings: [{ containerPort: 3000 }] }],
    });
    for (const serviceName of names) {
      await ecs.createService({
        serviceName,
        taskDefinition: 'web',
        desiredCount,
        loadBalancers: [{ targetGroupArn: TG, containerName: 'web', containerPort: 3000 }],
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      });
    }
    await clock.advance(0);
    const service = async (name = 'web'): Promise<Service> =>
      (await ecs.describeServices({ services: [name] })).services![0]!;
    const statuses = async (): Promise<(string | undefined)[]> => {
      const { taskArns = [] } = await ecs.listTasks({});
      if (taskArns.length === 0) return [];
      return (await ecs.describeTasks({ tasks: taskArns })).tasks!.map(({ lastStatus }) => lastStatus);
    };
    return { clock, ecs, runtime, service, statuses };
  }

  test('goes through its stages in their time, and the rollout ends after it', async () => {
    const { clock, service, statuses } = await open();
    const state = async () => (await service()).deployments![0]!.rolloutState;
    await clock.advance(2_900);
    expect(await statuses()).toEqual([]);
    await clock.advance(200);
    expect(await statuses()).toEqual(['PROVISIONING']);
    await clock.advance(10_000);
    expect(await statuses()).toEqual(['PENDING']);
    await clock.advance(20_000);
    expect(await statuses()).toEqual(['RUNNING']);
    await clock.advance(4_500);
    expect(await state()).toBe('IN_PROGRESS');
    await clock.advance(1_000);
    expect(await state()).toBe('COMPLETED');
  });

  test('that is ordered to stop while it waits for its image never runs', async () => {
    const { clock, ecs, runtime, service } = await open();
    await clock.advance(15_000);
    await ecs.deleteService({ service: 'web', force: true });
    await clock.advance(200);
    expect((await service()).status).toBe('INACTIVE');
    expect(runtime.tasks).toEqual([]);
  });

  test('above the vCPU quota is not placed, says so, and is placed when there is room', async () => {
    const { clock, ecs, runtime, service, statuses } = await open({ vcpus: 2, names: ['a', 'b', 'c'] });
    await clock.advance(60_000);
    expect(await statuses()).toEqual(['RUNNING', 'RUNNING']);
    const events = async () => (await service('c')).events!.map(({ message }) => message);
    expect(await events()).toContain(
      "(service c) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
    );
    expect((await service('c')).deployments![0]).toMatchObject({
      rolloutState: 'IN_PROGRESS',
      failedTasks: 0,
    });
    await ecs.deleteService({ service: 'a', force: true });
    await clock.advance(60_000);
    expect((await service('c')).deployments![0]!.rolloutState).toBe('COMPLETED');
    expect(runtime.running).toHaveLength(2);
  });

  test('Spot has a vCPU quota of its own', async () => {
    const { clock, ecs, statuses } = await open({ vcpus: 1 });
    await ecs.createCluster({ clusterName: 'both', capacityProviders: ['FARGATE', 'FARGATE_SPOT'] });
    const networkConfiguration = { awsvpcConfiguration: { subnets: ['subnet-1'] } };
    const capacityProviderStrategy = [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }];
    for (const serviceName of ['one', 'two'])
      await ecs.createService({
        cluster: 'both',
        serviceName,
        taskDefinition: 'web',
        desiredCount: 1,
        networkConfiguration,
        capacityProviderStrategy,
      });
    await clock.advance(60_000);
    expect(await statuses()).toEqual(['RUNNING']);
    const { taskArns } = await ecs.listTasks({ cluster: 'both' });
    const { tasks } = await ecs.describeTasks({ cluster: 'both', tasks: taskArns! });
    expect(tasks).toMatchObject([{ lastStatus: 'RUNNING', capacityProviderName: 'FARGATE_SPOT' }]);
  });

  test('more tasks than Fargate launches at once are launched at its rate', async () => {
    const { clock, ecs } = await open({ vcpus: 1_000, desiredCount: 150 });
    const launched = async () =>
      (await ecs.describeServices({ services: ['web'] })).services![0]!.pendingCount;
    await clock.advance(3_100);
    expect(await launched()).toBe(100);
    await clock.advance(4_000);
    expect(await launched()).toBe(150);
  });
});

test('a new target is checked after its time, and then by the interval', async () => {
  const clock = new ManualClock();
  const realism = new FixedRealism({ clock, delays: { first_check: 6_000 } });
  const checks: number[] = [];
  let ok = false;
  const model = new Elbv2Model({
    clock,
    random,
    log,
    state: memoryState(),
    realism,
    checkTarget: async () => {
      checks.push(clock.monotonic());
      return ok ? { ok } : { ok, reason: 'Target.Timeout', description: 'Request timed out' };
    },
  });
  onTestFinished(() => model.stop());
  const { LoadBalancers } = await model.createLoadBalancer({ Name: 'alb', Subnets: ['a', 'b'] });
  const { TargetGroups } = await model.createTargetGroup({
    Name: 'web',
    Protocol: 'HTTP',
    Port: 80,
    VpcId: 'vpc-1',
    TargetType: 'ip',
    HealthCheckIntervalSeconds: 5,
    HealthCheckTimeoutSeconds: 2,
  });
  const { TargetGroupArn } = TargetGroups![0]!;
  await model.createListener({
    LoadBalancerArn: LoadBalancers![0]!.LoadBalancerArn,
    Port: 80,
    Protocol: 'HTTP',
    DefaultActions: [{ Type: 'forward', TargetGroupArn }],
  });
  await model.registerTargets({ TargetGroupArn, Targets: [{ Id: '127.0.0.1', Port: 3000 }] });
  await clock.advance(11_500);
  expect(checks).toEqual([6_000, 11_000]);
  ok = true;
  await clock.advance(5_000);
  const { TargetHealthDescriptions } = await model.describeTargetHealth({ TargetGroupArn });
  expect(TargetHealthDescriptions![0]!.TargetHealth!.State).toBe('healthy');
});

test('schedules fire some time within their minute', async () => {
  const clock = new ManualClock('2026-01-01T00:00:00Z');
  const late = [10_000, 59_000, 0, 30_000];
  const fired: number[] = [];
  const model = new SchedulerModel({
    clock,
    log,
    state: memoryState(),
    invoke: async () => void fired.push(clock.monotonic()),
    lateMs: () => late.shift() ?? 0,
  });
  onTestFinished(() => model.stop());
  await model.createSchedule({
    Name: 'every-minute',
    ScheduleExpression: 'rate(1 minute)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: { Arn: 'arn:aws:lambda:us-east-1:000000000000:function:f', RoleArn: 'role' },
  });
  await clock.advance(215_000);
  expect(fired).toEqual([10_000, 119_000, 120_000, 210_000]);
});
