import type { BucketSize } from './bucket.ts';
import type { AwsPorts } from './ports.ts';

/**
 * AWS's documented API throttles, each for the whole account and Region. Where Regions differ, the least: Tempus needs
 * no more anywhere. Where only a rate is documented, a second's worth of it is the burst.
 */
export const BUCKETS = {
  // Amazon ECS developer guide, "Request throttling for the Amazon ECS API".
  task_definition_modify: { burst: 20, perSecond: 1 },
  task_definition_delete: { burst: 5, perSecond: 1 },
  task_definition_read: { burst: 50, perSecond: 20 },
  service_modify: { burst: 50, perSecond: 5 },
  service_read: { burst: 100, perSecond: 20 },
  cluster_resource_read: { burst: 100, perSecond: 20 },
  // Elastic Load Balancing user guide, "Request throttling": its table of categories. The prose of the same page still
  // has a bucket over all actions together, which the table contradicts: see GateDeps.strict.
  elb_modify: { burst: 20, perSecond: 3 },
  elb_read: { burst: 200, perSecond: 50 },
  elb_account: { burst: 40, perSecond: 10 },
  // EventBridge Scheduler user guide, "Quotas": 5,000 creations and 1,000 of each other in the large Regions.
  schedule_create: { burst: 250, perSecond: 250 },
  schedule_update: { burst: 250, perSecond: 250 },
  schedule_get: { burst: 250, perSecond: 250 },
  schedule_delete: { burst: 250, perSecond: 250 },
  schedule_list: { burst: 50, perSecond: 50 },
  // CloudWatch Logs user guide, "Quotas": 5 to 25, and 10 to 30, by Region; neither can be raised.
  logs_filter: { burst: 5, perSecond: 5 },
  logs_get: { burst: 10, perSecond: 10 },
} as const satisfies Record<string, BucketSize>;
export type BucketName = keyof typeof BUCKETS;

/** Which bucket each call draws from. Complete by type: a call that is new to the ports does not compile without one. */
export const BUCKET_OF: { readonly [S in keyof AwsPorts]: Readonly<Record<keyof AwsPorts[S], BucketName>> } =
  {
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
      createSchedule: 'schedule_create',
      updateSchedule: 'schedule_update',
      deleteSchedule: 'schedule_delete',
      getSchedule: 'schedule_get',
      listSchedules: 'schedule_list',
    },
    logs: { filterLogEvents: 'logs_filter', getLogEvents: 'logs_get' },
  };

/** Every bucket that a call draws from, its own first. */
export function bucketsOf(
  service: keyof AwsPorts,
  call: string,
  strict: boolean,
): readonly [BucketName, ...BucketName[]] {
  const name = (BUCKET_OF[service] as Readonly<Record<string, BucketName>>)[call];
  if (name === undefined) throw new Error(`${service}.${call} has no bucket`);
  return strict && service === 'elbv2' ? [name, 'elb_account'] : [name];
}
