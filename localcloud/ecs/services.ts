import { isDeepStrictEqual } from 'node:util';

import type {
  CreateServiceCommandInput,
  CreateServiceCommandOutput,
  DeleteServiceCommandInput,
  DeleteServiceCommandOutput,
  DescribeServicesCommandInput,
  DescribeServicesCommandOutput,
  ListServicesCommandInput,
  ListServicesCommandOutput,
  Service,
  UpdateServiceCommandInput,
  UpdateServiceCommandOutput,
} from '@aws-sdk/client-ecs';

import { nameOf, serviceArn } from './arns.ts';
import type { Clusters } from './clusters.ts';
import { beginDeployment } from './deployments.ts';
import { invalid, serviceNotActive, serviceNotFound } from './errors.ts';
import { paged } from './paging.ts';
import { checkCreate, checkLoadBalancers, checkUpdate } from './service-checks.ts';
import { serviceView } from './service-view.ts';
import {
  type EcsContext,
  SERVICE_SETTINGS,
  type ServiceRecord,
  type ServiceSettings,
  tasksOf,
} from './state.ts';
import { checkTags } from './tags.ts';
import type { Targets } from './targets.ts';
import type { TaskDefinitions } from './task-definitions.ts';

const MAX_DESCRIBED = 10;
/** Of one cluster: a quota that AWS no longer raises. The words of its refusal are not documented. */
const MAX_SERVICES = 5_000;

/** A change of one of these starts a new deployment; that of a strategy has to be forced. */
const DEPLOYED_SETTINGS = [
  'loadBalancers',
  'networkConfiguration',
  'platformVersion',
] as const satisfies readonly (keyof ServiceSettings)[];

export interface ServicesDeps {
  context: EcsContext;
  clusters: Clusters;
  definitions: TaskDefinitions;
  targets: Targets;
  /** Has the scheduler look at a service. */
  wake: (serviceArn: string) => void;
}

/** The calls about services. They write down what is wanted; the scheduler does it. */
export class Services {
  readonly #deps: ServicesDeps;
  readonly #context: EcsContext;

  constructor(deps: ServicesDeps) {
    this.#deps = deps;
    this.#context = deps.context;
  }

