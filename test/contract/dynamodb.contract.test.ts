import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDB,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, test } from 'vitest';

import { becomesActive, createTable, isGone } from './contract-table.ts';
import { describeCoverage } from './coverage.ts';
import { IS_LOCAL, uniqueName, useContract } from './endpoint.ts';

const contract = useContract();
let dynamodb: DynamoDB;
/** One for all tests, because AWS takes its time to make one; each test has a partition of its own. */
let TableName: string;
let id: string;

type Item = Record<string, AttributeValue>;

const invalid = { name: 'ValidationException', $fault: 'client' };
const missing = { name: 'ResourceNotFoundException', $fault: 'client' };
const failed = { name: 'ConditionalCheckFailedException', $fault: 'client' };

beforeEach(async () => {
  ({ dynamodb } = contract.clients);
  id = uniqueName();
  if (TableName) return;
  const name = await createTable(contract);
  contract.undoAtEnd(() => dynamodb.deleteTable({ TableName: name }));
  TableName = name;
});

const key = (n = 1): Item => ({ id: { S: id }, n: { N: String(n) } });
const put = (n: number, more: Item = {}) => dynamodb.putItem({ TableName, Item: { ...key(n), ...more } });
const get = async (n = 1) => {
  const { Item } = await dynamodb.getItem({ TableName, Key: key(n), ConsistentRead: true });
  return Item;
};
const numbers = (items: Item[] | undefined) => items?.map((item) => Number(item['n']!.N));
const query = (more: Partial<QueryCommandInput> = {}) =>
  dynamodb.query({
    TableName,
    KeyConditionExpression: 'id = :id',
    ConsistentRead: true,
    ...more,
    ExpressionAttributeValues: { ':id': { S: id }, ...more.ExpressionAttributeValues },
  });

