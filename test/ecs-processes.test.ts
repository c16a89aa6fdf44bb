import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerDefinition, Task } from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EcsModel } from '../localcloud/ecs/model.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { createProcessRuntime } from '../localcloud/process-runtime/process-runtime.ts';
import { listProcesses } from '../localcloud/process-runtime/process-table.ts';
import { memoryState } from '../localcloud/state.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { FakeTargetGroups } from './fakes/fake-target-groups.ts';

const SECONDS = { timeout: 30_000, interval: 50 };

let folder: string;
let logs: LogsModel;
let ecs: EcsModel;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tempus-ecs-'));
  logs = new LogsModel({ clock });
  const images = { node: { command: [] } };
  const hostEnv = { PATH: process.env['PATH'] };
  ecs = new EcsModel({
    clock,
    random,
    log,
    logs,
    state: memoryState(),
    elbv2: new FakeTargetGroups(clock),
    runtime: createProcessRuntime({ clock, log, path: folder, images, hostEnv }),
  });
  await ecs.start();
});

afterEach(async () => {
  const before = await taskIds();
  await ecs.stop();
  expect(await processesOf(before)).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

const NAMES = ['PORT', 'PORT_WEB', 'PORT_DB'];

function program(name: string, script: string, more: Partial<ContainerDefinition> = {}): ContainerDefinition {
  const options = { 'awslogs-group': 'tempus', 'awslogs-stream-prefix': 'p' };
  return {
    name,
    image: 'node',
    command: ['node', '-e', script],
    environment: NAMES.map((variable) => ({ name: variable, value: '1' })),
    stopTimeout: 2,
    logConfiguration: { logDriver: 'awslogs', options },
    ...more,
  };
}

async function run(...containerDefinitions: ContainerDefinition[]): Promise<void> {
  const task = { family: 'web', networkMode: 'awsvpc' as const, cpu: '256', memory: '512' };
  await ecs.registerTaskDefinition({ ...task, containerDefinitions });
  await ecs.createService({
    serviceName: 'web',
    taskDefinition: 'web',
    desiredCount: 1,
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
  });
}

async function tasks(desiredStatus: 'RUNNING' | 'STOPPED'): Promise<Task[]> {
  const { taskArns = [] } = await ecs.listTasks({ desiredStatus });
  return taskArns.length === 0 ? [] : (await ecs.describeTasks({ tasks: taskArns })).tasks!;
}

const idOf = ({ taskArn = '' }: Task) => taskArn.split('/').at(-1)!;
const taskIds = async () => [...(await tasks('RUNNING')), ...(await tasks('STOPPED'))].map(idOf);
const processesOf = async (ids: readonly string[]) =>
  (await listProcesses(process.platform)).filter(({ args }) => ids.some((id) => args.includes(id)));

async function linesOf(container: string, taskId: string): Promise<string[]> {
  const logStreamName = `p/${container}/${taskId}`;
  const { events = [] } = await logs.getLogEvents({ logGroupName: 'tempus', logStreamName });
  return events.map(({ message = '' }) => message);
}

/** Takes a second until it listens, and ends with 3 when it is told to. */
const DB = program(
  'db',
  `const answer = ({ url }, response) => {
     response.end('data');
     if (url === '/end') process.exit(3);
   };
   setTimeout(() => require('http').createServer(answer).listen(process.env.PORT, '127.0.0.1'), 1000)`,
  {
    portMappings: [{ containerPort: 5432 }],
    healthCheck: {
      command: [
        'CMD-SHELL',
        'node -e \'fetch("http://127.0.0.1:" + process.env.PORT).catch(() => process.exit(1))\'',
      ],
    },
  },
);

describe('a task of several processes', () => {
  test('starts what depends on a healthy sidecar when that answers on localhost, and ends with it', async () => {
    const ask = `const db = 'http://127.0.0.1:' + process.env.PORT_DB;
      fetch(db).then((answer) => answer.text()).then((text) => console.log('got ' + text), () => console.log('nobody'));
      process.once('SIGUSR2', () => fetch(db + '/end').catch(() => undefined));
      setInterval(() => {}, 1000); console.log(process.pid)`;
    const dependsOn = [{ containerName: 'db', condition: 'HEALTHY' as const }];
    await run(program('web', ask, { dependsOn, portMappings: [{ containerPort: 3000 }] }), DB);
    const task = await vi.waitFor(async () => {
      const [found] = await tasks('RUNNING');
      expect(found).toMatchObject({ lastStatus: 'RUNNING', healthStatus: 'HEALTHY' });
      return found!;
    }, SECONDS);
    const id = idOf(task);
    const lines = await vi.waitFor(async () => {
      const written = await linesOf('web', id);
      expect(written).toContain('got data');
      return written;
    }, SECONDS);
    process.kill(Number(lines[0]), 'SIGUSR2');
    await vi.waitFor(async () => {
      const ended = (await tasks('STOPPED')).find((one) => idOf(one) === id);
      expect(ended).toMatchObject({
        lastStatus: 'STOPPED',
        stopCode: 'EssentialContainerExited',
        stoppedReason: 'Essential container in task exited',
        containers: [
          { name: 'web', lastStatus: 'STOPPED', exitCode: 143 },
          { name: 'db', lastStatus: 'STOPPED', exitCode: 3 },
        ],
      });
    }, SECONDS);
    expect(await processesOf([id])).toEqual([]);
  });

  test('runs a preparation to its end before what depends on its success', async () => {
    const init = program('init', 'setTimeout(() => console.log("prepared"), 300)', { essential: false });
    const dependsOn = [{ containerName: 'init', condition: 'SUCCESS' as const }];
    await run(program('web', 'console.log(Date.now()); setInterval(() => {}, 1000)', { dependsOn }), init);
    const [task] = await vi.waitFor(async () => {
      const running = await tasks('RUNNING');
      expect(running[0]).toMatchObject({
        lastStatus: 'RUNNING',
        containers: [
          { name: 'web', lastStatus: 'RUNNING' },
          { name: 'init', lastStatus: 'STOPPED', exitCode: 0 },
        ],
      });
      return running;
    }, SECONDS);
    expect(await linesOf('init', idOf(task!))).toEqual(['prepared']);
  });
});
