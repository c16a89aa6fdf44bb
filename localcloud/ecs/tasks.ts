import type {
  DescribeTasksCommandInput,
  DescribeTasksCommandOutput,
  ListTasksCommandInput,
  ListTasksCommandOutput,
  StopTaskCommandInput,
  StopTaskCommandOutput,
} from '@aws-sdk/client-ecs';

import { nameOf, taskArn } from './arns.ts';
import type { Clusters } from './clusters.ts';
import { invalid } from './errors.ts';
import { paged, sortable } from './paging.ts';
import type { EcsContext, TaskRecord } from './state.ts';
import type { TaskLives } from './task-life.ts';
import { taskView } from './task-view.ts';

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
