import type { ContainerDefinition, Service, Task } from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EcsModel } from '../localcloud/ecs/model.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { memoryState } from '../localcloud/state.ts';
import { TaskStartError } from '../localcloud/task-runtime.ts';
import { silentLog } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';
import { ManualClock } from './fakes/clock.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { FakeTargetGroups } from './fakes/fake-target-groups.ts';

const [WEB, API] = ['arn:tg/web', 'arn:tg/api'] as const;

let clock: ManualClock;
let runtime: FakeRuntime;
let elbv2: FakeTargetGroups;
let logs: LogsModel;
let ecs: EcsModel;

beforeEach(async () => {
  clock = new ManualClock();
  runtime = new FakeRuntime();
  elbv2 = new FakeTargetGroups(clock);
  elbv2.add(WEB);
  elbv2.add(API);
  const deps = { clock, random: systemRandom, log: silentLog, state: memoryState() as never };
  logs = new LogsModel({ clock });
  ecs = new EcsModel({ ...deps, runtime, elbv2, logs });
  await ecs.start();
});

afterEach(async () => {
  const stopped = ecs.stop();
  await clock.advance(60_000);
  await stopped;
  expect(runtime.running).toEqual([]);
  expect(clock.pending).toBe(0);
});

const HEALTH = { command: ['CMD-SHELL', 'ready'], interval: 10, timeout: 5, retries: 3 };
const web: ContainerDefinition = { name: 'web', image: 'web', portMappings: [{ containerPort: 3000 }] };
const db: ContainerDefinition = { name: 'db', image: 'db', healthCheck: HEALTH };
const init: ContainerDefinition = { name: 'init', image: 'init', essential: false };
const afterDb = { dependsOn: [{ containerName: 'db', condition: 'HEALTHY' as const }] };

function register(containerDefinitions: ContainerDefinition[]) {
  return ecs.registerTaskDefinition({
    family: 'web',
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions,
  });
}

async function run(...containers: ContainerDefinition[]): Promise<void> {
  const { taskDefinition } = await register(containers);
  await ecs.createService({
    serviceName: 'web',
    taskDefinition: taskDefinition!.taskDefinitionArn,
    desiredCount: 1,
    launchType: 'FARGATE',
    loadBalancers: [{ targetGroupArn: WEB, containerName: 'web', containerPort: 3000 }],
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
    deploymentConfiguration: {
      deploymentCircuitBreaker: {
        enable: true,
        rollback: false,
        thresholdConfiguration: { type: 'COUNT', value: 1 },
      },
    },
  });
}

async function until(condition: () => boolean | Promise<boolean>, limitMs = 300_000): Promise<void> {
  const end = clock.monotonic() + limitMs;
  while (!(await condition())) {
    if (clock.monotonic() >= end) throw new Error(`not reached: ${condition.toString()}`);
    await clock.advance(50);
  }
}

const service = async (): Promise<Service> =>
  (await ecs.describeServices({ services: ['web'] })).services![0]!;
const rollout = async () => (await service()).deployments![0]!.rolloutState;
const names = () => runtime.running.map(({ launch }) => launch.name);

async function tasks(desiredStatus: 'RUNNING' | 'STOPPED'): Promise<Task[]> {
  const { taskArns = [] } = await ecs.listTasks({ desiredStatus });
  return taskArns.length === 0 ? [] : (await ecs.describeTasks({ tasks: taskArns })).tasks!;
}

