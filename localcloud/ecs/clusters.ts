import type {
  CapacityProviderStrategyItem,
  Cluster,
  CreateClusterCommandInput,
  CreateClusterCommandOutput,
  DescribeClustersCommandInput,
  DescribeClustersCommandOutput,
  ListClustersCommandInput,
  ListClustersCommandOutput,
} from '@aws-sdk/client-ecs';

import { clusterArn, nameOf } from './arns.ts';
import { clusterNotFound, invalid } from './errors.ts';
import { paged } from './paging.ts';
import type { ClusterRecord, EcsContext } from './state.ts';
import { checkTags } from './tags.ts';

const MAX_DESCRIBED = 100;
const FARGATE_PROVIDERS = ['FARGATE', 'FARGATE_SPOT'];
const CLUSTER_NAME = /^[A-Za-z0-9_-]{1,255}$/;

/** The clusters. `default` is always there, as in every account that has ever used ECS. */
export class Clusters {
  readonly #context: EcsContext;

  constructor(context: EcsContext) {
    this.#context = context;
  }

  create(input: CreateClusterCommandInput): Omit<CreateClusterCommandOutput, '$metadata'> {
    const name = input.clusterName ?? 'default';
    if (!CLUSTER_NAME.test(name)) throw invalid('Invalid cluster name.');
    const known = this.#find(name);
    if (known) return { cluster: this.#view(known) };
    const { capacityProviders = [], tags } = input;
    const cluster = { name, capacityProviders: [...capacityProviders], tags: checkTags(tags) };
    this.#context.state.clusters.push(cluster);
    this.#context.save();
    return { cluster: this.#view(cluster) };
  }

  describe(input: DescribeClustersCommandInput): Omit<DescribeClustersCommandOutput, '$metadata'> {
    const asked = input.clusters ?? ['default'];
    if (asked.length > MAX_DESCRIBED)
      throw invalid(`Clusters must contain at most ${MAX_DESCRIBED} elements.`);
    const found = asked.map((cluster) => this.#find(nameOf(cluster)));
    return {
      clusters: found.filter((cluster) => cluster !== undefined).map((cluster) => this.#view(cluster)),
      failures: asked
        .filter((_, i) => !found[i])
        .map((cluster) => ({ arn: clusterArn(nameOf(cluster)), reason: 'MISSING' })),
    };
  }

  list(input: ListClustersCommandInput): Omit<ListClustersCommandOutput, '$metadata'> {
    const all = this.#context.state.clusters.map(({ name }) => ({ arn: clusterArn(name), key: name }));
    const { items, nextToken } = paged(all, input);
    return { clusterArns: items, ...nextToken };
  }

  /** The name of the cluster that a call means; throws when it does not exist. */
  require(nameOrArn: string | undefined): string {
    const name = nameOf(nameOrArn ?? 'default');
    if (!this.#find(name)) throw clusterNotFound();
    return name;
  }

  /** Throws unless each provider of a strategy is the cluster's. */
  checkStrategy(name: string, strategy: readonly CapacityProviderStrategyItem[] = []): void {
    const own = providersOf(this.#find(name));
    if (strategy.every(({ capacityProvider = '' }) => own.includes(capacityProvider))) return;
    throw invalid(
      'The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again.',
    );
  }

  #find(name: string): ClusterRecord | undefined {
    return this.#context.state.clusters.find((cluster) => cluster.name === name);
  }

  #view(record: ClusterRecord): Cluster {
    const { name, tags } = record;
    const { services, tasks } = this.#context.state;
    const mine = tasks.filter((task) => task.cluster === name);
    return {
      clusterArn: clusterArn(name),
      clusterName: name,
      status: 'ACTIVE',
      capacityProviders: providersOf(record),
      defaultCapacityProviderStrategy: [],
      registeredContainerInstancesCount: 0,
      runningTasksCount: mine.filter((task) => task.lastStatus === 'RUNNING').length,
      pendingTasksCount: mine.filter((task) => task.lastStatus === 'PENDING').length,
      activeServicesCount: services.filter((s) => s.cluster === name && s.status === 'ACTIVE').length,
      tags,
    };
  }
}

function providersOf({ capacityProviders = FARGATE_PROVIDERS }: Partial<ClusterRecord> = {}): string[] {
  return capacityProviders;
}
