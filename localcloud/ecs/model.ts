import type {
  CreateClusterCommandInput,
  CreateClusterCommandOutput,
  CreateServiceCommandInput,
  CreateServiceCommandOutput,
  DeleteServiceCommandInput,
  DeleteServiceCommandOutput,
  DeleteTaskDefinitionsCommandInput,
  DeleteTaskDefinitionsCommandOutput,
  DeregisterTaskDefinitionCommandInput,
  DeregisterTaskDefinitionCommandOutput,
  DescribeClustersCommandInput,
  DescribeClustersCommandOutput,
  DescribeServicesCommandInput,
  DescribeServicesCommandOutput,
  DescribeTaskDefinitionCommandInput,
  DescribeTaskDefinitionCommandOutput,
  DescribeTasksCommandInput,
  DescribeTasksCommandOutput,
  ListClustersCommandInput,
  ListClustersCommandOutput,
  ListServicesCommandInput,
  ListServicesCommandOutput,
  ListTagsForResourceCommandInput,
  ListTagsForResourceCommandOutput,
  ListTaskDefinitionFamiliesCommandInput,
  ListTaskDefinitionFamiliesCommandOutput,
  ListTaskDefinitionsCommandInput,
  ListTaskDefinitionsCommandOutput,
  ListTasksCommandInput,
  ListTasksCommandOutput,
  RegisterTaskDefinitionCommandInput,
  RegisterTaskDefinitionCommandOutput,
  StopTaskCommandInput,
  StopTaskCommandOutput,
  TagResourceCommandInput,
  TagResourceCommandOutput,
  UntagResourceCommandInput,
  UntagResourceCommandOutput,
  UpdateServiceCommandInput,
  UpdateServiceCommandOutput,
} from '@aws-sdk/client-ecs';

import type { TaskRuntime } from '../task-runtime.ts';
import { Clusters } from './clusters.ts';
import { ResourceTags } from './resource-tags.ts';
import { ServiceScheduler } from './scheduler.ts';
import { Services } from './services.ts';
import { EcsContext, type EcsContextDeps } from './state.ts';
import { type Elbv2Calls, Targets } from './targets.ts';
import { TaskDefinitions } from './task-definitions.ts';
import { TaskLives } from './task-life.ts';
import type { LogSink } from './task-start.ts';
import { Tasks } from './tasks.ts';

const POLL_MS = 100;

type Answer<T> = Promise<Omit<T, '$metadata'>>;

export interface EcsModelDeps extends EcsContextDeps {
  runtime: TaskRuntime;
  elbv2: Elbv2Calls;
  logs: LogSink;
  /** How often target health is looked at while a deployment is in progress; ten times less often otherwise. */
  pollMs?: number;
}

/**
 * ECS on Fargate: task definitions, services with rolling deployments and their circuit breaker, tasks that really
 * run. Names and shapes are those of the SDK's client. Call `start` before the first call, `stop` at the end.
 *
 * Not modelled, and refused: secrets, volumes, other launch types, schedulers and deployment strategies. Not modelled,
 * and left out: RunTask, ENIs, image digests. AWS's delays and the account's quotas come with `realism`, late reads and
 * throttling from around the model.
 */
export class EcsModel {
  readonly #context: EcsContext;
  readonly #runtime: TaskRuntime;
  readonly #targets: Targets;
  readonly #clusters: Clusters;
  readonly #definitions: TaskDefinitions;
  readonly #services: Services;
  readonly #tasks: Tasks;
  readonly #tags: ResourceTags;
  readonly #lives: TaskLives;
  readonly #scheduler: ServiceScheduler;

  constructor({ runtime, elbv2, logs, pollMs = POLL_MS, ...deps }: EcsModelDeps) {
    const context = new EcsContext(deps);
    const targets = new Targets({ elbv2, clock: deps.clock, pollMs });
    const clusters = new Clusters(context);
    const definitions = new TaskDefinitions(context);
    const lives = new TaskLives({
      context,
      runtime,
      targets,
      changed: (task) => this.#scheduler.taskChanged(task),
    });
    this.#context = context;
    this.#runtime = runtime;
    this.#targets = targets;
    this.#clusters = clusters;
    this.#definitions = definitions;
    this.#lives = lives;
    this.#scheduler = new ServiceScheduler({ context, definitions, lives, targets, logs, pollMs });
    const wake = (serviceArn: string) => this.#scheduler.wake(serviceArn);
    this.#services = new Services({ context, clusters, definitions, targets, wake });
    this.#tasks = new Tasks({ context, clusters, lives });
    this.#tags = new ResourceTags(context);
  }