describe('a task of several containers', () => {
  test('starts each container only when what it depends on is as far as it asks', async () => {
    runtime.script['db'] = (task) => (task.healthy = false);
    await run({ ...web, ...afterDb }, db);
    await clock.advance(3_000);
    expect(names()).toEqual(['db']);
    expect((await tasks('RUNNING'))[0]).toMatchObject({ lastStatus: 'PENDING', healthStatus: 'UNKNOWN' });
    runtime.running[0]!.healthy = true;
    await until(async () => (await rollout()) === 'COMPLETED');
    expect(names()).toEqual(['db', 'web']);
    const [task] = await tasks('RUNNING');
    expect(task).toMatchObject({
      lastStatus: 'RUNNING',
      healthStatus: 'HEALTHY',
      containers: [
        { name: 'web', lastStatus: 'RUNNING', healthStatus: 'UNKNOWN' },
        { name: 'db', lastStatus: 'RUNNING', healthStatus: 'HEALTHY' },
      ],
    });
  });

  test('ends as a whole when an essential container ends, and says which', async () => {
    await run(web, { ...db, healthCheck: undefined });
    await until(async () => (await rollout()) === 'COMPLETED');
    runtime.running.find(({ launch }) => launch.name === 'db')!.exit({ exitCode: 3 });
    await until(async () => (await tasks('STOPPED')).length === 1);
    expect((await tasks('STOPPED'))[0]).toMatchObject({
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      containers: [
        { name: 'web', lastStatus: 'STOPPED', exitCode: 0 },
        { name: 'db', lastStatus: 'STOPPED', exitCode: 3 },
      ],
    });
    expect(runtime.closed).toBe(1);
  });

  test('goes on without a container that is not essential', async () => {
    const dependsOn = [{ containerName: 'init', condition: 'SUCCESS' as const }];
    await run({ ...web, dependsOn }, init);
    await until(() => runtime.running.length === 1);
    expect(names()).toEqual(['init']);
    runtime.running[0]!.exit({ exitCode: 0 });
    await until(async () => (await rollout()) === 'COMPLETED');
    expect(names()).toEqual(['web']);
  });

  test('fails when what it depends on does not end well', async () => {
    runtime.script['init'] = (task) => task.exit({ exitCode: 1 });
    await run({ ...web, dependsOn: [{ containerName: 'init', condition: 'SUCCESS' }] }, init);
    await until(async () => (await rollout()) === 'FAILED');
    const [task] = await tasks('STOPPED');
    expect(task).toMatchObject({ stopCode: 'TaskFailedToStart' });
    expect(task!.stoppedReason).toContain('[init] for target [web] did not exit successfully');
    expect(task!.containers).toMatchObject([
      { name: 'web', reason: task!.stoppedReason },
      { name: 'init', exitCode: 1 },
    ]);
    expect(runtime.closed).toBe(1);
  });

  test('fails when what it depends on is not healthy within its start timeout, and not before', async () => {
    runtime.script['db'] = (task) => (task.healthy = false);
    await run({ ...web, ...afterDb }, { ...db, essential: false, startTimeout: 60 });
    await until(() => names().includes('db'));
    await clock.advance(59_000);
    expect((await tasks('RUNNING'))[0]).toMatchObject({ lastStatus: 'PENDING' });
    await until(async () => (await rollout()) === 'FAILED', 5_000);
    expect((await tasks('STOPPED'))[0]!.stoppedReason).toContain('[db] for target [web] has timed out');
    expect(runtime.tasks.map(({ launch }) => launch.name)).toEqual(['db']);
  });

  test('fails at once when what was to become healthy has ended', async () => {
    runtime.script['db'] = (task) => task.exit({ exitCode: 0 });
    await run({ ...web, ...afterDb }, { ...db, essential: false });
    await until(async () => (await rollout()) === 'FAILED', 5_000);
    expect((await tasks('STOPPED'))[0]!.stoppedReason).toContain('ended before it was healthy');
  });

  test('waits without a start timeout for as long as a slow start takes', async () => {
    runtime.script['db'] = (task) => (task.healthy = false);
    await run({ ...web, ...afterDb }, { ...db, healthCheck: { ...HEALTH, startPeriod: 300 } });
    await until(() => names().includes('db'));
    await clock.advance(280_000);
    runtime.running[0]!.healthy = true;
    await until(async () => (await rollout()) === 'COMPLETED');
  });

  test('is healthy whatever is the matter with a container that is not essential', async () => {
    runtime.script['db'] = (task) => (task.healthy = false);
    await run({ ...web, healthCheck: HEALTH }, { ...db, essential: false });
    await until(async () => (await rollout()) === 'COMPLETED');
    const unhealthy = { name: 'db', lastStatus: 'RUNNING', healthStatus: 'UNHEALTHY' };
    await until(async () => (await tasks('RUNNING'))[0]!.containers![1]!.healthStatus === 'UNHEALTHY');
    const [task] = await tasks('RUNNING');
    expect(task).toMatchObject({ healthStatus: 'HEALTHY', containers: [{ name: 'web' }, unhealthy] });
  });

  test('runs without a container that cannot be started and is not essential', async () => {
    runtime.script['init'] = () => {
      throw new TaskStartError('CannotStartContainerError: no such program');
    };
    await run({ ...web, dependsOn: [{ containerName: 'init', condition: 'START' }] }, init);
    await until(async () => (await rollout()) === 'COMPLETED');
    expect((await tasks('RUNNING'))[0]!.containers).toMatchObject([
      { name: 'web', lastStatus: 'RUNNING' },
      { name: 'init', lastStatus: 'STOPPED', reason: 'CannotStartContainerError: no such program' },
    ]);
  });

  test('whose health check is NONE has none', async () => {
    await run({ ...web, healthCheck: { command: ['NONE'] } });
    await until(async () => (await rollout()) === 'COMPLETED', 10_000);
    expect((await tasks('RUNNING'))[0]).toMatchObject({ healthStatus: 'UNKNOWN' });
  });

  test('is replaced when an essential container is not healthy any more, which counts against the rollout', async () => {
    runtime.script['db'] = (task) => (task.healthy = false);
    await run(web, db);
    await until(async () => (await rollout()) === 'FAILED');
    expect((await tasks('STOPPED'))[0]).toMatchObject({
      stoppedReason: 'Task failed container health checks',
      healthStatus: 'UNHEALTHY',
    });
  });

  test('leaves the load balancer before it is stopped for its health', async () => {
    elbv2.add(WEB, { drainSeconds: 20 });
    await run(web, db);
    await until(async () => (await rollout()) === 'COMPLETED');
    const sick = runtime.running.find(({ launch }) => launch.name === 'db')!;
    sick.healthy = false;
    await until(() => !elbv2.ports(WEB).includes(runtime.tasks[0]!.port));
    await clock.advance(15_000);
    expect(sick.over).toBe(false);
    await until(() => sick.over);
    await until(async () => (await tasks('STOPPED')).length === 1);
    expect((await tasks('STOPPED'))[0]).toMatchObject({ stopCode: 'ServiceSchedulerInitiated' });
  });

  test('stops each container when those that depend on it have ended', async () => {
    const log: ContainerDefinition = { name: 'log', image: 'log' };
    await run(
      log,
      { ...db, dependsOn: [{ containerName: 'log', condition: 'START' }] },
      { ...web, ...afterDb },
    );
    await until(async () => (await rollout()) === 'COMPLETED');
    expect(names()).toEqual(['log', 'db', 'web']);
    await ecs.deleteService({ service: 'web', force: true });
    await until(() => runtime.running.length === 0);
    expect(runtime.stopped).toEqual(['web', 'db', 'log']);
  });

  test('stops in the middle of its start, and starts nothing more', async () => {
    runtime.script['db'] = (task) => (task.healthy = false);
    await run({ ...web, ...afterDb }, db);
    await until(() => names().includes('db'));
    await ecs.deleteService({ service: 'web', force: true });
    await until(() => runtime.running.length === 0);
    expect(runtime.tasks.map(({ launch }) => launch.name)).toEqual(['db']);
    expect(runtime.closed).toBe(1);
  });

  test('keeps the lines of each container in a stream of its own', async () => {
    runtime.script['web'] = ({ launch }) => launch.onLog('from web');
    runtime.script['init'] = ({ launch }) => launch.onLog('from init');
    const options = { 'awslogs-group': 'tempus', 'awslogs-stream-prefix': 'p' };
    const logConfiguration = { logDriver: 'awslogs' as const, options };
    await run({ ...web, logConfiguration }, { ...init, logConfiguration });
    await until(async () => (await rollout()) === 'COMPLETED');
    const { taskId } = runtime.tasks[0]!.launch;
    for (const name of ['web', 'init']) {
      const logStreamName = `p/${name}/${taskId}`;
      const { events } = await logs.getLogEvents({ logGroupName: 'tempus', logStreamName });
      expect(events).toMatchObject([{ message: `from ${name}` }]);
    }
  });

  test('is registered once for each of its addresses, and healthy only when all of them are', async () => {
    const api: ContainerDefinition = { name: 'api', image: 'api', portMappings: [{ containerPort: 4000 }] };
    elbv2.health = () => 'healthy';
    await run(web, api);
    await until(async () => (await rollout()) === 'COMPLETED');
    elbv2.health = (_target, arn) => (arn === API ? 'initial' : 'healthy');
    await ecs.updateService({
      service: 'web',
      loadBalancers: [
        { targetGroupArn: WEB, containerName: 'web', containerPort: 3000 },
        { targetGroupArn: API, containerName: 'api', containerPort: 4000 },
      ],
    });
    await until(() => elbv2.ports(API).length === 1);
    await clock.advance(5_000);
    expect(await rollout()).toBe('IN_PROGRESS');
    expect(elbv2.ports(API)).not.toEqual(elbv2.ports(WEB));
    elbv2.health = () => 'healthy';
    await until(async () => (await rollout()) === 'COMPLETED');
  });
});

