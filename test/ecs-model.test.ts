import type { CreateServiceCommandInput, Service, Task } from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { EcsModel } from '../localcloud/ecs/model.ts';
import type { EcsState } from '../localcloud/ecs/state.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { memoryState, type StateStore } from '../localcloud/state.ts';
import { silentLog } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';
import { ManualClock } from './fakes/clock.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { FakeTargetGroups } from './fakes/fake-target-groups.ts';

const TG = 'arn:tg/web';

let clock: ManualClock;
let runtime: FakeRuntime;
let elbv2: FakeTargetGroups;
let logs: LogsModel;
let state: StateStore<EcsState>;
let ecs: EcsModel;

beforeEach(async () => {
  clock = new ManualClock();
  runtime = new FakeRuntime();
  elbv2 = new FakeTargetGroups(clock);
  elbv2.add(TG);
  logs = new LogsModel({ clock });
  state = memoryState();
  ecs = model();
  await ecs.start();
});

afterEach(async () => {
  const stopped = ecs.stop();
  await clock.advance(1000);
  await stopped;
  expect(runtime.running).toEqual([]);
  expect(clock.pending).toBe(0);
});

function model(): EcsModel {
  return new EcsModel({ clock, random: systemRandom, log: silentLog, state, runtime, elbv2, logs });
}

async function register(image: string): Promise<string> {
  const { taskDefinition } = await ecs.registerTaskDefinition({
    family: 'web',
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [
      {
        name: 'web',
        image,
        command: ['serve'],
        environment: [{ name: 'A', value: 'b' }],
        portMappings: [{ containerPort: 3000 }],
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-group': 'tempus', 'awslogs-stream-prefix': 'p' },
        },
      },
    ],
  });
  return taskDefinition!.taskDefinitionArn!;
}

const breaker = { enable: true, rollback: true };

async function create(image: string, more: Partial<CreateServiceCommandInput> = {}): Promise<Service> {
  const taskDefinition = await register(image);
  const created = await ecs.createService(serviceInput({ taskDefinition, ...more }));
  return created.service!;
}

function serviceInput(more: Partial<CreateServiceCommandInput>): CreateServiceCommandInput {
  return {
    serviceName: 'web',
    desiredCount: 1,
    launchType: 'FARGATE',
    loadBalancers: [{ targetGroupArn: TG, containerName: 'web', containerPort: 3000 }],
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
    healthCheckGracePeriodSeconds: 5,
    deploymentConfiguration: { deploymentCircuitBreaker: breaker },
    ...more,
  };
}

async function service(): Promise<Service> {
  const { services } = await ecs.describeServices({ services: ['web'] });
  return services![0]!;
}

/** Moves time in small steps until the condition holds. */
async function until(condition: () => boolean | Promise<boolean>, limitMs = 120_000): Promise<void> {
  const end = clock.monotonic() + limitMs;
  while (!(await condition())) {
    if (clock.monotonic() >= end)
      throw new Error(`not reached within ${limitMs} ms: ${condition.toString()}`);
    await clock.advance(50);
  }
}

const primary = async () => (await service()).deployments![0]!;
const reaches = (rolloutState: string) => until(async () => (await primary()).rolloutState === rolloutState);
const events = async () => (await service()).events!.map(({ message }) => message);

async function stoppedTasks(): Promise<Task[]> {
  const { taskArns } = await ecs.listTasks({ desiredStatus: 'STOPPED' });
  if (taskArns!.length === 0) return [];
  return (await ecs.describeTasks({ tasks: taskArns })).tasks!;
}

const refusal = (name: string, message = '') => ({
  name,
  message: expect.stringContaining(message) as string,
});

