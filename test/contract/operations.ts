import * as logsSdk from '@aws-sdk/client-cloudwatch-logs';
import * as dynamodbSdk from '@aws-sdk/client-dynamodb';
import * as streamsSdk from '@aws-sdk/client-dynamodb-streams';
import * as ecsSdk from '@aws-sdk/client-ecs';
import * as elbv2Sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import * as schedulerSdk from '@aws-sdk/client-scheduler';
import * as quotasSdk from '@aws-sdk/client-service-quotas';
import * as stsSdk from '@aws-sdk/client-sts';

/** The services of localcloud, under the names that their clients have in `Contract`. */
export const SERVICES = [
  'dynamodb',
  'streams',
  'ecs',
  'elbv2',
  'scheduler',
  'logs',
  'sts',
  'quotas',
] as const;
export type ServiceName = (typeof SERVICES)[number];

export const SDKS: Readonly<Record<ServiceName, object>> = {
  dynamodb: dynamodbSdk,
  streams: streamsSdk,
  ecs: ecsSdk,
  elbv2: elbv2Sdk,
  scheduler: schedulerSdk,
  logs: logsSdk,
  sts: stsSdk,
  quotas: quotasSdk,
};

/**
 * Every operation that localcloud answers to. `coverage.contract.test.ts` holds the list against the endpoint, in both
 * directions; each service's suite has to make every one of its operations succeed and refuse.
 */
export const OPERATIONS: Readonly<Record<ServiceName, readonly string[]>> = {
  dynamodb: [
    'BatchGetItem',
    'BatchWriteItem',
    'CreateTable',
    'DeleteItem',
    'DeleteTable',
    'DescribeContinuousBackups',
    'DescribeTable',
    'DescribeTimeToLive',
    'GetItem',
    'ListTables',
    'ListTagsOfResource',
    'PutItem',
    'Query',
    'Scan',
    'TagResource',
    'UntagResource',
    'UpdateContinuousBackups',
    'UpdateItem',
    'UpdateTable',
    'UpdateTimeToLive',
  ],
  streams: ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'],
  ecs: [
    'CreateCluster',
    'CreateService',
    'DeleteService',
    'DeleteTaskDefinitions',
    'DeregisterTaskDefinition',
    'DescribeClusters',
    'DescribeServices',
    'DescribeTaskDefinition',
    'DescribeTasks',
    'ListClusters',
    'ListServices',
    'ListTagsForResource',
    'ListTaskDefinitionFamilies',
    'ListTaskDefinitions',
    'ListTasks',
    'RegisterTaskDefinition',
    'StopTask',
    'TagResource',
    'UntagResource',
    'UpdateService',
  ],
  elbv2: [
    'AddTags',
    'CreateListener',
    'CreateLoadBalancer',
    'CreateRule',
    'CreateTargetGroup',
    'DeleteListener',
    'DeleteLoadBalancer',
    'DeleteRule',
    'DeleteTargetGroup',
    'DeregisterTargets',
    'DescribeAccountLimits',
    'DescribeListeners',
    'DescribeLoadBalancers',
    'DescribeRules',
    'DescribeTags',
    'DescribeTargetGroupAttributes',
    'DescribeTargetGroups',
    'DescribeTargetHealth',
    'ModifyRule',
    'ModifyTargetGroup',
    'ModifyTargetGroupAttributes',
    'RegisterTargets',
    'RemoveTags',
    'SetRulePriorities',
  ],
  scheduler: [
    'CreateSchedule',
    'CreateScheduleGroup',
    'DeleteSchedule',
    'DeleteScheduleGroup',
    'GetSchedule',
    'GetScheduleGroup',
    'ListScheduleGroups',
    'ListSchedules',
    'UpdateSchedule',
  ],
  logs: [
    'CreateLogGroup',
    'CreateLogStream',
    'DeleteLogStream',
    'DescribeLogGroups',
    'DescribeLogStreams',
    'FilterLogEvents',
    'GetLogEvents',
    'PutLogEvents',
    'PutRetentionPolicy',
  ],
  sts: ['GetCallerIdentity'],
  quotas: ['GetServiceQuota', 'ListServiceQuotas'],
};

/** Nothing that a caller can say makes them refuse. */
export const NEVER_REFUSED: readonly string[] = ['GetCallerIdentity'];

/** An operation as the SDK describes it. */
export interface SdkOperation {
  name: string;
  traits: 0 | { http?: readonly [method: string, path: string, status: number] };
  input: unknown;
  output: unknown;
}

const OPERATION = 9;

/** Every operation that the SDK knows of a service, modelled or not. */
export function sdkOperations(service: ServiceName): SdkOperation[] {
  return Object.values(SDKS[service]).flatMap((value: unknown) => {
    if (!Array.isArray(value) || value[0] !== OPERATION) return [];
    const [, , name, traits, input, output] = value as [
      9,
      string,
      string,
      SdkOperation['traits'],
      unknown,
      unknown,
    ];
    return [{ name, traits, input, output }];
  });
}
