import type { AttributeValue, DynamoDB } from '@aws-sdk/client-dynamodb';
import type { _Record, DynamoDBStreams, StreamViewType } from '@aws-sdk/client-dynamodb-streams';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { createTable } from './contract-table.ts';
import { describeCoverage } from './coverage.ts';
import { uniqueName, useContract } from './endpoint.ts';
import { recordsOf, ShardReader, shardsOf, streamOf } from './stream-reading.ts';

const contract = useContract();
let dynamodb: DynamoDB;
let streams: DynamoDBStreams;
let TableName: string;
let StreamArn: string;

type Item = Record<string, AttributeValue>;

const invalid = { name: 'ValidationException', $fault: 'client' };
const missing = { name: 'ResourceNotFoundException', $fault: 'client' };

async function createStream(StreamViewType: StreamViewType = 'NEW_AND_OLD_IMAGES'): Promise<void> {
  const StreamSpecification = { StreamEnabled: true, StreamViewType };
  const name = await createTable(contract, { StreamSpecification });
  contract.undo(() => dynamodb.deleteTable({ TableName: name }));
  TableName = name;
  StreamArn = await streamOf(contract, name);
}

beforeEach(() => {
  ({ dynamodb, streams } = contract.clients);
});

const key = (id: string): Item => ({ id: { S: id }, n: { N: '1' } });
const item = (id: string, a: string): Item => ({ ...key(id), a: { S: a } });
const put = (id: string, a = '') => dynamodb.putItem({ TableName, Item: item(id, a) });
const idOf = ({ dynamodb: change }: _Record) => change!.Keys!['id']!.S!;
const sequenceOf = ({ dynamodb: change }: _Record) => change!.SequenceNumber!;
const outline = ({ eventName, dynamodb: change }: _Record) => ({
  event: eventName,
  keys: change?.Keys,
  old: change?.OldImage,
  new: change?.NewImage,
});

