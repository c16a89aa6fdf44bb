import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';

export interface AwsConfig {
  region: string;
  /** One endpoint for every service; absent = AWS's own. */
  endpoint?: string | undefined;
  /** Absent = the SDK's default provider chain. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
}

export interface DatabaseClients {
  dynamodb: DynamoDB;
  document: DynamoDBDocument;
}

/**
 * What every client is made with. SDK retries are off: the work queue owns all waiting, so that one place decides it and
 * the simulation sees it; and a retried conditional write could report its own success as a conflict.
 */
export function clientConfig({ region, endpoint, credentials }: AwsConfig) {
  return {
    region,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
    ...(endpoint ? { endpoint } : {}),
    ...(credentials ? { credentials } : {}),
  };
}

/** The clients of who reads and writes tables and nothing else: a Lambda's start costs less without the others. */
export function createDatabase(config: AwsConfig): DatabaseClients {
  const dynamodb = new DynamoDB(clientConfig(config));
  const marshallOptions = { removeUndefinedValues: true };
  return { dynamodb, document: DynamoDBDocument.from(dynamodb, { marshallOptions }) };
}
