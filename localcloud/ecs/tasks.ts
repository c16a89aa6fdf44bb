import type {
  Container,
  DescribeTasksCommandInput,
  DescribeTasksCommandOutput,
  ListTasksCommandInput,
  ListTasksCommandOutput,
  StopTaskCommandInput,
  StopTaskCommandOutput,
  Task,
} from '@aws-sdk/client-ecs';

import { clusterArn, nameOf, taskArn } from './arns.ts';
import type { Clusters } from './clusters.ts';
import { invalid } from './errors.ts';
import { paged, sortable } from './paging.ts';
import type { ContainerRecord, EcsContext, TaskRecord } from './state.ts';
import type { TaskLives } from './task-life.ts';

const MAX_DESCRIBED = 100;

export interface TasksDeps {
  context: EcsContext;
  clusters: Clusters;
  lives: TaskLives;
}

/** The calls about tasks. */
export class Tasks {
  readonly #context: EcsContext;
  readonly #clusters: Clusters;
  readonly #lives: TaskLives;

  constructor({ context, clusters, lives }: TasksDeps) {
    this.#context = context;
    this.#clusters = clusters;
    this.#lives = lives;
  }

  list(input: ListTasksCommandInput): Omit<ListTasksCommandOutput, '$metadata'> {
    const cluster = this.#clusters.require(input.cluster);
    const desired = input.desiredStatus ?? 'RUNNING';
    const list = this.#context.state.tasks
      .filter((task) => task.cluster === cluster && task.desiredStatus === desired)
      .filter(({ service }) => !input.serviceName || nameOf(service) === nameOf(input.serviceName))
      .filter(({ family }) => !input.family || family === input.family)
      .filter(({ deployment }) => !input.startedBy || deployment === input.startedBy)
      .map(({ arn, createdAt }) => ({ arn, key: sortable(createdAt) + arn }));
    const { items, nextToken } = paged(list, input);
    return { taskArns: items, ...nextToken };
  }

  describe(input: DescribeTasksCommandInput): Omit<DescribeTasksCommandOutput, '$metadata'> {
    const cluster = this.#clusters.require(input.cluster);
    const asked = input.tasks ?? [];
    if (asked.length === 0) throw invalid('Tasks cannot be empty.');
    if (asked.length > MAX_DESCRIBED) throw invalid(`Tasks must contain at most ${MAX_DESCRIBED} elements.`);
    const found = asked.map((task) => this.#find(cluster, task));
    const withTags = input.include?.includes('TAGS') ?? false;
    return {
      tasks: found.filter((task) => task !== undefined).map((task) => taskView(task, withTags)),
      failures: asked
        .filter((_, i) => !found[i])
        .map((task) => ({ arn: taskArn(cluster, nameOf(task)), reason: 'MISSING' })),
    };
  }

  stop(input: StopTaskCommandInput): Omit<StopTaskCommandOutput, '$metadata'> {
    const task = this.#find(this.#clusters.require(input.cluster), input.task ?? '');
    if (!task) throw invalid('The referenced task was not found.');
    this.#lives.stop(task, { stopCode: 'UserInitiated', reason: input.reason ?? 'Task stopped by user' });
    this.#context.save();
    return { task: taskView(task, false) };
  }

  #find(cluster: string, idOrArn: string): TaskRecord | undefined {
    const id = nameOf(idOrArn);
    return this.#context.state.tasks.find((task) => task.cluster === cluster && task.id === id);
  }
}

function taskView(task: TaskRecord, withTags: boolean): Task {
  const dates = (['createdAt', 'startedAt', 'stoppingAt', 'stoppedAt'] as const).flatMap((name) => {
    const ms = task[name];
    return ms === undefined ? [] : [[name, new Date(ms)] as const];
  });
  return {
    taskArn: task.arn,
    clusterArn: clusterArn(task.cluster),
    taskDefinitionArn: task.taskDefinition,
    group: `service:${nameOf(task.service)}`,
    startedBy: task.deployment,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    version: task.version,
    launchType: 'FARGATE',
    cpu: task.cpu,
    memory: task.memory,
    healthStatus: taskHealth(task),
    ...Object.fromEntries(dates),
    ...(task.stopCode === undefined ? {} : { stopCode: task.stopCode }),
    ...(task.stoppedReason === undefined ? {} : { stoppedReason: task.stoppedReason }),
    containers: task.containers.map((one, i) => containerView(task, one, i)),
    ...(withTags ? { tags: task.tags } : {}),
  };
}

function containerView(task: TaskRecord, one: ContainerRecord, i: number): Container {
  return {
    taskArn: task.arn,
    name: one.name,
    image: one.image,
    runtimeId: `${task.id}-${i}`,
    lastStatus: containerStatus(task, one),
    healthStatus: one.healthStatus ?? 'UNKNOWN',
    ...(one.exitCode === undefined ? {} : { exitCode: one.exitCode }),
    ...(one.reason === undefined ? {} : { reason: one.reason }),
  };
}

function containerStatus({ lastStatus }: TaskRecord, one: ContainerRecord): string {
  if (lastStatus === 'STOPPED' || lastStatus === 'DEPROVISIONING') return 'STOPPED';
  return one.lastStatus ?? 'PENDING';
}

/** As good as the worst of its essential containers that have a health check; AWS leaves out the others. */
function taskHealth({ containers }: TaskRecord): 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN' {
  const all = containers.flatMap(({ healthStatus }) => healthStatus ?? []);
  if (all.includes('UNHEALTHY')) return 'UNHEALTHY';
  return all.length > 0 && all.every((one) => one === 'HEALTHY') ? 'HEALTHY' : 'UNKNOWN';
}