  /**
   * Takes up where an earlier process stopped or died: its tasks are over, their targets are deregistered, and
   * every service gets the tasks that it should have. That does not count against any deployment.
   */
  async start(): Promise<void> {
    await this.#runtime.reclaim();
    for (const task of this.#context.state.tasks.filter(({ lastStatus }) => lastStatus !== 'STOPPED')) {
      await this.#targets.deregister(task.targets);
      task.lastStatus = 'STOPPED';
      task.desiredStatus = 'STOPPED';
      task.stopCode ??= 'InfrastructureHealth';
      task.stoppedReason ??= 'host restarted';
      task.stoppedAt = this.#context.now();
      task.version += 1;
    }
    this.#context.save();
    for (const service of this.#context.state.services) this.#scheduler.wake(service.arn);
  }

  /** Stops every task and leaves every service as it is, for the next start. No timer is left. */
  async stop(): Promise<void> {
    await this.#scheduler.stop();
    for (const task of this.#context.state.tasks.filter(({ lastStatus }) => lastStatus !== 'STOPPED')) {
      this.#lives.stop(task, { stopCode: 'InfrastructureHealth', reason: 'host stopped', now: true });
    }
    await this.#lives.allOver();
    this.#context.save();
  }

  async createCluster(input: CreateClusterCommandInput): Answer<CreateClusterCommandOutput> {
    return this.#clusters.create(input);
  }

  async describeClusters(input: DescribeClustersCommandInput): Answer<DescribeClustersCommandOutput> {
    return this.#clusters.describe(input);
  }

  async listClusters(input: ListClustersCommandInput): Answer<ListClustersCommandOutput> {
    return this.#clusters.list(input);
  }

  async registerTaskDefinition(
    input: RegisterTaskDefinitionCommandInput,
  ): Answer<RegisterTaskDefinitionCommandOutput> {
    return this.#definitions.register(input);
  }

  async describeTaskDefinition(
    input: DescribeTaskDefinitionCommandInput,
  ): Answer<DescribeTaskDefinitionCommandOutput> {
    return this.#definitions.describe(input);
  }

  async listTaskDefinitions(
    input: ListTaskDefinitionsCommandInput,
  ): Answer<ListTaskDefinitionsCommandOutput> {
    return this.#definitions.list(input);
  }

  async listTaskDefinitionFamilies(
    input: ListTaskDefinitionFamiliesCommandInput,
  ): Answer<ListTaskDefinitionFamiliesCommandOutput> {
    return this.#definitions.listFamilies(input);
  }

  async deregisterTaskDefinition(
    input: DeregisterTaskDefinitionCommandInput,
  ): Answer<DeregisterTaskDefinitionCommandOutput> {
    return this.#definitions.deregister(input);
  }

  async deleteTaskDefinitions(
    input: DeleteTaskDefinitionsCommandInput,
  ): Answer<DeleteTaskDefinitionsCommandOutput> {
    return this.#definitions.delete(input);
  }

  async createService(input: CreateServiceCommandInput): Answer<CreateServiceCommandOutput> {
    return this.#services.create(input);
  }

  async updateService(input: UpdateServiceCommandInput): Answer<UpdateServiceCommandOutput> {
    return this.#services.update(input);
  }

  async deleteService(input: DeleteServiceCommandInput): Answer<DeleteServiceCommandOutput> {
    return this.#services.delete(input);
  }

  async describeServices(input: DescribeServicesCommandInput): Answer<DescribeServicesCommandOutput> {
    return this.#services.describe(input);
  }

  async listServices(input: ListServicesCommandInput): Answer<ListServicesCommandOutput> {
    return this.#services.list(input);
  }

  async listTasks(input: ListTasksCommandInput): Answer<ListTasksCommandOutput> {
    return this.#tasks.list(input);
  }

  async describeTasks(input: DescribeTasksCommandInput): Answer<DescribeTasksCommandOutput> {
    return this.#tasks.describe(input);
  }

  async stopTask(input: StopTaskCommandInput): Answer<StopTaskCommandOutput> {
    return this.#tasks.stop(input);
  }

  async tagResource(input: TagResourceCommandInput): Answer<TagResourceCommandOutput> {
    this.#tags.tag(input);
    return {};
  }

  async untagResource(input: UntagResourceCommandInput): Answer<UntagResourceCommandOutput> {
    this.#tags.untag(input);
    return {};
  }

  async listTagsForResource(
    input: ListTagsForResourceCommandInput,
  ): Answer<ListTagsForResourceCommandOutput> {
    return this.#tags.list(input);
  }
}