describe('a healthy deployment', () => {
  test('starts the task, registers it and completes once its target is healthy', async () => {
    elbv2.health = () => 'initial';
    await create('good');
    await until(() => elbv2.ports(TG).length === 1);
    await clock.advance(2000);
    expect(await primary()).toMatchObject({
      status: 'PRIMARY',
      rolloutState: 'IN_PROGRESS',
      runningCount: 1,
    });
    elbv2.health = () => 'healthy';
    await reaches('COMPLETED');
    expect(await service()).toMatchObject({
      status: 'ACTIVE',
      runningCount: 1,
      pendingCount: 0,
      desiredCount: 1,
    });
    expect(await events()).toEqual([
      '(service web) has reached a steady state.',
      expect.stringMatching(/deployment completed\.$/),
      expect.stringMatching(/^\(service web\) has started 1 tasks: \(task [0-9a-f]{32}\)\.$/),
    ]);
  });

  test('tells the runtime what the task definition says, and keeps its log lines per task', async () => {
    runtime.script['good'] = ({ launch }) => launch.onLog('hello');
    await create('good');
    await reaches('COMPLETED');
    const [task] = runtime.running;
    expect(task!.launch).toMatchObject({
      image: 'good',
      command: ['serve'],
      env: { A: 'b' },
      ports: [3000],
      stopTimeoutMs: 30_000,
    });
    const logStreamName = `p/web/${task!.launch.taskId}`;
    const { events: lines } = await logs.getLogEvents({ logGroupName: 'tempus', logStreamName });
    expect(lines).toMatchObject([{ message: 'hello' }]);
  });

  test('a task that crashes later is replaced at once and does not fail the deployment', async () => {
    await create('good');
    await reaches('COMPLETED');
    await clock.advance(60_000);
    runtime.running[0]!.exit({ signal: 'SIGKILL' });
    await clock.advance(0);
    expect(runtime.running).toHaveLength(1);
    expect(elbv2.ports(TG)).toEqual([runtime.running[0]!.port]);
    expect(await primary()).toMatchObject({ rolloutState: 'COMPLETED', failedTasks: 0 });
    expect(await stoppedTasks()).toMatchObject([
      {
        lastStatus: 'STOPPED',
        stopCode: 'EssentialContainerExited',
        stoppedReason: 'Essential container in task exited',
        containers: [{ exitCode: 137 }],
      },
    ]);
  });

  test('a stopped task is described for an hour, and no longer', async () => {
    await create('good');
    await reaches('COMPLETED');
    runtime.running[0]!.exit({ exitCode: 1 });
    await clock.advance(59 * 60_000);
    expect(await stoppedTasks()).toHaveLength(1);
    await clock.advance(2 * 60_000);
    await register('other');
    expect(await stoppedTasks()).toHaveLength(0);
  });
});

describe('creating a service', () => {
  test('is refused until the target group is behind a load balancer', async () => {
    elbv2.add('arn:tg/alone', { behindLoadBalancer: false });
    const loadBalancers = [{ targetGroupArn: 'arn:tg/alone', containerName: 'web', containerPort: 3000 }];
    await expect(create('good', { loadBalancers })).rejects.toMatchObject(
      refusal(
        'InvalidParameterException',
        'The target group with targetGroupArn arn:tg/alone does not have an associated load balancer.',
      ),
    );
    expect((await ecs.listServices({})).serviceArns).toEqual([]);
  });

  test('again with the same parameters returns the same service; with others it is refused', async () => {
    const first = await create('good');
    const input = serviceInput({ taskDefinition: first.taskDefinition! });
    expect((await ecs.createService({ ...input, clientToken: 't' })).service).toMatchObject({
      serviceArn: first.serviceArn,
      createdAt: first.createdAt,
    });
    await expect(ecs.createService({ ...input, desiredCount: 2 })).rejects.toMatchObject(
      refusal('InvalidParameterException', 'Creation of service was not idempotent.'),
    );
    const calls = [ecs.createService(input), ecs.createService(input)];
    await Promise.all(calls);
    await reaches('COMPLETED');
    expect(runtime.tasks).toHaveLength(1);
  });
});

describe('deleting a service', () => {
  test('drains: the name stays refused until every task has stopped', async () => {
    elbv2.groups.get(TG)!.drainSeconds = 5;
    const { taskDefinition } = await create('good');
    await reaches('COMPLETED');
    await expect(ecs.deleteService({ service: 'web' })).rejects.toMatchObject(
      refusal('InvalidParameterException'),
    );
    const deleted = await ecs.deleteService({ service: 'web', force: true });
    expect(deleted.service).toMatchObject({ status: 'DRAINING', desiredCount: 0 });
    await clock.advance(4000);
    expect(runtime.running).toHaveLength(1);
    expect(elbv2.ports(TG)).toEqual([]);
    expect((await ecs.listServices({})).serviceArns).toEqual([]);
    expect((await service()).status).toBe('DRAINING');
    const again = serviceInput({ taskDefinition });
    await expect(ecs.createService(again)).rejects.toMatchObject(
      refusal('InvalidParameterException', 'Unable to Start a service that is still Draining.'),
    );
    await expect(ecs.updateService({ service: 'web', desiredCount: 1 })).rejects.toMatchObject(
      refusal('ServiceNotActiveException'),
    );
    await clock.advance(1500);
    expect(await service()).toMatchObject({ status: 'INACTIVE', deployments: [] });
    expect(runtime.running).toEqual([]);
    await expect(ecs.deleteService({ service: 'web', force: true })).rejects.toMatchObject(
      refusal('ServiceNotFoundException'),
    );
    expect((await ecs.createService(again)).service?.status).toBe('ACTIVE');
    await reaches('COMPLETED');
  });

  test('stops draining when the load balancer has drained, before the delay is over', async () => {
    elbv2.groups.get(TG)!.drainSeconds = 300;
    await create('good');
    await reaches('COMPLETED');
    await ecs.deleteService({ service: 'web', force: true });
    await clock.advance(1000);
    elbv2.groups.get(TG)!.targets.clear();
    await clock.advance(1000);
    expect((await service()).status).toBe('INACTIVE');
  });

  test('whose target group is already gone works too', async () => {
    await create('good');
    await reaches('COMPLETED');
    elbv2.groups.delete(TG);
    await ecs.deleteService({ service: 'web', force: true });
    await clock.advance(1000);
    expect((await service()).status).toBe('INACTIVE');
    elbv2.add(TG);
  });

  test('while its first task is still starting leaves nothing', async () => {
    await create('good');
    await ecs.deleteService({ service: 'web', force: true });
    await clock.advance(1000);
    expect((await service()).status).toBe('INACTIVE');
    expect(runtime.running).toEqual([]);
    expect(elbv2.ports(TG)).toEqual([]);
  });
});