describe('a record', () => {
  test('comes of every way to write an item, with its images before and after', async () => {
    await createStream();
    await put('a', '1');
    await put('a', '2');
    await dynamodb.updateItem({
      TableName,
      Key: key('a'),
      UpdateExpression: 'SET a = :a',
      ExpressionAttributeValues: { ':a': { S: '3' } },
    });
    await dynamodb.batchWriteItem({
      RequestItems: { [TableName]: [{ PutRequest: { Item: item('b', '1') } }] },
    });
    await dynamodb.updateItem({ TableName, Key: key('c') });
    const deletes = ['a', 'absent'].map((id) => ({ DeleteRequest: { Key: key(id) } }));
    await dynamodb.batchWriteItem({ RequestItems: { [TableName]: deletes } });
    await dynamodb.deleteItem({ TableName, Key: key('b') });
    const records = await recordsOf(contract, StreamArn, 7);
    const a = (n: number) => item('a', `${n}`);
    const of = (id: string) => records.filter((record) => idOf(record) === id).map(outline);
    expect(of('a')).toEqual([
      { event: 'INSERT', keys: key('a'), old: undefined, new: a(1) },
      { event: 'MODIFY', keys: key('a'), old: a(1), new: a(2) },
      { event: 'MODIFY', keys: key('a'), old: a(2), new: a(3) },
      { event: 'REMOVE', keys: key('a'), old: a(3), new: undefined },
    ]);
    expect(of('b')).toEqual([
      { event: 'INSERT', keys: key('b'), old: undefined, new: item('b', '1') },
      { event: 'REMOVE', keys: key('b'), old: item('b', '1'), new: undefined },
    ]);
    expect(of('c')).toEqual([{ event: 'INSERT', keys: key('c'), old: undefined, new: key('c') }]);
  });

  test('says where and when it comes from, and what it holds', async () => {
    await createStream();
    await put('a', 'x'.repeat(100));
    const [record] = await recordsOf(contract, StreamArn, 1);
    expect(record).toMatchObject({
      eventSource: 'aws:dynamodb',
      awsRegion: StreamArn.split(':')[3],
      dynamodb: {
        ApproximateCreationDateTime: expect.any(Date) as Date,
        StreamViewType: 'NEW_AND_OLD_IMAGES',
        SequenceNumber: expect.stringMatching(/^\d{21,40}$/) as string,
      },
    });
    expect(record!.dynamodb!.SizeBytes).toBeGreaterThan(100);
    expect(record!.userIdentity).toBeUndefined();
  });

  test('holds every type of attribute exactly as it was written', async () => {
    await createStream();
    const everything: Item = {
      ...key('a'),
      number: { N: '-12345678901234567890.12345' },
      b: { B: new Uint8Array([0, 255, 1]) },
      ns: { NS: ['1', '2'] },
      bs: { BS: [new Uint8Array([1])] },
      m: { M: { deep: { L: [{ NULL: true }, { BOOL: false }, { S: 'ünïcode ✓' }] } } },
    };
    await dynamodb.putItem({ TableName, Item: everything });
    const [record] = await recordsOf(contract, StreamArn, 1);
    expect(record!.dynamodb!.NewImage).toEqual(everything);
  });

  test.each<[StreamViewType, Item | undefined, Item | undefined]>([
    ['KEYS_ONLY', undefined, undefined],
    ['NEW_IMAGE', undefined, item('a', '2')],
    ['OLD_IMAGE', item('a', '1'), undefined],
    ['NEW_AND_OLD_IMAGES', item('a', '1'), item('a', '2')],
  ])('of a stream of %s shows that and no more', async (view, old, found) => {
    await createStream(view);
    await put('a', '1');
    await put('a', '2');
    const [, second] = await recordsOf(contract, StreamArn, 2);
    expect(outline(second!)).toEqual({ event: 'MODIFY', keys: key('a'), old, new: found });
    const { StreamDescription } = await streams.describeStream({ StreamArn });
    expect(StreamDescription?.StreamViewType).toBe(view);
  });

  test('is not made by a write that is refused or changes nothing', async () => {
    await createStream();
    const sets = (...tags: string[]) => ({ ...key('a'), tags: { SS: tags } });
    await dynamodb.putItem({ TableName, Item: sets('x', 'y') });
    await dynamodb.putItem({ TableName, Item: sets('y', 'x') });
    const conditional = { ConditionExpression: 'attribute_not_exists(id)' };
    const failed = { name: 'ConditionalCheckFailedException' };
    const onItem = { TableName, Key: key('a'), ...conditional };
    await expect(dynamodb.putItem({ TableName, Item: item('a', '1'), ...conditional })).rejects.toMatchObject(
      failed,
    );
    await expect(dynamodb.deleteItem(onItem)).rejects.toMatchObject(failed);
    await expect(dynamodb.updateItem(onItem)).rejects.toMatchObject(failed);
    await dynamodb.deleteItem({ TableName, Key: key('absent') });
    await expect(put('')).rejects.toMatchObject(invalid);
    await put('end');
    expect((await recordsOf(contract, StreamArn, 2)).map(idOf)).toEqual(['a', 'end']);
  });
});

