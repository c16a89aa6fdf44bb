import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

export const LIVE_INDEX = 'live';

/**
 * The previews table: key `id`, a stream with both images, and the sparse index of everything that is not Deleted,
 * ordered by expiry. On AWS the same table is made by Terraform.
 */
export function previewsTable(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'id', AttributeType: 'S' },
      { AttributeName: 'live', AttributeType: 'S' },
      { AttributeName: 'expires_at', AttributeType: 'S' },
    ],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [
      {
        IndexName: LIVE_INDEX,
        KeySchema: [
          { AttributeName: 'live', KeyType: 'HASH' },
          { AttributeName: 'expires_at', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
  };
}

/** DynamoDB TTL of every table: it takes tombstones and never previews, old events, and checkpoints of old shards. */
export const PURGE_ATTRIBUTE = 'purge_at';

/** The coordination table: leases, checkpoints, slots, gone marks. No stream, so that it wakes nobody. */
export function coordinationTable(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'key', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'key', KeyType: 'HASH' }],
  };
}

/** The events table: the history of each preview, in the order of its changes. */
export function eventsTable(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'preview_id', AttributeType: 'S' },
      { AttributeName: 'sequence', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'preview_id', KeyType: 'HASH' },
      { AttributeName: 'sequence', KeyType: 'RANGE' },
    ],
  };
}