describe('the circuit breaker', () => {
  test('fails a first deployment whose task crashes, and starts nothing more', async () => {
    runtime.script['crash'] = (task) => task.exit({ exitCode: 1 });
    elbv2.health = () => 'initial';
    await create('crash');
    await reaches('FAILED');
    expect(runtime.tasks).toHaveLength(3);
    await clock.advance(600_000);
    expect(runtime.tasks).toHaveLength(3);
    expect(await primary()).toMatchObject({
      failedTasks: 3,
      rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.',
    });
    expect(elbv2.ports(TG)).toEqual([]);
  });

  test('opens at the count it was given', async () => {
    const deploymentCircuitBreaker = {
      ...breaker,
      thresholdConfiguration: { type: 'COUNT' as const, value: 1 },
    };
    await create('missing', { deploymentConfiguration: { deploymentCircuitBreaker } });
    await reaches('FAILED');
    expect(await stoppedTasks()).toMatchObject([
      { stopCode: 'TaskFailedToStart', stoppedReason: 'CannotPullContainerError: no such image' },
    ]);
    expect(await events()).toContain(
      '(service web) was unable to place a task. Reason: CannotPullContainerError: no such image',
    );
  });

  test('fails a deployment whose port never opens, each task after its grace period', async () => {
    elbv2.health = () => 'unhealthy';
    await create('deaf');
    await until(() => elbv2.ports(TG).length === 1);
    await clock.advance(4500);
    expect(runtime.tasks).toHaveLength(1);
    await reaches('FAILED');
    expect(clock.monotonic()).toBeLessThan(20_000);
    await clock.advance(1000);
    expect(runtime.running).toEqual([]);
    expect((await stoppedTasks())[0]).toMatchObject({
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason: `Task failed ELB health checks in (target-group ${TG})`,
    });
  });

  test('rolls a bad update back, and the old task serves throughout', async () => {
    runtime.script['crash'] = (task) => task.exit({ exitCode: 1 });
    elbv2.health = (port) => (port === 10_000 ? 'healthy' : 'initial');
    const { taskDefinition: good } = await create('good');
    await reaches('COMPLETED');
    await ecs.updateService({ service: 'web', taskDefinition: await register('crash') });
    await until(async () => {
      expect(elbv2.ports(TG)).toContain(10_000);
      return (await service()).taskDefinition === good;
    });
    await reaches('COMPLETED');
    expect((await service()).deployments).toHaveLength(1);
    expect(runtime.running.map(({ port }) => port)).toEqual([10_000]);
    expect(await events()).toContainEqual(
      expect.stringContaining('deployment failed: tasks failed to start.'),
    );
    expect(await events()).toContainEqual(expect.stringContaining('rolling back to deployment ecs-svc/'));
  });

  test('without one, a task that cannot start is retried with growing delays', async () => {
    const startedAt: number[] = [];
    await create('missing', { deploymentConfiguration: {} });
    for (let i = 0; i < 600; i += 1) {
      await clock.advance(100);
      const { tasks } = state.load()!;
      if (tasks.length > startedAt.length) startedAt.push(clock.monotonic());
    }
    const gaps = startedAt.slice(1).map((at, i) => Math.round((at - startedAt[i]!) / 1000));
    expect(gaps).toEqual([1, 2, 4, 8, 16]);
    expect((await primary()).rolloutState).toBe('IN_PROGRESS');
  });
});

