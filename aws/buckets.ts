import type { ECS_CALLS, ELBV2_CALLS, LOGS_CALLS, SCHEDULER_CALLS } from './ports.ts';

/** A token bucket of AWS's: `burst` calls at once, `perSecond` in the long run, for the whole account and Region. */
export interface BucketSize {
  burst: number;
  perSecond: number;
}

/**
 * AWS's documented API throttles. ECS: developer guide, "Request throttling for the Amazon ECS API". ELBv2: user
 * guide, "API request throttling". Scheduler: "Quotas for Amazon EventBridge Scheduler". Logs: service quotas.
 */
export const BUCKETS = {
  task_definition_modify: { burst: 20, perSecond: 1 },
  task_definition_delete: { burst: 5, perSecond: 1 },
  task_definition_read: { burst: 50, perSecond: 20 },
  service_modify: { burst: 50, perSecond: 5 },
  service_read: { burst: 100, perSecond: 20 },
  cluster_resource_read: { burst: 100, perSecond: 20 },
  elb_modify: { burst: 20, perSecond: 3 },
  elb_read: { burst: 200, perSecond: 50 },
  scheduler_create: { burst: 5000, perSecond: 5000 },
  scheduler_modify: { burst: 1000, perSecond: 1000 },
  scheduler_list: { burst: 50, perSecond: 50 },
  logs_read: { burst: 10, perSecond: 10 },
} as const satisfies Record<string, BucketSize>;
export type BucketName = keyof typeof BUCKETS;

type Calls = {
  ecs: (typeof ECS_CALLS)[number];
  elbv2: (typeof ELBV2_CALLS)[number];
  scheduler: (typeof SCHEDULER_CALLS)[number];
  logs: (typeof LOGS_CALLS)[number];
};

/** Which bucket each call draws from. Complete by type: a call that is new to the ports does not compile without one. */
export const BUCKET_OF: { readonly [S in keyof Calls]: Readonly<Record<Calls[S], BucketName>> } = {
  ecs: {
    registerTaskDefinition: 'task_definition_modify',
    deregisterTaskDefinition: 'task_definition_modify',
    deleteTaskDefinitions: 'task_definition_delete',
    describeTaskDefinition: 'task_definition_read',
    listTaskDefinitions: 'task_definition_read',
    listTaskDefinitionFamilies: 'task_definition_read',
    createService: 'service_modify',
    updateService: 'service_modify',
    deleteService: 'service_modify',
    describeServices: 'service_read',
    listServices: 'service_read',
    listTasks: 'cluster_resource_read',
    describeTasks: 'cluster_resource_read',
  },
  elbv2: {
    createTargetGroup: 'elb_modify',
    modifyTargetGroup: 'elb_modify',
    modifyTargetGroupAttributes: 'elb_modify',
    deleteTargetGroup: 'elb_modify',
    createRule: 'elb_modify',
    modifyRule: 'elb_modify',
    deleteRule: 'elb_modify',
    describeTargetGroups: 'elb_read',
    describeTargetGroupAttributes: 'elb_read',
    describeTargetHealth: 'elb_read',
    describeRules: 'elb_read',
    describeTags: 'elb_read',
  },
  scheduler: {
    createSchedule: 'scheduler_create',
    updateSchedule: 'scheduler_modify',
    deleteSchedule: 'scheduler_modify',
    getSchedule: 'scheduler_modify',
    listSchedules: 'scheduler_list',
  },
  logs: { filterLogEvents: 'logs_read', getLogEvents: 'logs_read' },
};

/** Halved by each throttle, down to this share of what it should be, and restored within a minute of peace. */
const LEAST_SHARE = 1 / 16;
const RESTORED_MS = 60_000;

/**
 * The arithmetic of one bucket at a share of its size: how many calls may go, and when the next one may. Values in,
 * values out; who waits for what is gate.ts's affair. Times are milliseconds of a monotonic clock.
 */
export class Bucket {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #at = 0;
  /** Of the full rate, after throttles. */
  #pace = 1;

  constructor({ burst, perSecond }: BucketSize, share: number) {
    this.#burst = Math.max(1, burst * share);
    this.#perMs = (perSecond * share) / 1000;
    this.#tokens = this.#burst;
  }

  /** Takes one token if there is one. */
  take(now: number): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until the next token. */
  nextIn(now: number): number {
    this.#refill(now);
    return Math.max(0, Math.ceil((1 - this.#tokens) / (this.#perMs * this.#pace)));
  }

  /** AWS has said that it is too much: others draw from the same bucket. Starts again from empty, at half the pace. */
  throttled(now: number): void {
    this.#refill(now);
    this.#tokens = Math.min(this.#tokens, 0);
    this.#pace = Math.max(LEAST_SHARE, this.#pace / 2);
  }

  #refill(now: number): void {
    const passed = Math.max(0, now - this.#at);
    this.#at = Math.max(this.#at, now);
    this.#tokens = Math.min(this.#burst, this.#tokens + passed * this.#perMs * this.#pace);
    this.#pace = Math.min(1, this.#pace + passed / RESTORED_MS);
  }
}
