import type { Shard } from '@aws-sdk/client-dynamodb-streams';
import type { StreamsPort, TablePort } from '../aws/ports.ts';
import { readShard, type ShardReaderDeps } from './shard-reader.ts';

export interface StreamReaderDeps extends ShardReaderDeps {
  dynamodb: TablePort;
  table: string;
  /** How often the shard graph is read again, besides at every shard end. */
  syncMs: number;
}

/** A stream that is read although the table is broken or absent is asked for again after this pause. */
const RETRY_MS = 1_000;

/**
 * Shards that may be read now: not yet ended, and none of their parents in the graph still unread. A parent that is no
 * longer listed was trimmed and holds nobody up. Exported for its own tests: order per item hangs on it.
 */
export function readable(shards: readonly Shard[], ended: ReadonlySet<string>): string[] {
  const listed = new Set(shards.map(({ ShardId }) => ShardId));
  return shards.flatMap(({ ShardId, ParentShardId }) => {
    if (!ShardId || ended.has(ShardId)) return [];
    const waits = ParentShardId !== undefined && listed.has(ParentShardId) && !ended.has(ParentShardId);
    return waits ? [] : [ShardId];
  });
}

/** Every shard of a stream, over all pages. */
async function listShards(streams: StreamsPort, StreamArn: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let start: string | undefined;
  do {
    const { StreamDescription } = await streams.describeStream({
      StreamArn,
      ...(start ? { ExclusiveStartShardId: start } : {}),
    });
    shards.push(...(StreamDescription?.Shards ?? []));
    start = StreamDescription?.LastEvaluatedShardId;
  } while (start);
  return shards;
}

/**
 * Reads the table's stream for as long as `signal` allows: parents before children, shard end as routine, a stream
 * that was switched off and on again under its new ARN. The stream is a doorbell: losing it costs time, not truth.
 */
export async function readStream(deps: StreamReaderDeps, signal: AbortSignal): Promise<void> {
  const ended = new Set<string>();
  const reading = new Map<string, Promise<void>>();
  let streamArn: string | undefined;
  let changed = new AbortController();

  const read = async (arn: string, shardId: string) => {
    try {
      if (await readShard(arn, shardId, deps, signal)) ended.add(shardId);
    } catch (error) {
      deps.log.warn({ err: error, shard_id: shardId }, 'could not finish the shard');
    }
    reading.delete(shardId);
    changed.abort();
  };

  while (!signal.aborted) {
    changed = new AbortController();
    try {
      const { Table } = await deps.dynamodb.describeTable({ TableName: deps.table });
      if (Table?.LatestStreamArn && Table.LatestStreamArn !== streamArn) {
        if (streamArn) deps.onGap();
        streamArn = Table.LatestStreamArn;
      }
      const arn = streamArn;
      const shards = arn ? await listShards(deps.streams, arn) : [];
      for (const shardId of readable(shards, ended)) {
        if (arn && !reading.has(shardId)) reading.set(shardId, read(arn, shardId));
      }
      await deps.clock.sleep(deps.syncMs, AbortSignal.any([signal, changed.signal]));
    } catch (error) {
      deps.log.warn({ err: error }, 'could not read the stream');
      await deps.clock.sleep(RETRY_MS, signal);
    }
  }
  await Promise.all(reading.values());
}
