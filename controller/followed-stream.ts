import { ResourceNotFoundException, type Shard } from '@aws-sdk/client-dynamodb-streams';
import { awaitsChildren, describeShards, readable, type ShardGraph } from './shard-graph.ts';
import { readShard, type ShardReaderDeps } from './shard-reader.ts';

/** One stream of a table, under one ARN: its shards are read parents first, each by a reader of its own. */
export class FollowedStream {
  readonly arn: string;
  readonly #deps: ShardReaderDeps;
  readonly #onEnd: () => void;
  /** Read to the end, or lost: their children may be read. */
  readonly #done = new Set<string>();
  readonly #lost = new Set<string>();
  /** Being read, or read and not yet checkpointed. */
  readonly #reading = new Map<string, Promise<void>>();

  /** `onEnd` is called whenever a shard is done, for it may have children. */
  constructor(arn: string, deps: ShardReaderDeps, onEnd: () => void) {
    this.arn = arn;
    this.#deps = deps;
    this.#onEnd = onEnd;
  }

  /** Whether nothing of it is being read. */
  get isIdle(): boolean {
    return this.#reading.size === 0;
  }

  /** Looks at the shard graph and begins to read what may be read. True when more is about to be listed. */
  async look(signal: AbortSignal): Promise<boolean> {
    const graph = await this.#describe();
    this.#forget(graph.shards);
    for (const shardId of readable(graph.shards, this.#done, new Set(this.#reading.keys()))) {
      this.#reading.set(shardId, this.#read(shardId, signal));
    }
    return awaitsChildren(graph, this.#done);
  }

  /** A shard that takes records although it could not be found is worth another try; one that has ended is not. */
  retryLost(): void {
    for (const shardId of this.#lost) this.#done.delete(shardId);
    this.#lost.clear();
  }

  /** Resolves when every reader has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#reading.values());
  }

  #forget(shards: readonly Shard[]): void {
    const listed = new Map(shards.map((shard) => [shard.ShardId, shard.SequenceNumberRange]));
    for (const shardId of this.#done)
      if (!listed.has(shardId) && !this.#reading.has(shardId)) this.#done.delete(shardId);
    for (const shardId of this.#lost)
      if (listed.get(shardId)?.EndingSequenceNumber !== undefined) this.#lost.delete(shardId);
  }

  /** A stream that was switched off is forgotten by AWS after 24 h, with whatever it held. */
  async #describe(): Promise<ShardGraph> {
    try {
      return await describeShards(this.#deps.streams, this.arn);
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return { shards: [], enabled: false };
      throw error;
    }
  }

  async #read(shard_id: string, signal: AbortSignal): Promise<void> {
    const done = () => {
      this.#done.add(shard_id);
      this.#onEnd();
    };
    const end = await readShard({ stream_arn: this.arn, shard_id }, this.#deps, done, signal);
    if (end === 'lost') {
      this.#lost.add(shard_id);
      done();
    }
    this.#reading.delete(shard_id);
  }
}