describe('an update', () => {
  test('brings the new task up before the old one goes', async () => {
    await create('good');
    await reaches('COMPLETED');
    elbv2.health = (port) => (port === 10_000 ? 'healthy' : 'initial');
    const next = await register('better');
    await ecs.updateService({ service: 'web', taskDefinition: next });
    await clock.advance(3000);
    expect(runtime.running.map(({ launch }) => launch.image)).toEqual(['good', 'better']);
    expect((await service()).deployments).toMatchObject([
      { status: 'PRIMARY', rolloutState: 'IN_PROGRESS', taskDefinition: next },
      { status: 'ACTIVE', rolloutState: 'COMPLETED' },
    ]);
    elbv2.health = () => 'healthy';
    await reaches('COMPLETED');
    await clock.advance(1000);
    expect(runtime.running.map(({ launch }) => launch.image)).toEqual(['better']);
    expect((await stoppedTasks())[0]).toMatchObject({
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason: expect.stringMatching(
        /^Scaling activity initiated by \(deployment ecs-svc\/\d+\)$/,
      ) as string,
    });
  });

  test('of desiredCount to 0 stops the task, back to 1 starts one, in the same deployment', async () => {
    await create('good');
    await reaches('COMPLETED');
    const { id } = await primary();
    await ecs.updateService({ service: 'web', desiredCount: 0 });
    await clock.advance(1000);
    expect(runtime.running).toEqual([]);
    expect(await service()).toMatchObject({ status: 'ACTIVE', desiredCount: 0, runningCount: 0 });
    await ecs.updateService({ service: 'web', desiredCount: 1 });
    await clock.advance(1000);
    expect(runtime.running).toHaveLength(1);
    expect((await primary()).id).toBe(id);
  });

  test('that forces a new deployment replaces the task', async () => {
    await create('good');
    await reaches('COMPLETED');
    await ecs.updateService({ service: 'web', forceNewDeployment: true });
    await reaches('COMPLETED');
    await clock.advance(1000);
    expect(runtime.tasks.map(({ over }) => over)).toEqual([true, false]);
  });

  test('to another revision frees a failed deployment from its stall', async () => {
    await create('missing');
    await reaches('FAILED');
    await ecs.updateService({ service: 'web', taskDefinition: await register('good') });
    await reaches('COMPLETED');
    expect((await service()).deployments).toHaveLength(1);
  });
});

describe('tasks', () => {
  test('that a user stops are replaced', async () => {
    await create('good');
    await reaches('COMPLETED');
    const { taskArns } = await ecs.listTasks({ serviceName: 'web' });
    await ecs.stopTask({ task: taskArns![0]!, reason: 'because' });
    await clock.advance(1000);
    expect(runtime.tasks.map(({ over }) => over)).toEqual([true, false]);
    expect(await stoppedTasks()).toMatchObject([{ stopCode: 'UserInitiated', stoppedReason: 'because' }]);
  });
});

describe('after a restart', () => {
  test('services serve again, draining ones finish, and no deployment is blamed', async () => {
    elbv2.groups.get(TG)!.drainSeconds = 60;
    await create('good');
    await reaches('COMPLETED');
    elbv2.add('arn:tg/other');
    await create('good', {
      serviceName: 'old',
      loadBalancers: [{ targetGroupArn: TG, containerName: 'web', containerPort: 3000 }],
    });
    await clock.advance(1000);
    await ecs.deleteService({ service: 'old', force: true });
    await clock.advance(1000);
    // The process dies here: its tasks die with it, and nothing of it acts any more.
    const before = state.load()!;
    const stopped = ecs.stop();
    await clock.advance(1000);
    await stopped;
    state = memoryState();
    state.save(before);
    ecs = model();
    await ecs.start();
    await clock.advance(61_000);
    expect(runtime.reclaimed).toBe(2);
    expect(runtime.running).toHaveLength(1);
    expect(elbv2.ports(TG)).toEqual([runtime.running[0]!.port]);
    expect(await primary()).toMatchObject({ rolloutState: 'COMPLETED', failedTasks: 0 });
    const { services } = await ecs.describeServices({ services: ['old'] });
    expect(services).toMatchObject([{ status: 'INACTIVE' }]);
    expect((await stoppedTasks()).map(({ stoppedReason }) => stoppedReason)).toContain('host restarted');
  });

  test('a deployment that was in progress goes on', async () => {
    elbv2.health = () => 'initial';
    await create('good');
    await clock.advance(1000);
    await ecs.stop();
    expect(runtime.running).toEqual([]);
    expect(elbv2.ports(TG)).toEqual([]);
    elbv2.health = () => 'healthy';
    ecs = model();
    await ecs.start();
    await reaches('COMPLETED');
    expect((await primary()).failedTasks).toBe(0);
  });
});