describe('containers that ECS refuses', () => {
  const second = { name: 'second', image: 'second' };
  test.each<[string, ContainerDefinition[], string]>([
    ['a name twice', [web, { ...web, portMappings: [] }], 'must be unique'],
    ['a port twice', [web, { ...second, portMappings: [{ containerPort: 3000 }] }], "TCP host port '3000'"],
    ['none that is essential', [{ ...web, essential: false }], "doesn't have any essential container"],
    [
      'a dependency on nobody',
      [{ ...web, dependsOn: [{ containerName: 'x', condition: 'START' }] }],
      "Cannot depend on container + 'x'",
    ],
    [
      'a dependency on itself',
      [{ ...web, dependsOn: [{ containerName: 'web', condition: 'START' }] }],
      'a cycle',
    ],
    [
      'health of what has no check',
      [{ ...web, dependsOn: [{ containerName: 'second', condition: 'HEALTHY' }] }, second],
      'must have health check configured',
    ],
    [
      'the end of what is essential',
      [{ ...web, dependsOn: [{ containerName: 'second', condition: 'SUCCESS' }] }, second],
      'cannot be an essential container',
    ],
    [
      'a circle',
      [
        { ...web, dependsOn: [{ containerName: 'second', condition: 'START' }] },
        { ...second, dependsOn: [{ containerName: 'web', condition: 'START' }] },
      ],
      'a cycle',
    ],
    ['more CPU than the task has', [web, { ...second, cpu: 512 }], "the task 'cpu'"],
    ['more memory than the task has', [web, { ...second, memory: 1024 }], "container 'second' is greater"],
    [
      'more memory together than the task has',
      [
        { ...web, memory: 300 },
        { ...second, memory: 300 },
      ],
      "the task 'memory'",
    ],
    [
      'a limit below what is reserved',
      [{ ...web, memory: 100, memoryReservation: 200 }],
      "less than its 'memoryReservation'",
    ],
    ['a health check of nothing', [{ ...web, healthCheck: { command: ['CMD'] } }], 'must not be empty'],
    ['a start timeout of 3 minutes', [{ ...web, startTimeout: 180 }], 'startTimeout'],
    [
      'health of what is said to have no check',
      [
        { ...web, dependsOn: [{ containerName: 'second', condition: 'HEALTHY' }] },
        { ...second, healthCheck: { command: ['NONE'] } },
      ],
      'must have health check configured',
    ],
    [
      'a condition that is none',
      [{ ...web, dependsOn: [{ containerName: 'second', condition: 'READY' as never }] }, second],
      'Invalid condition',
    ],
    ['an interval below 5 s', [{ ...web, healthCheck: { ...HEALTH, interval: 1 } }], 'interval'],
    [
      'eleven containers',
      Array.from({ length: 11 }, (_, n) => ({ name: `c${n}`, image: 'i' })),
      'at most 10',
    ],
  ])('%s', async (_case, containers, message) => {
    const refused = register(containers);
    await expect(refused).rejects.toMatchObject({ name: 'ClientException' });
    await expect(refused).rejects.toThrow(message);
  });
});