describe('tables', () => {
  test('are described as they were created, and listed', async () => {
    const { Table } = await dynamodb.describeTable({ TableName });
    expect(Table).toMatchObject({
      TableName,
      TableStatus: 'ACTIVE',
      TableArn: expect.stringMatching(/^arn:aws:dynamodb:[^:]+:\d{12}:table\//) as string,
      KeySchema: [
        { AttributeName: 'id', KeyType: 'HASH' },
        { AttributeName: 'n', KeyType: 'RANGE' },
      ],
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      GlobalSecondaryIndexes: [
        { IndexName: 'live', IndexStatus: 'ACTIVE', Projection: { ProjectionType: 'ALL' } },
      ],
    });
    const names: string[] = [];
    let ExclusiveStartTableName: string | undefined;
    do {
      const page = await dynamodb.listTables({ Limit: 1, ExclusiveStartTableName });
      expect(page.TableNames!.length).toBeLessThanOrEqual(1);
      names.push(...page.TableNames!);
      ExclusiveStartTableName = page.LastEvaluatedTableName;
    } while (ExclusiveStartTableName !== undefined);
    expect(names).toContain(TableName);
  });

  test('say whether they can be restored to any second of their past', async () => {
    const other = await createTable(contract);
    contract.undo(() => dynamodb.deleteTable({ TableName: other }));
    const state = async () => {
      const answer = await dynamodb.describeContinuousBackups({ TableName: other });
      return answer.ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    };
    const switchTo = (table: string, PointInTimeRecoveryEnabled: boolean) =>
      dynamodb.updateContinuousBackups({
        TableName: table,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled },
      });
    expect(await state()).toBe('DISABLED');
    await switchTo(other, true);
    expect(await state()).toBe('ENABLED');
    await switchTo(other, false);
    expect(await state()).toBe('DISABLED');
    const unknown = { name: 'TableNotFoundException' };
    await expect(switchTo('nobody', true)).rejects.toMatchObject(unknown);
    await expect(dynamodb.describeContinuousBackups({ TableName: 'nobody' })).rejects.toMatchObject(unknown);
  });

  test('exist once, and are gone when they were deleted', async () => {
    await expect(createTable(contract, { TableName })).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    const other = await createTable(contract);
    const { TableDescription } = await dynamodb.deleteTable({ TableName: other });
    expect(TableDescription).toMatchObject({ TableName: other, TableStatus: 'DELETING' });
    await isGone(contract, other);
  });

  test('change how they are paid for', async () => {
    const other = await createTable(contract, {
      GlobalSecondaryIndexes: undefined,
      AttributeDefinitions: keysOnly,
    });
    contract.undo(() => dynamodb.deleteTable({ TableName: other }));
    const ProvisionedThroughput = { ReadCapacityUnits: 1, WriteCapacityUnits: 1 };
    await dynamodb.updateTable({ TableName: other, BillingMode: 'PROVISIONED', ProvisionedThroughput });
    await becomesActive(contract, other);
    const { Table } = await dynamodb.describeTable({ TableName: other });
    expect(Table?.ProvisionedThroughput).toMatchObject(ProvisionedThroughput);
    await expect(dynamodb.updateTable({ TableName: other })).rejects.toMatchObject(invalid);
  });

  test.each<[string, (name: string) => Promise<unknown>]>([
    ['DescribeTable', (name) => dynamodb.describeTable({ TableName: name })],
    ['DeleteTable', (name) => dynamodb.deleteTable({ TableName: name })],
    ['UpdateTable', (name) => dynamodb.updateTable({ TableName: name, BillingMode: 'PAY_PER_REQUEST' })],
    ['DescribeTimeToLive', (name) => dynamodb.describeTimeToLive({ TableName: name })],
    [
      'UpdateTimeToLive',
      (name) =>
        dynamodb.updateTimeToLive({
          TableName: name,
          TimeToLiveSpecification: { Enabled: true, AttributeName: 'a' },
        }),
    ],
    ['GetItem', (name) => dynamodb.getItem({ TableName: name, Key: key() })],
    ['PutItem', (name) => dynamodb.putItem({ TableName: name, Item: key() })],
    ['DeleteItem', (name) => dynamodb.deleteItem({ TableName: name, Key: key() })],
    ['UpdateItem', (name) => dynamodb.updateItem({ TableName: name, Key: key() })],
    ['Scan', (name) => dynamodb.scan({ TableName: name })],
    ['Query', (name) => query({ TableName: name })],
    ['BatchGetItem', (name) => dynamodb.batchGetItem({ RequestItems: { [name]: { Keys: [key()] } } })],
    [
      'BatchWriteItem',
      (name) => dynamodb.batchWriteItem({ RequestItems: { [name]: [{ DeleteRequest: { Key: key() } }] } }),
    ],
  ])('that do not exist are not found by %s', async (_operation, call) => {
    await expect(call(uniqueName())).rejects.toMatchObject(missing);
  });

  test('are listed a hundred at a time at most', async () => {
    await expect(dynamodb.listTables({ Limit: 0 })).rejects.toMatchObject(invalid);
    await expect(dynamodb.listTables({ Limit: 101 })).rejects.toMatchObject(invalid);
  });

  test.each<[string, object]>([
    ['a name of two characters', { TableName: 'ab' }],
    ['a name with a space', { TableName: 'a table' }],
    ['no key', { KeySchema: [] }],
    ['a key that has no type', { AttributeDefinitions: [] }],
  ])('are not created with %s', async (_what, wrong) => {
    await expect(createTable(contract, wrong)).rejects.toMatchObject(invalid);
  });

  test('take and lose tags', async () => {
    const { Table } = await dynamodb.describeTable({ TableName });
    const ResourceArn = Table!.TableArn!;
    await dynamodb.tagResource({
      ResourceArn,
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2' },
      ],
    });
    await dynamodb.untagResource({ ResourceArn, TagKeys: ['a'] });
    const { Tags } = await dynamodb.listTagsOfResource({ ResourceArn });
    expect(Tags).toEqual([{ Key: 'b', Value: '2' }]);
    const refused = { $fault: 'client' };
    await expect(dynamodb.tagResource({ ResourceArn, Tags: [] })).rejects.toMatchObject(refused);
    await expect(dynamodb.untagResource({ ResourceArn, TagKeys: [] })).rejects.toMatchObject(refused);
    const gone = ResourceArn.replace(TableName, uniqueName());
    await expect(dynamodb.listTagsOfResource({ ResourceArn: gone })).rejects.toMatchObject(refused);
  });
});

const keysOnly = [
  { AttributeName: 'id', AttributeType: 'S' as const },
  { AttributeName: 'n', AttributeType: 'N' as const },
];