  async create(input: CreateServiceCommandInput): Promise<Omit<CreateServiceCommandOutput, '$metadata'>> {
    const cluster = this.#deps.clusters.require(input.cluster);
    checkCreate(input);
    this.#deps.clusters.checkStrategy(cluster, input.capacityProviderStrategy);
    const tags = checkTags(input.tags);
    const same = this.#sameService(cluster, input);
    if (same) return { service: this.#view(same, true) };
    const definition = this.#deps.definitions.requireActive(input.taskDefinition);
    await checkLoadBalancers(input.loadBalancers ?? [], definition, this.#deps.targets);
    // Asked again, because a call for the same name may have come through meanwhile.
    const meanwhile = this.#sameService(cluster, input);
    if (meanwhile) return { service: this.#view(meanwhile, true) };
    const { state } = this.#context;
    const others = state.services.filter((one) => one.cluster === cluster && one.status !== 'INACTIVE');
    if (others.length >= MAX_SERVICES) throw invalid(`A cluster can have at most ${MAX_SERVICES} services.`);
    const service = this.#newService(cluster, input, tags);
    state.services = [...state.services.filter(({ arn }) => arn !== service.arn), service];
    beginDeployment(this.#context, service, definition.arn);
    this.#commit(service);
    return { service: this.#view(service, true) };
  }

  async update(input: UpdateServiceCommandInput): Promise<Omit<UpdateServiceCommandOutput, '$metadata'>> {
    const service = this.#require(input.cluster, input.service);
    if (service.status !== 'ACTIVE') throw serviceNotActive();
    checkUpdate(input);
    this.#deps.clusters.checkStrategy(service.cluster, input.capacityProviderStrategy);
    const current = service.deployments[0]?.taskDefinition;
    const definition = this.#deps.definitions.requireActive(input.taskDefinition ?? current);
    if (input.loadBalancers) await checkLoadBalancers(input.loadBalancers, definition, this.#deps.targets);
    if (service.status !== 'ACTIVE') throw serviceNotActive();
    checkForced(service, input);
    const settings = { ...service.settings, ...settingsOf(input) };
    const redeploys =
      input.forceNewDeployment === true ||
      definition.arn !== current ||
      DEPLOYED_SETTINGS.some((name) => !isDeepStrictEqual(settings[name], service.settings[name]));
    service.settings = settings;
    // What has a strategy has no launch type any more.
    if (input.capacityProviderStrategy?.length) delete service.settings.launchType;
    service.desiredCount = input.desiredCount ?? service.desiredCount;
    if (redeploys) beginDeployment(this.#context, service, definition.arn);
    this.#commit(service);
    return { service: this.#view(service, true) };
  }

  async delete(input: DeleteServiceCommandInput): Promise<Omit<DeleteServiceCommandOutput, '$metadata'>> {
    const service = this.#require(input.cluster, input.service);
    if (service.status === 'INACTIVE') throw serviceNotFound();
    if (service.desiredCount > 0 && !input.force) {
      throw invalid('The service cannot be stopped while it is scaled above 0.');
    }
    if (service.status === 'ACTIVE') {
      service.status = 'DRAINING';
      service.desiredCount = 0;
      this.#commit(service);
    }
    return { service: this.#view(service, true) };
  }

  describe(input: DescribeServicesCommandInput): Omit<DescribeServicesCommandOutput, '$metadata'> {
    const cluster = this.#deps.clusters.require(input.cluster);
    const asked = input.services ?? [];
    if (asked.length === 0) throw invalid('Services cannot be empty.');
    if (asked.length > MAX_DESCRIBED) {
      throw invalid(`Services must contain at most ${MAX_DESCRIBED} elements.`);
    }
    const found = asked.map((service) => this.find(cluster, service));
    const withTags = input.include?.includes('TAGS') ?? false;
    return {
      services: found
        .filter((service) => service !== undefined)
        .map((service) => this.#view(service, withTags)),
      failures: asked
        .filter((_, i) => !found[i])
        .map((service) => ({ arn: serviceArn(cluster, nameOf(service)), reason: 'MISSING' })),
    };
  }

  list(input: ListServicesCommandInput): Omit<ListServicesCommandOutput, '$metadata'> {
    const cluster = this.#deps.clusters.require(input.cluster);
    const list = this.#context.state.services
      .filter((service) => service.cluster === cluster && service.status === 'ACTIVE')
      .filter(({ settings }) => !input.launchType || settings.launchType === input.launchType)
      .map(({ arn }) => ({ arn, key: arn }));
    const { items, nextToken } = paged(list, { ...input, maxResults: input.maxResults ?? 10 });
    return { serviceArns: items, ...nextToken };
  }

  find(cluster: string, nameOrArn: string): ServiceRecord | undefined {
    const name = nameOf(nameOrArn);
    return this.#context.state.services.find(
      (service) => service.cluster === cluster && service.name === name,
    );
  }

  /**
   * The service that a repeated call means. Throws when the name is taken by another service, or by one that still
   * drains; a name is free again once its service is INACTIVE.
   */
  #sameService(cluster: string, input: CreateServiceCommandInput): ServiceRecord | undefined {
    const service = this.find(cluster, input.serviceName ?? '');
    if (!service || service.status === 'INACTIVE') return undefined;
    if (service.status === 'DRAINING') throw invalid('Unable to Start a service that is still Draining.');
    if (service.createdWith !== fingerprint(input)) throw invalid('Creation of service was not idempotent.');
    return service;
  }

  #newService(cluster: string, input: CreateServiceCommandInput, tags: ServiceRecord['tags']): ServiceRecord {
    const name = input.serviceName ?? '';
    return {
      arn: serviceArn(cluster, name),
      name,
      cluster,
      status: 'ACTIVE',
      desiredCount: input.desiredCount ?? 0,
      settings: settingsOf(input),
      deployments: [],
      events: [],
      tags,
      createdWith: fingerprint(input),
      createdAt: this.#context.now(),
    };
  }

  #commit(service: ServiceRecord): void {
    this.#context.save();
    this.#deps.wake(service.arn);
  }

  #require(clusterName: string | undefined, nameOrArn: string | undefined): ServiceRecord {
    const service = this.find(this.#deps.clusters.require(clusterName), nameOrArn ?? '');
    if (!service) throw serviceNotFound();
    return service;
  }

  #view(service: ServiceRecord, withTags: boolean): Service {
    return serviceView(service, tasksOf(this.#context.state, service), { withTags });
  }
}

/** Throws where another strategy comes without a deployment, which alone could move a task. */
function checkForced({ settings }: ServiceRecord, input: UpdateServiceCommandInput): void {
  const { capacityProviderStrategy: wanted, forceNewDeployment } = input;
  if (!wanted || forceNewDeployment || isDeepStrictEqual(wanted, settings.capacityProviderStrategy)) return;
  throw invalid(
    'When switching from launch type to capacity provider strategy on an existing service, or making a change to a capacity provider strategy on a service that is already using one, you must force a new deployment.',
  );
}

function settingsOf(input: CreateServiceCommandInput | UpdateServiceCommandInput): ServiceSettings {
  const values: Readonly<Record<string, unknown>> = { ...input };
  const given = SERVICE_SETTINGS.filter((name) => values[name] !== undefined);
  return structuredClone(Object.fromEntries(given.map((name) => [name, values[name]])));
}

/** Equal for two calls that ask for the same service. */
function fingerprint({ clientToken: _token, ...input }: CreateServiceCommandInput): string {
  return JSON.stringify(input, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
