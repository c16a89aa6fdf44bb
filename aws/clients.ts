import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreams } from '@aws-sdk/client-dynamodb-streams';
import { ECS } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Scheduler } from '@aws-sdk/client-scheduler';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';

export interface AwsConfig {
  region: string;
  /** One endpoint for every service; absent = AWS's own. */
  endpoint?: string | undefined;
  /** Absent = the SDK's default provider chain. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
}

export interface AwsClients {
  dynamodb: DynamoDB;
  document: DynamoDBDocument;
  streams: DynamoDBStreams;
  ecs: ECS;
  elbv2: ElasticLoadBalancingV2;
  scheduler: Scheduler;
  logs: CloudWatchLogs;
  destroy(): void;
}

/**
 * The SDK clients of one process. SDK retries are off: the work queue owns all waiting, so that one place decides
 * it and the simulation sees it; and a retried conditional write could report its own success as a conflict.
 */
export function createClients({ region, endpoint, credentials }: AwsConfig): AwsClients {
  const config = {
    region,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
    ...(endpoint ? { endpoint } : {}),
    ...(credentials ? { credentials } : {}),
  };
  const dynamodb = new DynamoDB(config);
  const clients = {
    dynamodb,
    document: DynamoDBDocument.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } }),
    streams: new DynamoDBStreams(config),
    ecs: new ECS(config),
    elbv2: new ElasticLoadBalancingV2(config),
    scheduler: new Scheduler(config),
    logs: new CloudWatchLogs(config),
  };
  return {
    ...clients,
    destroy: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