describe('time to live', () => {
  test('is switched on once, for one attribute, and is described', async () => {
    const other = await createTable(contract);
    contract.undo(() => dynamodb.deleteTable({ TableName: other }));
    const specification = { Enabled: true, AttributeName: 'purge_at' };
    const switchTo = (TimeToLiveSpecification: typeof specification) =>
      dynamodb.updateTimeToLive({ TableName: other, TimeToLiveSpecification });
    const off = { TimeToLiveStatus: 'DISABLED' };
    expect((await dynamodb.describeTimeToLive({ TableName: other })).TimeToLiveDescription).toEqual(off);
    await expect(switchTo({ ...specification, AttributeName: '' })).rejects.toMatchObject(invalid);
    await expect(switchTo({ ...specification, Enabled: false })).rejects.toMatchObject(invalid);
    expect((await switchTo(specification)).TimeToLiveSpecification).toEqual(specification);
    const { TimeToLiveDescription } = await dynamodb.describeTimeToLive({ TableName: other });
    expect(TimeToLiveDescription).toMatchObject({
      AttributeName: 'purge_at',
      TimeToLiveStatus: expect.stringMatching(/^ENABL/) as string,
    });
    await expect(switchTo(specification)).rejects.toMatchObject(invalid);
  });
});

describe('items', () => {
  const everything: Item = {
    s: { S: 'ünïcode ✓ "quotes" \n' },
    empty: { S: '' },
    number: { N: '-12345678901234567890.12345' },
    b: { B: new Uint8Array([0, 255, 1]) },
    ss: { SS: ['a', 'b'] },
    ns: { NS: ['1', '2'] },
    bs: { BS: [new Uint8Array([1]), new Uint8Array([2])] },
    m: { M: { deep: { L: [{ NULL: true }, { BOOL: false }, { M: {} }] } } },
  };

  test('are read as they were written, in every type', async () => {
    await put(1, everything);
    expect(await get()).toEqual({ ...key(), ...everything });
    expect(await get(2)).toBeUndefined();
    const { Item } = await dynamodb.getItem({
      TableName,
      Key: key(),
      ProjectionExpression: '#s, m.deep[1]',
      ExpressionAttributeNames: { '#s': 's' },
    });
    expect(Item).toEqual({ s: everything['s'], m: { M: { deep: { L: [{ BOOL: false }] } } } });
  });

  test('answer what was there before, if asked to', async () => {
    expect((await put(1, { a: { S: 'x' } })).Attributes).toBeUndefined();
    const Item = { ...key(), a: { S: 'y' } };
    const second = await dynamodb.putItem({ TableName, Item, ReturnValues: 'ALL_OLD' });
    expect(second.Attributes).toEqual({ ...key(), a: { S: 'x' } });
    const deleted = await dynamodb.deleteItem({ TableName, Key: key(), ReturnValues: 'ALL_OLD' });
    expect(deleted.Attributes).toEqual(Item);
    const again = await dynamodb.deleteItem({ TableName, Key: key(), ReturnValues: 'ALL_OLD' });
    expect(again.Attributes).toBeUndefined();
  });

  test('are written only where their condition holds', async () => {
    const absent = { ConditionExpression: 'attribute_not_exists(id)' };
    await dynamodb.putItem({ TableName, Item: { ...key(), a: { N: '1' } }, ...absent });
    await expect(dynamodb.putItem({ TableName, Item: key(), ...absent })).rejects.toMatchObject(failed);
    const ifTwo = { ConditionExpression: 'a = :two', ExpressionAttributeValues: { ':two': { N: '2' } } };
    await expect(dynamodb.deleteItem({ TableName, Key: key(), ...ifTwo })).rejects.toMatchObject(failed);
    const update = { TableName, Key: key(), UpdateExpression: 'SET a = :two', ...ifTwo };
    await expect(dynamodb.updateItem(update)).rejects.toMatchObject(failed);
    expect(await get()).toEqual({ ...key(), a: { N: '1' } });
  });

  test('show what stood in the way of a write, if asked to', async ({ skip }) => {
    await put(1, { a: { N: '1' } });
    const refused = dynamodb.putItem({
      TableName,
      Item: key(),
      ConditionExpression: 'attribute_not_exists(id)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    const error = await refused.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    const { Item } = error as ConditionalCheckFailedException;
    skip(!IS_LOCAL && !Item, 'the endpoint lacks dynamodb ReturnValuesOnConditionCheckFailure');
    expect(Item).toEqual({ ...key(), a: { N: '1' } });
  });

  test('are updated in place by SET, ADD, REMOVE and DELETE, and made where they are missing', async () => {
    await dynamodb.updateItem({
      TableName,
      Key: key(),
      UpdateExpression: 'SET l = :l, a = if_not_exists(a, :one) ADD c :one, tags :tags',
      ExpressionAttributeValues: {
        ':l': { L: [{ S: 'x' }] },
        ':one': { N: '1' },
        ':tags': { SS: ['a', 'b'] },
      },
    });
    const { Attributes } = await dynamodb.updateItem({
      TableName,
      Key: key(),
      UpdateExpression: 'SET l = list_append(l, :l), a = a + :two REMOVE c DELETE tags :tags',
      ExpressionAttributeValues: { ':l': { L: [{ S: 'y' }] }, ':two': { N: '2' }, ':tags': { SS: ['a'] } },
      ReturnValues: 'UPDATED_NEW',
    });
    const now = { l: { L: [{ S: 'x' }, { S: 'y' }] }, a: { N: '3' }, tags: { SS: ['b'] } };
    expect(Attributes).toEqual(now);
    expect(await get()).toEqual({ ...key(), ...now });
  });

  test.each<[string, Item]>([
    ['an empty key', { id: { S: '' } }],
    ['a key of another type', { n: { S: '1' } }],
    ['a set without members', { a: { SS: [] } }],
    ['a set with one member twice', { a: { SS: ['x', 'x'] } }],
    ['a number that is none', { a: { N: 'one' } }],
    ['more than 400 KB', { a: { S: 'x'.repeat(400 * 1024) } }],
  ])('are not written with %s', async (_what, wrong) => {
    await expect(put(1, wrong)).rejects.toMatchObject(invalid);
    expect(await get()).toBeUndefined();
  });

  test.each<[string, object]>([
    ['an expression that does not parse', { UpdateExpression: 'SET' }],
    ['a value that is not given', { UpdateExpression: 'SET a = :nobody' }],
    [
      'a change of the key',
      { UpdateExpression: 'SET n = :one', ExpressionAttributeValues: { ':one': { N: '1' } } },
    ],
    ['a key that is not whole', { Key: { id: { S: 'x' } } }],
  ])('are not updated with %s', async (_what, wrong) => {
    const update = dynamodb.updateItem({ TableName, Key: key(), ...wrong });
    await expect(update).rejects.toMatchObject(invalid);
  });

  test('are not read or deleted by half a key', async () => {
    const Key = { id: { S: id } };
    await expect(dynamodb.getItem({ TableName, Key })).rejects.toMatchObject(invalid);
    await expect(dynamodb.deleteItem({ TableName, Key })).rejects.toMatchObject(invalid);
  });
});

describe('batches', () => {
  const puts = (count: number) => Array.from({ length: count }, (_, n) => ({ PutRequest: { Item: key(n) } }));

  test('write up to 25 items and read up to 100', async () => {
    const written = await dynamodb.batchWriteItem({ RequestItems: { [TableName]: puts(25) } });
    expect(written.UnprocessedItems).toEqual({});
    const Keys = Array.from({ length: 100 }, (_, n) => key(n));
    const { Responses, UnprocessedKeys } = await dynamodb.batchGetItem({
      RequestItems: { [TableName]: { Keys, ConsistentRead: true } },
    });
    expect(UnprocessedKeys).toEqual({});
    expect(numbers(Responses![TableName])!.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 25 }, (_, n) => n),
    );
  });

  test('are refused whole when they are too long, empty, or name one item twice', async () => {
    const write = (requests: ReturnType<typeof puts>) =>
      dynamodb.batchWriteItem({ RequestItems: { [TableName]: requests } });
    await expect(write(puts(26))).rejects.toMatchObject(invalid);
    await expect(write([])).rejects.toMatchObject(invalid);
    await expect(write([...puts(1), ...puts(1)])).rejects.toMatchObject(invalid);
    expect((await query()).Items).toEqual([]);
    const read = (Keys: Item[]) => dynamodb.batchGetItem({ RequestItems: { [TableName]: { Keys } } });
    await expect(read(Array.from({ length: 101 }, (_, n) => key(n)))).rejects.toMatchObject(invalid);
    await expect(read([key(), key()])).rejects.toMatchObject(invalid);
  });
});