describe('the order', () => {
  test('of concurrent writes to one item is one unbroken chain of images', async () => {
    await createStream();
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        n % 4 === 0
          ? dynamodb.batchWriteItem({
              RequestItems: { [TableName]: [{ PutRequest: { Item: item('a', `${n}`) } }] },
            })
          : put('a', `${n}`),
      ),
    );
    const records = await recordsOf(contract, StreamArn, 40);
    for (const [n, record] of records.entries()) {
      expect(record.dynamodb!.OldImage).toEqual(records[n - 1]?.dynamodb!.NewImage);
    }
    const { Item } = await dynamodb.getItem({ TableName, Key: key('a'), ConsistentRead: true });
    expect(records.at(-1)!.dynamodb!.NewImage).toEqual(Item);
    const sequences = records.map((record) => BigInt(sequenceOf(record)));
    expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => (a < b ? -1 : 1)));
  });

  test('of each item is that of its writes, whoever else writes', async () => {
    await createStream();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(
      ids.map(async (id) => {
        for (let n = 0; n < 10; n += 1) await put(id, `${n}`);
      }),
    );
    const records = await recordsOf(contract, StreamArn, 50);
    for (const id of ids) {
      const values = records
        .filter((record) => idOf(record) === id)
        .map((r) => r.dynamodb!.NewImage!['a']!.S);
      expect(values).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`));
    }
  });
});

describe('a reader', () => {
  const writtenShard = async () => {
    await createStream();
    for (const id of ['a', 'b', 'c']) await put(id);
    const records = await recordsOf(contract, StreamArn, 3);
    const [shard] = await shardsOf(contract, StreamArn);
    return { ShardId: shard!.ShardId!, records };
  };

  test('begins at, after or behind the records that are there', async () => {
    const { ShardId, records } = await writtenShard();
    const from = async (ShardIteratorType: string, SequenceNumber?: string) => {
      const { ShardIterator } = await streams.getShardIterator({
        StreamArn,
        ShardId,
        ShardIteratorType: ShardIteratorType as 'LATEST',
        SequenceNumber,
      });
      return (await streams.getRecords({ ShardIterator })).Records!.map(idOf);
    };
    const [first, second, third] = records.map(sequenceOf);
    expect(await from('TRIM_HORIZON')).toEqual(['a', 'b', 'c']);
    expect(await from('AT_SEQUENCE_NUMBER', first)).toEqual(['a', 'b', 'c']);
    expect(await from('AT_SEQUENCE_NUMBER', second)).toEqual(['b', 'c']);
    expect(await from('AFTER_SEQUENCE_NUMBER', second)).toEqual(['c']);
    expect(await from('AFTER_SEQUENCE_NUMBER', third)).toEqual([]);
    expect(await from('LATEST')).toEqual([]);
    await expect(from('AT_SEQUENCE_NUMBER')).rejects.toMatchObject(invalid);
    await expect(from('AT_SEQUENCE_NUMBER', '1'.padEnd(21, '0'))).rejects.toMatchObject(invalid);
    await expect(from('AT_SEQUENCE_NUMBER', 'one')).rejects.toMatchObject(invalid);
    await expect(from('EARLIEST')).rejects.toMatchObject(invalid);
  });

  test('that began behind everything sees what is written from then on, and nothing before', async () => {
    const { ShardId } = await writtenShard();
    let { ShardIterator } = await streams.getShardIterator({
      StreamArn,
      ShardId,
      ShardIteratorType: 'LATEST',
    });
    await put('d');
    await vi.waitFor(
      async () => {
        const page = await streams.getRecords({ ShardIterator });
        ShardIterator = page.NextShardIterator;
        expect(page.Records!.map(idOf)).toEqual(['d']);
      },
      { timeout: 20_000, interval: 100 },
    );
  });

  test('sees everything, and so does the other one, however they take turns', async () => {
    const { ShardId } = await writtenShard();
    const eager = await ShardReader.open(contract, StreamArn, ShardId);
    const slow = await ShardReader.open(contract, StreamArn, ShardId);
    const wanted = ['a', 'b', 'c', 'd', 'e'];
    await eager.read();
    await slow.read(1);
    await put('d');
    await eager.read();
    await put('e');
    await vi.waitFor(
      async () => {
        await Promise.all([eager.read(), slow.read(1)]);
        expect([eager.records.map(idOf), slow.records.map(idOf)]).toEqual([wanted, wanted]);
      },
      { timeout: 20_000, interval: 20 },
    );
    expect(slow.records).toEqual(eager.records);
  });

  test('gets as many records as it asks for, the same ones each time it asks', async () => {
    const { ShardId } = await writtenShard();
    const from = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const };
    const { ShardIterator } = await streams.getShardIterator(from);
    const read = () => streams.getRecords({ ShardIterator, Limit: 2 });
    const [first, again] = [await read(), await read()];
    expect(first.Records!.map(idOf)).toEqual(['a', 'b']);
    expect(again.Records).toEqual(first.Records);
    await expect(streams.getRecords({ ShardIterator, Limit: 0 })).rejects.toMatchObject(invalid);
    await expect(streams.getRecords({ ShardIterator, Limit: 1001 })).rejects.toMatchObject(invalid);
    await expect(streams.getRecords({ ShardIterator: 'nonsense' })).rejects.toMatchObject(invalid);
  });
});

describe('a stream', () => {
  test('is described with its shards, its table and its keys, and listed', async () => {
    await createStream();
    const { StreamDescription } = await streams.describeStream({ StreamArn });
    expect(StreamDescription).toMatchObject({
      StreamArn,
      StreamStatus: 'ENABLED',
      TableName,
      KeySchema: [
        { AttributeName: 'id', KeyType: 'HASH' },
        { AttributeName: 'n', KeyType: 'RANGE' },
      ],
    });
    const { Table } = await dynamodb.describeTable({ TableName });
    expect(Table).toMatchObject({
      LatestStreamArn: StreamArn,
      LatestStreamLabel: StreamDescription!.StreamLabel,
    });
    const [shard] = StreamDescription!.Shards!;
    expect(shard!.SequenceNumberRange!.StartingSequenceNumber).toMatch(/^\d{21,40}$/);
    expect(shard!.SequenceNumberRange!.EndingSequenceNumber).toBeUndefined();
    expect(shard!.ParentShardId).toBeUndefined();
  });

  test('is one of a list that goes on page by page', async () => {
    await createStream();
    const first = StreamArn;
    await createStream();
    const seen: string[] = [];
    let ExclusiveStartStreamArn: string | undefined;
    do {
      const page = await streams.listStreams({ Limit: 1, ExclusiveStartStreamArn });
      expect(page.Streams!.length).toBeLessThanOrEqual(1);
      seen.push(...page.Streams!.map((stream) => stream.StreamArn!));
      ExclusiveStartStreamArn = page.LastEvaluatedStreamArn;
    } while (ExclusiveStartStreamArn !== undefined);
    expect(seen).toEqual(expect.arrayContaining([first, StreamArn]));
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('that does not exist is not found, nor is a shard that it does not have', async () => {
    await createStream();
    const absent = StreamArn.replace(TableName, uniqueName());
    const ShardId = 'shardId-00000000000000000000-00000000';
    await expect(streams.describeStream({ StreamArn: absent })).rejects.toMatchObject(missing);
    const from = { ShardId, ShardIteratorType: 'LATEST' as const };
    await expect(streams.getShardIterator({ ...from, StreamArn: absent })).rejects.toMatchObject(missing);
    await expect(streams.getShardIterator({ ...from, StreamArn })).rejects.toMatchObject(missing);
  });

  test('is described and listed a hundred lines at a time at most', async () => {
    await createStream();
    for (const Limit of [0, 101]) {
      await expect(streams.listStreams({ Limit })).rejects.toMatchObject(invalid);
      await expect(streams.describeStream({ StreamArn, Limit })).rejects.toMatchObject(invalid);
    }
  });

  test('that is switched off ends its shards and stays readable; switched on, it is another one', async () => {
    await createStream();
    await put('a');
    const off = { TableName, StreamSpecification: { StreamEnabled: false } };
    const { TableDescription } = await dynamodb.updateTable(off);
    expect(TableDescription?.StreamSpecification).toBeUndefined();
    await vi.waitFor(async () => {
      const { StreamDescription } = await streams.describeStream({ StreamArn });
      expect(StreamDescription?.StreamStatus).toBe('DISABLED');
    });
    await expect(dynamodb.updateTable(off)).rejects.toMatchObject(invalid);
    await put('b');
    const [shard] = await shardsOf(contract, StreamArn);
    expect(shard!.SequenceNumberRange!.EndingSequenceNumber).toBeDefined();
    const reader = await ShardReader.open(contract, StreamArn, shard!.ShardId!);
    await vi.waitFor(async () => expect(await reader.read()).toBe(false));
    expect(reader.records.map(idOf)).toEqual(['a']);
    const on = { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' as const };
    await dynamodb.updateTable({ TableName, StreamSpecification: on });
    await put('c');
    const { Table } = await dynamodb.describeTable({ TableName });
    expect(Table!.LatestStreamArn).not.toBe(StreamArn);
    expect((await recordsOf(contract, Table!.LatestStreamArn!, 1)).map(idOf)).toEqual(['c']);
    const { Streams } = await streams.listStreams({ TableName });
    expect(Streams!.map((stream) => stream.StreamArn)).toEqual([StreamArn, Table!.LatestStreamArn]);
  });
});

describeCoverage('streams', contract);
