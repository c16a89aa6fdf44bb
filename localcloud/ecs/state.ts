import type {
  CreateServiceCommandInput,
  DeploymentRolloutState,
  RegisterTaskDefinitionCommandInput,
  Tag,
  TaskDefinitionStatus,
  TaskStopCode,
} from '@aws-sdk/client-ecs';

import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Happening } from '../events/event.ts';
import type { Realism } from '../realism/realism.ts';
import type { StateStore } from '../state.ts';

/** Everything that ECS remembers, as plain JSON. Times are epoch milliseconds. */
export interface EcsState {
  clusters: ClusterRecord[];
  /** The last revision number of each family; numbers are never used again. */
  revisions: Record<string, number>;
  taskDefinitions: TaskDefinitionRecord[];
  /** At most one of a name in a cluster. */
  services: ServiceRecord[];
  tasks: TaskRecord[];
}

export interface ClusterRecord {
  name: string;
  /** Absent: those of Fargate, as every cluster had them before they were noted. */
  capacityProviders?: string[];
  tags: Tag[];
}

export interface TaskDefinitionRecord {
  arn: string;
  family: string;
  revision: number;
  status: TaskDefinitionStatus;
  registered: Omit<RegisterTaskDefinitionCommandInput, 'family' | 'tags'>;
  tags: Tag[];
  registeredAt: number;
  deregisteredAt?: number;
  deleteRequestedAt?: number;
}

export const SERVICE_SETTINGS = [
  'loadBalancers',
  'launchType',
  'capacityProviderStrategy',
  'platformVersion',
  'deploymentConfiguration',
  'networkConfiguration',
  'healthCheckGracePeriodSeconds',
  'enableECSManagedTags',
  'enableExecuteCommand',
  'propagateTags',
] as const satisfies readonly (keyof CreateServiceCommandInput)[];
export type ServiceSettings = Pick<CreateServiceCommandInput, (typeof SERVICE_SETTINGS)[number]>;

export interface ServiceRecord {
  arn: string;
  name: string;
  cluster: string;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  desiredCount: number;
  settings: ServiceSettings;
  /** Newest first; the first is PRIMARY. */
  deployments: DeploymentRecord[];
  /** What a rollback goes back to. */
  lastCompleted?: { id: string; taskDefinition: string };
  /** Newest first. */
  events: { id: string; createdAt: number; message: string }[];
  tags: Tag[];
  /** The parameters of the call that created it, canonical: what makes a repeated call the same call. */
  createdWith: string;
  createdAt: number;
  inactiveAt?: number;
}

export interface DeploymentRecord {
  id: string;
  taskDefinition: string;
  createdAt: number;
  updatedAt: number;
  failedTasks: number;
  rolloutState: DeploymentRolloutState;
  rolloutStateReason: string;
}

export type TaskStatus =
  | 'PROVISIONING'
  | 'PENDING'
  | 'ACTIVATING'
  | 'RUNNING'
  | 'DEACTIVATING'
  | 'STOPPING'
  | 'DEPROVISIONING'
  | 'STOPPED';

/** Where a load balancer reaches a task. */
export interface TaskTarget {
  targetGroupArn: string;
  address: string;
  port: number;
}

export interface TaskRecord {
  arn: string;
  id: string;
  cluster: string;
  service: string;
  deployment: string;
  taskDefinition: string;
  family: string;
  containers: ContainerRecord[];
  cpu: string;
  memory: string;
  /** Absent where its service has a launch type. */
  capacityProvider?: string;
  lastStatus: TaskStatus;
  desiredStatus: 'RUNNING' | 'STOPPED';
  version: number;
  targets: TaskTarget[];
  tags: Tag[];
  createdAt: number;
  startedAt?: number;
  stoppingAt?: number;
  stoppedAt?: number;
  stopCode?: TaskStopCode;
  stoppedReason?: string;
}

export interface ContainerRecord {
  name: string;
  image: string;
  /** Absent: it is. */
  essential?: boolean;
  /** Absent while it waits for its start. */
  lastStatus?: 'RUNNING' | 'STOPPED';
  /** Absent where nothing checks it. */
  healthStatus?: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';
  exitCode?: number;
  reason?: string;
}

/** How long ECS still describes what has ended. */
const REMEMBERED_MS = 60 * 60 * 1000;
/** A crash loop of an hour leaves thousands of stopped tasks on AWS; here only the newest are worth their space. */
const STOPPED_TASKS_KEPT = 50;

export interface EcsContextDeps {
  clock: Clock;
  random: Random;
  log: Log;
  state: StateStore<EcsState>;
  /** AWS's delays and quotas. Absent: neither. */
  realism?: Realism | undefined;
  /** Told of every change of a task or of a rollout. Absent: nobody is. */
  publish?: ((happening: Happening) => void) | undefined;
}

/** What every part of the model shares: the state, and the doors to time, chance and log. */
export class EcsContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly state: EcsState;
  readonly realism: Realism | undefined;
  readonly publish: ((happening: Happening) => void) | undefined;
  readonly #store: StateStore<EcsState>;
  #unsaved = false;

  constructor(deps: EcsContextDeps) {
    this.clock = deps.clock;
    this.random = deps.random;
    this.log = deps.log;
    this.realism = deps.realism;
    this.publish = deps.publish;
    this.#store = deps.state;
    this.state = deps.state.load() ?? {
      clusters: [{ name: 'default', tags: [] }],
      revisions: {},
      taskDefinitions: [],
      services: [],
      tasks: [],
    };
    // Written by a version whose tasks had one container: they are over by now, and only remembered.
    for (const task of this.state.tasks) task.containers ??= [];
  }

  now(): number {
    return this.clock.now().getTime();
  }

  /** Notes a change that may wait for the end of the step that makes it. */
  touch(): void {
    this.#unsaved = true;
  }

  saveIfTouched(): void {
    if (this.#unsaved) this.save();
  }

  /** Makes the state durable. Whatever ECS has forgotten by now leaves with the write. */
  save(): void {
    const since = this.now() - REMEMBERED_MS;
    this.state.services = this.state.services.filter(({ inactiveAt }) => (inactiveAt ?? since) >= since);
    const kept = new Map<string, number>();
    this.state.tasks = this.state.tasks
      .toReversed()
      .filter((task) => {
        if (task.lastStatus !== 'STOPPED') return true;
        const count = (kept.get(task.service) ?? 0) + 1;
        kept.set(task.service, count);
        return count <= STOPPED_TASKS_KEPT && (task.stoppedAt ?? since) >= since;
      })
      .toReversed();
    this.#store.save(this.state);
    this.#unsaved = false;
  }
}

export function tasksOf(state: EcsState, service: ServiceRecord): TaskRecord[] {
  return state.tasks.filter((task) => task.service === service.arn);
}
