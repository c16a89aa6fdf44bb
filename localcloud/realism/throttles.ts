import type { BucketSize } from './token-bucket.ts';

/** One of AWS's buckets, with the operations that draw from it. */
export interface Throttle extends BucketSize {
  operations: readonly string[];
}

const byOperation = (perSecond: number, operations: readonly string[]): Throttle[] =>
  operations.map((operation) => ({ burst: perSecond, perSecond, operations: [operation] }));

/**
 * AWS's documented request throttles of one account in one Region, us-east-1, by service as the wire names it. What is
 * named nowhere is not throttled. Where AWS documents only a rate, a second's worth of it is the burst.
 */
export const THROTTLES: Readonly<Record<string, readonly Throttle[]>> = {
  // Amazon ECS developer guide, "Request throttling for the Amazon ECS API".
  ecs: [
    { burst: 20, perSecond: 1, operations: ['RegisterTaskDefinition', 'DeregisterTaskDefinition'] },
    { burst: 5, perSecond: 1, operations: ['DeleteTaskDefinitions'] },
    {
      burst: 50,
      perSecond: 20,
      operations: ['DescribeTaskDefinition', 'ListTaskDefinitions', 'ListTaskDefinitionFamilies'],
    },
    { burst: 50, perSecond: 5, operations: ['CreateService', 'UpdateService', 'DeleteService'] },
    { burst: 100, perSecond: 20, operations: ['DescribeServices', 'ListServices'] },
    { burst: 100, perSecond: 20, operations: ['DescribeTasks', 'ListTasks'] },
    { burst: 100, perSecond: 40, operations: ['StopTask'] },
    { burst: 20, perSecond: 10, operations: ['TagResource', 'UntagResource'] },
    { burst: 50, perSecond: 20, operations: ['ListTagsForResource'] },
    { burst: 20, perSecond: 1, operations: ['CreateCluster'] },
    { burst: 50, perSecond: 20, operations: ['DescribeClusters', 'ListClusters'] },
  ],
  // Elastic Load Balancing user guide, "API throttling": its table of categories.
  elbv2: [
    {
      burst: 20,
      perSecond: 3,
      operations: [
        'CreateTargetGroup',
        'DeleteTargetGroup',
        'ModifyTargetGroup',
        'ModifyTargetGroupAttributes',
        'CreateRule',
        'ModifyRule',
        'DeleteRule',
        'SetRulePriorities',
        'AddTags',
        'RemoveTags',
        'CreateListener',
        'DeleteListener',
        'DeleteLoadBalancer',
      ],
    },
    {
      burst: 200,
      perSecond: 50,
      operations: [
        'DescribeLoadBalancers',
        'DescribeListeners',
        'DescribeRules',
        'DescribeTargetGroups',
        'DescribeTargetGroupAttributes',
        'DescribeTargetHealth',
        'DescribeTags',
        'DescribeAccountLimits',
      ],
    },
    { burst: 20, perSecond: 4, operations: ['RegisterTargets', 'DeregisterTargets'] },
    { burst: 10, perSecond: 0.2, operations: ['CreateLoadBalancer', 'SetSubnets'] },
  ],
  // EventBridge Scheduler user guide, "Quotas".
  scheduler: [
    ...byOperation(5_000, ['CreateSchedule']),
    ...byOperation(1_000, ['UpdateSchedule', 'DeleteSchedule', 'GetSchedule']),
    ...byOperation(50, ['ListSchedules']),
  ],
  // CloudWatch Logs user guide, "Quotas".
  logs: [
    ...byOperation(10, ['CreateLogGroup', 'DeleteLogGroup', 'DescribeLogGroups', 'GetLogEvents']),
    ...byOperation(50, ['CreateLogStream']),
    ...byOperation(5, ['PutRetentionPolicy', 'FilterLogEvents']),
    ...byOperation(25, ['DescribeLogStreams']),
  ],
  // Amazon DynamoDB API reference, DescribeStream.
  streams: byOperation(10, ['DescribeStream']),
};

/** The prose of Elastic Load Balancing's page still has one bucket for all calls together, which its table contradicts. */
export const STRICT_ELBV2: BucketSize = { burst: 40, perSecond: 10 };

/** ECS's own launches of Fargate tasks: AWS Fargate user guide, "Throttling quotas", on demand. */
export const FARGATE_LAUNCHES: BucketSize = { burst: 100, perSecond: 20 };
