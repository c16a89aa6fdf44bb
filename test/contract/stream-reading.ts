import {
  type _Record,
  type DynamoDBStreams,
  ExpiredIteratorException,
  type GetRecordsOutput,
  type Shard,
} from '@aws-sdk/client-dynamodb-streams';
import { expect, vi } from 'vitest';

import type { AwsClients } from '../../aws/clients.ts';

/** Whatever has clients: a contract's endpoint, or one of the test's own. */
type Clients = { clients: Pick<AwsClients, 'streams'> };

/** On AWS a record can be read about a second after its write. */
const PATIENCE = { timeout: 20_000, interval: 100 };

/** The stream of a table that has only one; an endpoint without streams is noticed here first. */
export async function streamOf({ clients }: Clients, TableName: string): Promise<string> {
  const { Streams = [] } = await clients.streams.listStreams({ TableName });
  expect(Streams).toHaveLength(1);
  return Streams[0]!.StreamArn!;
}

export async function shardsOf({ clients }: Clients, StreamArn: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let ExclusiveStartShardId: string | undefined;
  do {
    const { StreamDescription } = await clients.streams.describeStream({ StreamArn, ExclusiveStartShardId });
    shards.push(...StreamDescription!.Shards!);
    ExclusiveStartShardId = StreamDescription!.LastEvaluatedShardId;
  } while (ExclusiveStartShardId !== undefined);
  return shards;
}

/** A reader of one shard that keeps its place, also when it was away for longer than an iterator lives. */
export class ShardReader {
  readonly records: _Record[] = [];
  readonly #streams: DynamoDBStreams;
  readonly #shard: { StreamArn: string; ShardId: string };
  #next: string | undefined;
  #last: string | undefined;

  private constructor(streams: DynamoDBStreams, shard: { StreamArn: string; ShardId: string }) {
    this.#streams = streams;
    this.#shard = shard;
  }

  static async open({ clients }: Clients, StreamArn: string, ShardId: string): Promise<ShardReader> {
    const reader = new ShardReader(clients.streams, { StreamArn, ShardId });
    await reader.#begin();
    return reader;
  }

  /** Reads one page; tells whether the shard goes on. */
  async read(Limit?: number): Promise<boolean> {
    if (this.#next === undefined) return false;
    const page = await this.#page(Limit);
    this.records.push(...page.Records!);
    this.#last = page.Records!.at(-1)?.dynamodb!.SequenceNumber ?? this.#last;
    this.#next = page.NextShardIterator;
    return this.#next !== undefined;
  }

  async #page(Limit: number | undefined): Promise<GetRecordsOutput> {
    try {
      return await this.#streams.getRecords({ ShardIterator: this.#next, Limit });
    } catch (error) {
      if (!(error instanceof ExpiredIteratorException)) throw error;
      await this.#begin();
      return this.#streams.getRecords({ ShardIterator: this.#next, Limit });
    }
  }

  async #begin(): Promise<void> {
    const from = this.#last
      ? ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: this.#last } as const)
      : ({ ShardIteratorType: 'TRIM_HORIZON' } as const);
    this.#next = (await this.#streams.getShardIterator({ ...this.#shard, ...from })).ShardIterator;
  }
}

/** The records of a stream, parents before children, once there are `count` of them, and no more come. */
export async function recordsOf(contract: Clients, StreamArn: string, count: number): Promise<_Record[]> {
  const readers: ShardReader[] = [];
  for (const { ShardId } of await shardsOf(contract, StreamArn)) {
    readers.push(await ShardReader.open(contract, StreamArn, ShardId!));
  }
  const records = () => readers.flatMap((reader) => reader.records);
  const readAll = () => Promise.all(readers.map((reader) => reader.read()));
  await vi.waitFor(async () => {
    await readAll();
    expect(records().length).toBeGreaterThanOrEqual(count);
  }, PATIENCE);
  await readAll();
  expect(records()).toHaveLength(count);
  return records();
}

/**
 * Reads a whole stream as its shards come and go, a parent to its end before its children: what a reader has to do
 * that wants the writes to each item in their order. A step that fails can simply be done again.
 */
export class StreamFollower {
  readonly records: _Record[] = [];
  readonly #contract: Clients;
  readonly #streamArn: string;
  readonly #readers = new Map<string, ShardReader>();
  readonly #readOut = new Set<string>();

  constructor(contract: Clients, streamArn: string) {
    this.#contract = contract;
    this.#streamArn = streamArn;
  }

  /** Takes up the shards whose turn it is, and reads a page of each. */
  async step(): Promise<void> {
    const shards = await shardsOf(this.#contract, this.#streamArn);
    const listed = new Set(shards.map(({ ShardId }) => ShardId));
    for (const { ShardId = '', ParentShardId } of shards) {
      const waits =
        ParentShardId !== undefined && listed.has(ParentShardId) && !this.#readOut.has(ParentShardId);
      if (waits || this.#readers.has(ShardId)) continue;
      this.#readers.set(ShardId, await ShardReader.open(this.#contract, this.#streamArn, ShardId));
    }
    for (const [shard, reader] of this.#readers) {
      if (this.#readOut.has(shard)) continue;
      const goesOn = await reader.read();
      this.records.push(...reader.records.splice(0));
      if (!goesOn) this.#readOut.add(shard);
    }
  }
}
