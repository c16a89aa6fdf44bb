import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { expect, vi } from 'vitest';

import { type Contract, uniqueName } from './endpoint.ts';

/** AWS takes some seconds to make or remove a table, other emulators half of one. */
const PATIENCE = { timeout: 60_000, interval: 100 };

/** A table with a partition key `id`, a sort key `n` and an index on `live`; anything else is up to the test. */
export async function createTable(
  contract: Contract,
  more: Partial<CreateTableCommandInput> = {},
): Promise<string> {
  const { dynamodb } = contract.clients;
  const TableName = more.TableName ?? uniqueName();
  await dynamodb.createTable({
    KeySchema: [
      { AttributeName: 'id', KeyType: 'HASH' },
      { AttributeName: 'n', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'id', AttributeType: 'S' },
      { AttributeName: 'n', AttributeType: 'N' },
      { AttributeName: 'live', AttributeType: 'S' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'live',
        KeySchema: [{ AttributeName: 'live', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
    BillingMode: 'PAY_PER_REQUEST',
    ...more,
    TableName,
  });
  await becomesActive(contract, TableName);
  return TableName;
}

export async function becomesActive({ clients }: Contract, TableName: string): Promise<void> {
  await vi.waitFor(async () => {
    const { Table } = await clients.dynamodb.describeTable({ TableName });
    expect(Table?.TableStatus).toBe('ACTIVE');
  }, PATIENCE);
}

export async function isGone({ clients }: Contract, TableName: string): Promise<void> {
  await vi.waitFor(async () => {
    const described = clients.dynamodb.describeTable({ TableName });
    await expect(described).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  }, PATIENCE);
}
