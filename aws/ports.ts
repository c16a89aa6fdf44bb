import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import type { DynamoDB } from '@aws-sdk/client-dynamodb';
import type { DynamoDBStreams } from '@aws-sdk/client-dynamodb-streams';
import type { ECS } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Scheduler } from '@aws-sdk/client-scheduler';

/**
 * A port is the SDK's own aggregated client, narrowed to the calls that Tempus makes and without response
 * metadata. Production passes the SDK client; the simulation passes a model of AWS; gates and metrics are
 * decorators of the same type.
 */
type Call<F> = F extends (input: infer I) => Promise<infer O>
  ? (input: I) => Promise<Omit<O, '$metadata'>>
  : never;

// The SDK's methods are overloaded (promise, callback); this picks the promise form with one argument.
type PromiseForm<F> = F extends {
  (args: infer I, options?: infer _O): Promise<infer R>;
  (args: infer _A, cb: infer _B): void;
  (args: infer _C, options: infer _D, cb: infer _E): void;
}
  ? (input: I) => Promise<R>
  : F extends {
        (): Promise<infer R>;
        (args: infer I, options?: infer _O): Promise<infer R>;
        (args: infer _A, cb: infer _B): void;
        (args: infer _C, options: infer _D, cb: infer _E): void;
      }
    ? (input: I) => Promise<R>
    : never;

export type Port<Client, Names extends keyof Client> = { [N in Names]: Call<PromiseForm<Client[N]>> };

export const ECS_CALLS = [
  'registerTaskDefinition',
  'describeTaskDefinition',
  'listTaskDefinitions',
  'listTaskDefinitionFamilies',
  'deregisterTaskDefinition',
  'deleteTaskDefinitions',
  'createService',
  'updateService',
  'deleteService',
  'describeServices',
  'listServices',
  'listTasks',
  'describeTasks',
] as const satisfies readonly (keyof ECS)[];
export type EcsPort = Port<ECS, (typeof ECS_CALLS)[number]>;

export const ELBV2_CALLS = [
  'createTargetGroup',
  'modifyTargetGroup',
  'modifyTargetGroupAttributes',
  'describeTargetGroups',
  'describeTargetGroupAttributes',
  'describeTargetHealth',
  'deleteTargetGroup',
  'createRule',
  'modifyRule',
  'deleteRule',
  'describeRules',
  'describeTags',
] as const satisfies readonly (keyof ElasticLoadBalancingV2)[];
export type Elbv2Port = Port<ElasticLoadBalancingV2, (typeof ELBV2_CALLS)[number]>;

export const SCHEDULER_CALLS = [
  'createSchedule',
  'updateSchedule',
  'getSchedule',
  'deleteSchedule',
  'listSchedules',
] as const satisfies readonly (keyof Scheduler)[];
export type SchedulerPort = Port<Scheduler, (typeof SCHEDULER_CALLS)[number]>;

export const LOGS_CALLS = [
  'filterLogEvents',
  'getLogEvents',
] as const satisfies readonly (keyof CloudWatchLogs)[];
export type LogsPort = Port<CloudWatchLogs, (typeof LOGS_CALLS)[number]>;

/** Every call of every port. */
export const CALLS = {
  ecs: ECS_CALLS,
  elbv2: ELBV2_CALLS,
  scheduler: SCHEDULER_CALLS,
  logs: LOGS_CALLS,
} as const;

/** Where the controller learns which stream the table has. */
export type TablePort = Port<DynamoDB, 'describeTable'>;
export type StreamsPort = Port<DynamoDBStreams, 'describeStream' | 'getShardIterator' | 'getRecords'>;

/** Everything that a controller does to AWS besides its own tables. */
export interface AwsPorts {
  ecs: EcsPort;
  elbv2: Elbv2Port;
  scheduler: SchedulerPort;
  logs: LogsPort;
}
