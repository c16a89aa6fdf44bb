import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBStreams } from '@aws-sdk/client-dynamodb-streams';
import { ECS } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Scheduler } from '@aws-sdk/client-scheduler';
import { type AwsConfig, clientConfig, createDatabase, type DatabaseClients } from './database.ts';

export type { AwsConfig } from './database.ts';

export interface AwsClients extends DatabaseClients {
  streams: DynamoDBStreams;
  ecs: ECS;
  elbv2: ElasticLoadBalancingV2;
  scheduler: Scheduler;
  logs: CloudWatchLogs;
  destroy(): void;
}

/** The SDK clients of one process. */
export function createClients(own: AwsConfig): AwsClients {
  const config = clientConfig(own);
  const clients = {
    ...createDatabase(own),
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
