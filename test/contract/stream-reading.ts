import type { _Record, Shard } from '@aws-sdk/client-dynamodb-streams';
import { expect, vi } from 'vitest';

import type { Contract } from './endpoint.ts';

/** On AWS a record can be read about a second after its write. */
const PATIENCE = { timeout: 20_000, interval: 100 };

/** The stream of a table that has only one; an endpoint without streams is noticed here first. */
export async function streamOf({ clients }: Contract, TableName: string): Promise<string> {
  const { Streams = [] } = await clients.streams.listStreams({ TableName });
  expect(Streams).toHaveLength(1);
  return Streams[0]!.StreamArn!;
}

export async function shardsOf({ clients }: Contract, StreamArn: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let ExclusiveStartShardId: string | undefined;
  do {
    const { StreamDescription } = await clients.streams.describeStream({ StreamArn, ExclusiveStartShardId });
    shards.push(...StreamDescription!.Shards!);
    ExclusiveStartShardId = StreamDescription!.LastEvaluatedShardId;
  } while (ExclusiveStartShardId !== undefined);
  return shards;
}

/** A reader of one shard that keeps its place. */
export class ShardReader {
  readonly records: _Record[] = [];
  readonly #contract: Contract;
  #next: string | undefined;

  private constructor(contract: Contract, next: string | undefined) {
    this.#contract = contract;
    this.#next = next;
  }

  static async open(contract: Contract, StreamArn: string, ShardId: string): Promise<ShardReader> {
    const from = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const };
    const { ShardIterator } = await contract.clients.streams.getShardIterator(from);
    return new ShardReader(contract, ShardIterator);
  }

  /** Reads one page; tells whether the shard goes on. */
  async read(Limit?: number): Promise<boolean> {
    if (this.#next === undefined) return false;
    const page = await this.#contract.clients.streams.getRecords({ ShardIterator: this.#next, Limit });
    this.records.push(...page.Records!);
    this.#next = page.NextShardIterator;
    return this.#next !== undefined;
  }
}

/** The records of a stream, parents before children, once there are `count` of them, and no more come. */
export async function recordsOf(contract: Contract, StreamArn: string, count: number): Promise<_Record[]> {
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
