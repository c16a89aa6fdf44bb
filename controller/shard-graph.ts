import type { Shard } from '@aws-sdk/client-dynamodb-streams';
import type { StreamsPort } from '../aws/ports.ts';

export interface ShardGraph {
  shards: Shard[];
  /** Whether the stream still takes records, so that an ended shard has children. */
  enabled: boolean;
}

/** Every shard of a stream, over all pages. */
export async function describeShards(streams: StreamsPort, StreamArn: string): Promise<ShardGraph> {
  const shards: Shard[] = [];
  let start: string | undefined;
  let enabled: boolean;
  do {
    const { StreamDescription } = await streams.describeStream({
      StreamArn,
      ...(start ? { ExclusiveStartShardId: start } : {}),
    });
    shards.push(...(StreamDescription?.Shards ?? []));
    start = StreamDescription?.LastEvaluatedShardId;
    enabled = StreamDescription?.StreamStatus === 'ENABLED';
  } while (start);
  return { shards, enabled };
}

/**
 * Shards that may be read now: not yet done, and none of their parents still unread. A parent that is no longer listed
 * was trimmed and holds nobody up, unless it is `reading` at this moment. Order per item hangs on it.
 */
export function readable(
  shards: readonly Shard[],
  done: ReadonlySet<string>,
  reading: ReadonlySet<string> = new Set(),
): string[] {
  const listed = new Set(shards.map(({ ShardId }) => ShardId));
  return shards.flatMap(({ ShardId, ParentShardId: parent }) => {
    if (!ShardId || done.has(ShardId) || reading.has(ShardId)) return [];
    const unread = parent !== undefined && (listed.has(parent) || reading.has(parent)) && !done.has(parent);
    return unread ? [] : [ShardId];
  });
}

/** Whether the children of a shard that is done are still to be listed: DescribeStream lags behind. */
export function awaitsChildren({ shards, enabled }: ShardGraph, done: ReadonlySet<string>): boolean {
  const parents = new Set(shards.map(({ ParentShardId }) => ParentShardId));
  return enabled && shards.some(({ ShardId = '' }) => done.has(ShardId) && !parents.has(ShardId));
}
