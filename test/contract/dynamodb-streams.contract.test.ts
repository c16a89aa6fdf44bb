import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';

import { ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import {
  ExpiredIteratorException,
  type _Record,
  type StreamViewType,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Endpoint } from './dynamodb-endpoint.ts';
import { StreamFollower } from './stream-reading.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const table = 'previews';
const indexed = {
  TableName: table,
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' as const }],
  AttributeDefinitions: [
    { AttributeName: 'id', AttributeType: 'S' as const },
    { AttributeName: 'live', AttributeType: 'S' as const },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'live',
      KeySchema: [{ AttributeName: 'live', KeyType: 'HASH' as const }],
      Projection: { ProjectionType: 'ALL' as const },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST' as const,
};

let aws: Endpoint;

beforeEach(async () => {
  aws = await Endpoint.open();
});
afterEach(() => aws.close());

function createTable(view: StreamViewType = 'NEW_AND_OLD_IMAGES') {
  const StreamSpecification = { StreamEnabled: true, StreamViewType: view };
  return aws.dynamodb.createTable({ ...indexed, StreamSpecification });
}
const item = (id: string, more: Record<string, string> = {}) =>
  Object.fromEntries(Object.entries({ id, ...more }).map(([name, S]) => [name, { S }]));
const put = (id: string, more?: Record<string, string>) =>
  aws.dynamodb.putItem({ TableName: table, Item: item(id, more) });
const outline = ({ eventName, dynamodb }: _Record) => ({
  event: eventName,
  old: dynamodb?.OldImage,
  new: dynamodb?.NewImage,
});
const idsOf = (records: _Record[]) => records.map(({ dynamodb }) => dynamodb!.Keys!['id']!.S);
const journal = () => join(aws.folder, 'streams.jsonl');
const live = () =>
  aws.dynamodb.query({
    TableName: table,
    IndexName: 'live',
    KeyConditionExpression: 'live = :y',
    ExpressionAttributeValues: { ':y': { S: 'y' } },
  });

describe('shards', () => {
  test('a split ends the shard and each item goes on in one child of it', async () => {
    await createTable();
    const ids = Array.from({ length: 20 }, (_, n) => `item-${n}`);
    await Promise.all(ids.map((id) => put(id, { at: 'parent' })));
    await aws.database.rollShards(table, 2);
    await Promise.all(ids.map((id) => put(id, { at: 'child' })));
    const arn = await aws.streamArn(table);
    const [parent, ...children] = await aws.shards(arn);
    expect(children).toHaveLength(2);
    expect(children.map((child) => child.ParentShardId)).toEqual([parent!.ShardId, parent!.ShardId]);
    expect(parent!.SequenceNumberRange!.EndingSequenceNumber).toMatch(/^\d{21}$/);
    expect(children[0]!.SequenceNumberRange!.EndingSequenceNumber).toBeUndefined();
    const below = await Promise.all(children.map((child) => aws.readShard(arn, child.ShardId!)));
    expect(below.every((records) => records.length > 0)).toBe(true);
    expect(new Set(below.flatMap(idsOf))).toEqual(new Set(ids));
    expect(below.flat()).toHaveLength(ids.length);
    const before = await aws.readShard(arn, parent!.ShardId!);
    expect(new Set(idsOf(before))).toEqual(new Set(ids));
    const split = BigInt(parent!.SequenceNumberRange!.EndingSequenceNumber!);
    expect(before.every(({ dynamodb }) => BigInt(dynamodb!.SequenceNumber!) < split)).toBe(true);
    expect(below.flat().every(({ dynamodb }) => BigInt(dynamodb!.SequenceNumber!) > split)).toBe(true);
  });

  test('an open shard always has a next iterator, an ended one has none once it is read out', async () => {
    await createTable();
    await put('a');
    await put('b');
    const arn = await aws.streamArn(table);
    const [{ ShardId } = {}] = await aws.shards(arn);
    const first = await aws.streams.getRecords({
      ShardIterator: await aws.iterator(arn, ShardId!),
      Limit: 1,
    });
    expect(idsOf(first.Records!)).toEqual(['a']);
    const second = await aws.streams.getRecords({ ShardIterator: first.NextShardIterator });
    expect(idsOf(second.Records!)).toEqual(['b']);
    const empty = await aws.streams.getRecords({ ShardIterator: second.NextShardIterator });
    expect(empty).toMatchObject({ Records: [], NextShardIterator: expect.any(String) as string });
    await aws.database.rollShards(table);
    const end = await aws.streams.getRecords({ ShardIterator: empty.NextShardIterator });
    expect(end.Records).toEqual([]);
    expect(end.NextShardIterator).toBeUndefined();
  });

  test('a shard ends by age and its child takes over', async () => {
    await createTable();
    await put('a');
    await aws.clock.advance(4 * HOUR);
    await put('b');
    const arn = await aws.streamArn(table);
    const [parent, child] = await aws.shards(arn);
    expect(child!.ParentShardId).toBe(parent!.ShardId);
    expect(idsOf(await aws.readShard(arn, child!.ShardId!))).toEqual(['b']);
  });

  test('a reader that begins behind an ended shard is at its end', async () => {
    await createTable();
    await put('a');
    const arn = await aws.streamArn(table);
    await aws.database.rollShards(table);
    const [parent] = await aws.shards(arn);
    const ShardIterator = await aws.iterator(arn, parent!.ShardId!, { type: 'LATEST' });
    const end = await aws.streams.getRecords({ ShardIterator });
    expect([end.Records, end.NextShardIterator]).toEqual([[], undefined]);
  });

  test('a child is read on when its parent has been trimmed away', async () => {
    await createTable();
    await put('a');
    const arn = await aws.streamArn(table);
    const [parent] = await aws.shards(arn);
    await aws.clock.advance(4 * HOUR);
    await put('b');
    await aws.clock.advance(3 * HOUR);
    await put('c');
    await aws.clock.advance(21 * HOUR + 30 * MINUTE);
    const shards = await aws.shards(arn);
    expect(shards.map(({ ShardId }) => ShardId)).not.toContain(parent!.ShardId);
    expect(shards.map(({ ParentShardId }) => ParentShardId)).toContain(parent!.ShardId);
    const follower = new StreamFollower({ clients: aws }, arn);
    for (let step = 0; step < shards.length; step += 1) await follower.step();
    expect(idsOf(follower.records)).toEqual(['c']);
  });

  test('whatever happens between writes, two readers that read parents first see every item in order', async () => {
    const deed = fc.oneof(
      { weight: 6, arbitrary: fc.record({ write: fc.constantFrom('a', 'b', 'c', 'd') }) },
      fc.record({ split: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ minutes: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ read: fc.nat(1) }),
      fc.record({ restart: fc.constant(true) }),
    );
    const told = async (deeds: (typeof deed extends fc.Arbitrary<infer T> ? T : never)[]) => {
      await createTable('NEW_IMAGE');
      const arn = await aws.streamArn(table);
      const readers = [new StreamFollower({ clients: aws }, arn), new StreamFollower({ clients: aws }, arn)];
      const written = new Map<string, string[]>();
      for (const [n, done] of deeds.entries()) {
        if ('write' in done) {
          await put(done.write, { n: `${n}` });
          written.set(done.write, [...(written.get(done.write) ?? []), `${n}`]);
        } else if ('split' in done) await aws.database.rollShards(table, done.split);
        else if ('minutes' in done) await aws.clock.advance(done.minutes * MINUTE);
        else if ('read' in done) await readers[done.read]!.step();
        else await aws.reopen();
      }
      const generations = deeds.length + 1;
      for (const reader of readers) {
        for (let step = 0; step < generations; step += 1) await reader.step();
        const seen = Map.groupBy(reader.records, ({ dynamodb }) => dynamodb!.Keys!['id']!.S!);
        const values = [...seen].map(([id, changes]) => [
          id,
          changes.map((c) => c.dynamodb!.NewImage!['n']!.S!),
        ]);
        expect(Object.fromEntries(values)).toEqual(Object.fromEntries(written));
      }
    };
    const dropped = () => aws.dynamodb.deleteTable({ TableName: table }).then(() => undefined);
    const property = fc.asyncProperty(fc.array(deed, { maxLength: 30 }), told).afterEach(dropped);
    await fc.assert(property, { numRuns: 20 });
  });

  test('a stream is described page by page, and the children of a shard alone', async () => {
    await createTable();
    await aws.database.rollShards(table, 2);
    await aws.database.rollShards(table);
    const StreamArn = await aws.streamArn(table);
    const seen: string[] = [];
    let from: string | undefined;
    do {
      const page = await aws.streams.describeStream({ StreamArn, Limit: 2, ExclusiveStartShardId: from });
      seen.push(...page.StreamDescription!.Shards!.map(({ ShardId }) => ShardId!));
      from = page.StreamDescription!.LastEvaluatedShardId;
    } while (from);
    const all = await aws.shards(StreamArn);
    expect(seen).toEqual(all.map(({ ShardId }) => ShardId));
    expect(seen).toHaveLength(5);
    const ShardFilter = { Type: 'CHILD_SHARDS' as const, ShardId: seen[0] };
    const children = await aws.streams.describeStream({ StreamArn, ShardFilter });
    expect(children.StreamDescription!.Shards!.map(({ ShardId }) => ShardId)).toEqual(seen.slice(1, 3));
    expect(children.StreamDescription).toMatchObject({ StreamStatus: 'ENABLED', TableName: table });
  });

  test('an iterator is refused 15 minutes after it was issued', async () => {
    await createTable();
    const arn = await aws.streamArn(table);
    const ShardIterator = await aws.iterator(arn, (await aws.shards(arn))[0]!.ShardId!);
    await aws.clock.advance(15 * MINUTE);
    const { NextShardIterator } = await aws.streams.getRecords({ ShardIterator });
    await aws.clock.advance(1);
    await expect(aws.streams.getRecords({ ShardIterator })).rejects.toBeInstanceOf(ExpiredIteratorException);
    await aws.streams.getRecords({ ShardIterator: NextShardIterator });
    await expect(aws.streams.getRecords({ ShardIterator: 'nonsense' })).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });

  test('records are gone after a day, and asking for them by number says so', async () => {
    await createTable();
    const arn = await aws.streamArn(table);
    await aws.clock.advance(3 * HOUR);
    await put('old');
    const [shard] = await aws.shards(arn);
    const sequence = (await aws.records(table))[0]!.dynamodb!.SequenceNumber!;
    await aws.clock.advance(30 * MINUTE);
    await put('new');
    await aws.clock.advance(23 * HOUR + 20 * MINUTE);
    const horizon = await aws.iterator(arn, shard!.ShardId!);
    await aws.clock.advance(11 * MINUTE);
    for (const type of ['AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER']) {
      const asked = aws.iterator(arn, shard!.ShardId!, { type, sequence });
      await expect(asked).rejects.toBeInstanceOf(TrimmedDataAccessException);
    }
    const overtaken = aws.streams.getRecords({ ShardIterator: horizon });
    await expect(overtaken).rejects.toBeInstanceOf(TrimmedDataAccessException);
    expect(idsOf(await aws.records(table))).toEqual(['new']);
    await aws.clock.advance(25 * HOUR);
    const gone = aws.iterator(arn, shard!.ShardId!);
    await expect(gone).rejects.toMatchObject({ name: ResourceNotFoundException.name });
    expect(await aws.records(table)).toEqual([]);
  });
});

describe('a stream', () => {
  test('that was switched off is forgotten a day later', async () => {
    await createTable();
    const StreamArn = await aws.streamArn(table);
    await aws.dynamodb.updateTable({ TableName: table, StreamSpecification: { StreamEnabled: false } });
    await aws.clock.advance(23 * HOUR);
    await aws.streams.describeStream({ StreamArn });
    await aws.clock.advance(2 * HOUR);
    const gone = { name: ResourceNotFoundException.name };
    await expect(aws.streams.describeStream({ StreamArn })).rejects.toMatchObject(gone);
    expect((await aws.streams.listStreams({ TableName: table })).Streams).toEqual([]);
  });

  test('goes with its table', async () => {
    await createTable();
    const StreamArn = await aws.streamArn(table);
    await aws.dynamodb.deleteTable({ TableName: table });
    await expect(aws.streams.describeStream({ StreamArn })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await aws.clock.advance(1);
    await createTable();
    expect(await aws.streamArn(table)).not.toBe(StreamArn);
  });

  test('of a table that exists already is left alone by a second create', async () => {
    await createTable();
    const arn = await aws.streamArn(table);
    await expect(createTable()).rejects.toMatchObject({ name: 'ResourceInUseException' });
    expect(await aws.streamArn(table)).toBe(arn);
  });
});

describe('time to live', () => {
  const TimeToLiveSpecification = { Enabled: true, AttributeName: 'purge_at' };

  test('deletes an item whose time is over and says who did it', async () => {
    await createTable();
    await aws.dynamodb.updateTimeToLive({ TableName: table, TimeToLiveSpecification });
    const { TimeToLiveDescription } = await aws.dynamodb.describeTimeToLive({ TableName: table });
    expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'purge_at' });
    const now = Math.floor(aws.clock.now().getTime() / 1000);
    const times = {
      due: { N: `${now + 30}` },
      later: { N: `${now + 3600}` },
      text: { S: '1' },
      ancient: { N: '1' },
    };
    for (const [id, purge_at] of Object.entries(times)) {
      await aws.dynamodb.putItem({ TableName: table, Item: { id: { S: id }, purge_at } });
    }
    await aws.clock.advance(MINUTE);
    const removed = await vi.waitFor(async () => {
      const records = (await aws.records(table)).filter(({ eventName }) => eventName === 'REMOVE');
      expect(records).not.toEqual([]);
      return records;
    });
    expect(idsOf(removed)).toEqual(['due']);
    expect(removed[0]!.userIdentity).toEqual({ Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' });
    expect(removed[0]!.dynamodb!.OldImage!['purge_at']).toEqual(times.due);
  });

  test('is remembered over a restart and can be switched off', async () => {
    await createTable();
    await aws.dynamodb.updateTimeToLive({ TableName: table, TimeToLiveSpecification });
    await aws.reopen();
    const again = aws.dynamodb.updateTimeToLive({ TableName: table, TimeToLiveSpecification });
    await expect(again).rejects.toMatchObject({ name: 'ValidationException' });
    await aws.dynamodb.updateTimeToLive({
      TableName: table,
      TimeToLiveSpecification: { ...TimeToLiveSpecification, Enabled: false },
    });
    const { TimeToLiveDescription } = await aws.dynamodb.describeTimeToLive({ TableName: table });
    expect(TimeToLiveDescription?.TimeToLiveStatus).toBe('DISABLED');
  });
});

describe('after a kill', () => {
  /** Puts the journal back to how it was before the last write recorded its outcome. */
  const forgetOutcome = async () => {
    const lines = (await readFile(journal(), 'utf8')).split('\n');
    await truncate(journal(), Buffer.byteLength(lines.slice(0, -2).join('\n')) + 1);
  };

  const writeUntilKilled = async (ms: number) => {
    const script = new URL('dynamodb-writer.ts', import.meta.url).pathname;
    const writer = spawn(process.execPath, [script, aws.folder, table], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data');
    setTimeout(() => writer.kill('SIGKILL'), ms);
    const [, signal] = (await once(writer, 'exit')) as unknown[];
    expect(signal).toBe('SIGKILL');
  };

  test.each([1, 2, 3, 4, 5, 6])(
    'at any moment, %i ms into its work, the records, the items and the index tell one story',
    async (ms) => {
      await createTable();
      await aws.reopen(() => writeUntilKilled(ms));
      const last = new Map<string, unknown>();
      for (const record of await aws.records(table)) {
        const { old, new: found } = outline(record);
        const id = record.dynamodb!.Keys!['id']!.S!;
        expect(old).toEqual(last.get(id));
        last.set(id, found);
      }
      const told = [...last.values()].filter((image) => image !== undefined);
      const { Items } = await aws.dynamodb.scan({ TableName: table });
      expect(new Set(Items)).toEqual(new Set(told));
      const inIndex = told.filter((image) => 'live' in (image as object));
      expect(new Set((await live()).Items)).toEqual(new Set(inIndex));
    },
  );

  test('records, shards and the numbering go on where they were', async () => {
    await createTable();
    await put('a');
    await aws.database.rollShards(table, 2);
    const before = await aws.records(table);
    const arn = await aws.streamArn(table);
    const shards = await aws.shards(arn);
    await aws.reopen();
    expect(await aws.shards(arn)).toEqual(shards);
    await put('b');
    const after = await aws.records(table);
    expect(after.slice(0, 1)).toEqual(before);
    expect(BigInt(after[1]!.dynamodb!.SequenceNumber!)).toBeGreaterThan(
      BigInt(before[0]!.dynamodb!.SequenceNumber!),
    );
  });

  test('a write that was done but not recorded is recorded once', async () => {
    await createTable();
    await put('a', { n: '1' });
    await put('a', { n: '2' });
    await aws.reopen(forgetOutcome);
    await aws.reopen();
    expect((await aws.records(table)).map(outline)).toEqual([
      { event: 'INSERT', old: undefined, new: item('a', { n: '1' }) },
      { event: 'MODIFY', old: item('a', { n: '1' }), new: item('a', { n: '2' }) },
    ]);
  });

  test('a write that was begun but not done is finished, its index with it', async () => {
    await createTable();
    await put('a', { live: 'y' });
    const request = { TableName: table, Key: item('a') };
    const intent = {
      id: 99,
      table,
      operation: 'DeleteItem',
      request,
      key: item('a'),
      old: item('a', { live: 'y' }),
    };
    await aws.reopen(() => appendFile(journal(), `${JSON.stringify({ kind: 'intent', intent })}\n`));
    expect((await aws.records(table)).map(({ eventName }) => eventName)).toEqual(['INSERT', 'REMOVE']);
    expect((await live()).Items).toEqual([]);
    expect((await aws.dynamodb.getItem({ TableName: table, Key: item('a') })).Item).toBeUndefined();
  });

  test('a last line that was torn is cut off, and the write behind it is resolved', async () => {
    await createTable();
    await put('a');
    await aws.reopen(async () => {
      const { length } = await readFile(journal());
      await truncate(journal(), length - 20);
    });
    expect(idsOf(await aws.records(table))).toEqual(['a']);
    await put('b');
    await aws.reopen();
    expect(idsOf(await aws.records(table))).toEqual(['a', 'b']);
  });

  test('a stream whose table was never created is forgotten', async () => {
    await createTable();
    const StreamArn = await aws.streamArn(table);
    const orphan = StreamArn.replace(table, 'unborn');
    await aws.reopen(async () => {
      const [opened = ''] = (await readFile(journal(), 'utf8')).split('\n');
      await appendFile(journal(), `${opened.replaceAll(table, 'unborn')}\n`);
    });
    const { Streams } = await aws.streams.listStreams({});
    expect(Streams?.map((stream) => stream.StreamArn)).toEqual([StreamArn]);
    await expect(aws.streams.describeStream({ StreamArn: orphan })).rejects.toThrow('not found');
  });

  test('the journal of a busy table stays bounded and loses nothing that can be read', async () => {
    await createTable();
    const padding = 'x'.repeat(100_000);
    for (let n = 0; n < 30; n++) await put('a', { n: `${n}`, padding });
    await aws.clock.advance(25 * HOUR);
    for (let n = 30; n < 60; n++) await put('a', { n: `${n}`, padding });
    expect((await readFile(journal())).length).toBeLessThan(16 * 1024 * 1024);
    await aws.reopen();
    const records = await aws.records(table);
    expect(records.map(({ dynamodb }) => dynamodb!.NewImage!['n']!.S)).toEqual(
      Array.from({ length: 30 }, (_, n) => `${n + 30}`),
    );
  });
});

describe('what is not modelled', () => {
  test('is refused, never answered with a silent success', async () => {
    await createTable();
    const name = 'UnknownOperationException';
    await expect(aws.dynamodb.executeStatement({ Statement: 'SELECT' })).rejects.toMatchObject({ name });
    const TransactItems = [{ Put: { TableName: table, Item: item('a') } }];
    await expect(aws.dynamodb.transactWriteItems({ TransactItems })).rejects.toMatchObject({ name });
    expect(JSON.parse((await aws.database.streams('PutRecords', Buffer.from('{}'))).body)).toMatchObject({
      __type: `com.amazonaws.dynamodb.v20120810#${name}`,
    });
    const Create = { ...indexed.GlobalSecondaryIndexes[0]!, IndexName: 'other' };
    const update = { TableName: table, GlobalSecondaryIndexUpdates: [{ Create }] };
    await expect(aws.dynamodb.updateTable(update)).rejects.toMatchObject({ name: 'ValidationException' });
    expect(await aws.records(table)).toEqual([]);
  });

  test('a body that is no JSON object and a table that is not there are refused as on AWS', async () => {
    const { status, body } = await aws.database.dynamodb('PutItem', Buffer.from('{"TableName"'));
    expect(status).toBe(400);
    expect(body).toContain('SerializationException');
    await expect(put('a')).rejects.toBeInstanceOf(ResourceNotFoundException);
  });
});