describe('a query', () => {
  beforeEach(async () => {
    for (const n of [3, 1, 2])
      await put(n, { odd: { BOOL: n % 2 === 1 }, ...(n > 1 ? { live: { S: id } } : {}) });
  });

  test('answers one partition in the order of its sort key, either way', async () => {
    expect(numbers((await query()).Items)).toEqual([1, 2, 3]);
    expect(numbers((await query({ ScanIndexForward: false })).Items)).toEqual([3, 2, 1]);
    const above = await query({
      KeyConditionExpression: 'id = :id AND n BETWEEN :low AND :high',
      ExpressionAttributeValues: { ':low': { N: '2' }, ':high': { N: '9' } },
    });
    expect(numbers(above.Items)).toEqual([2, 3]);
  });

  test('goes on page by page, and filters after the limit', async () => {
    const first = await query({
      Limit: 2,
      FilterExpression: 'odd = :yes',
      ExpressionAttributeValues: { ':yes': { BOOL: true } },
    });
    expect(first).toMatchObject({ Count: 1, ScannedCount: 2, LastEvaluatedKey: key(2) });
    const second = await query({ Limit: 2, ExclusiveStartKey: first.LastEvaluatedKey });
    expect(numbers(second.Items)).toEqual([3]);
    expect(second.LastEvaluatedKey).toBeUndefined();
    const counted = await query({ Select: 'COUNT' });
    expect(counted).toMatchObject({ Count: 3 });
    expect(counted.Items ?? []).toEqual([]);
  });

  test('of an index answers what is in it', async () => {
    const { Items } = await dynamodb.query({
      TableName,
      IndexName: 'live',
      KeyConditionExpression: 'live = :id',
      ExpressionAttributeValues: { ':id': { S: id } },
    });
    expect(numbers(Items)!.toSorted((a, b) => a - b)).toEqual([2, 3]);
  });

  test.each<[string, Partial<QueryCommandInput>]>([
    ['no condition', { KeyConditionExpression: undefined, ExpressionAttributeValues: {} }],
    ['a condition without the partition key', { KeyConditionExpression: 'n = :id' }],
    ['an unknown index', { IndexName: 'nobody' }],
    ['a consistent read of a global index', { IndexName: 'live', KeyConditionExpression: 'live = :id' }],
    ['a limit of 0', { Limit: 0 }],
    ['a start that is no key', { ExclusiveStartKey: { id: { S: 'x' } } }],
  ])('with %s is refused', async (_what, wrong) => {
    await expect(query(wrong)).rejects.toMatchObject(invalid);
  });
});

describe('a scan', () => {
  test('finds everything, page by page and segment by segment', async () => {
    for (const n of [1, 2, 3, 4, 5]) await put(n);
    const own = { FilterExpression: 'id = :id', ExpressionAttributeValues: { ':id': { S: id } } };
    const found: number[] = [];
    for (const Segment of [0, 1]) {
      let ExclusiveStartKey: Item | undefined;
      do {
        const page = await dynamodb.scan({
          TableName,
          ...own,
          Segment,
          TotalSegments: 2,
          Limit: 3,
          ConsistentRead: true,
          ExclusiveStartKey,
        });
        found.push(...numbers(page.Items)!);
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey !== undefined);
    }
    expect(found.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  });

  test.each<[string, object]>([
    ['a limit of 0', { Limit: 0 }],
    ['a segment beyond the last', { Segment: 2, TotalSegments: 2 }],
    ['a filter that does not parse', { FilterExpression: 'id =' }],
    ['an unknown index', { IndexName: 'nobody' }],
  ])('with %s is refused', async (_what, wrong) => {
    await expect(dynamodb.scan({ TableName, ...wrong })).rejects.toMatchObject(invalid);
  });
});

describeCoverage('dynamodb', contract);
