import {
  type _Record as StreamRecord,
  ExpiredIteratorException,
  ResourceNotFoundException,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import type { StreamsPort } from '../aws/ports.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Coordination } from '../preview/coordination.ts';

export interface ShardReaderDeps {
  streams: StreamsPort;
  coordination: Coordination;
  clock: Clock;
  log: Log;
  /** Between two reads of one shard; DynamoDB Streams bears about 5 a second. */
  pollMs: number;
  checkpointMs: number;
  /** Takes a page over. The reader moves on, and checkpoints, only once it resolves; a page can come twice. */
  onPage: (records: readonly StreamRecord[]) => Promise<void>;
  /** Records were lost for good: only a list can tell what they said. */
  onGap: () => void;
}

/** Pause after a failed read, which is not about the iterator. */
const RETRY_MS = 1_000;

/**
 * Reads one shard to its end or until `signal` aborts. Resolves true when the shard has ended and its children may be
 * read. A record counts as read once it is handed over, not once it is worked off: lists cover what a crash loses in
 * between, and a slow preview must not stall the shard.
 */
export async function readShard(
  streamArn: string,
  shardId: string,
  deps: ShardReaderDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const reader = new ShardReader(streamArn, shardId, deps);
  return reader.run(signal);
}

class ShardReader {
  readonly #streamArn: string;
  readonly #shardId: string;
  readonly #deps: ShardReaderDeps;
  #last: string | undefined;
  #saved: string | undefined;
  #savedAt = 0;

  constructor(streamArn: string, shardId: string, deps: ShardReaderDeps) {
    this.#streamArn = streamArn;
    this.#shardId = shardId;
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const { coordination, clock, log } = this.#deps;
    let iterator: string | undefined;
    let started = false;
    while (!signal.aborted) {
      try {
        if (!started) {
          const checkpoint = await coordination.readCheckpoint(this.#shardId);
          if (checkpoint.ended) return true;
          this.#last = this.#saved = checkpoint.sequence_number;
          started = true;
        }
        iterator ??= await this.#iterator();
        iterator = await this.#read(iterator);
        if (iterator === undefined) return await this.#end();
        await this.#checkpoint(false);
        await clock.sleep(this.#deps.pollMs, signal);
      } catch (error) {
        iterator = undefined;
        if (error instanceof ResourceNotFoundException) return await this.#vanished();
        if (error instanceof ExpiredIteratorException) continue;
        if (error instanceof TrimmedDataAccessException) {
          this.#gap('trimmed');
          continue;
        }
        log.warn({ err: error, shard_id: this.#shardId }, 'could not read the shard');
        await clock.sleep(RETRY_MS, signal);
      }
    }
    await this.#checkpoint(true);
    return false;
  }

  async #iterator(): Promise<string> {
    const { ShardIterator } = await this.#deps.streams.getShardIterator({
      StreamArn: this.#streamArn,
      ShardId: this.#shardId,
      ...(this.#last === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' as const }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' as const, SequenceNumber: this.#last }),
    });
    if (!ShardIterator) throw new Error('GetShardIterator answered without an iterator');
    return ShardIterator;
  }

  /** Hands one page over. Empty pages are normal; undefined means that the shard has ended. */
  async #read(ShardIterator: string): Promise<string | undefined> {
    const { Records = [], NextShardIterator } = await this.#deps.streams.getRecords({ ShardIterator });
    if (Records.length > 0) await this.#deps.onPage(Records);
    this.#last = Records.at(-1)?.dynamodb?.SequenceNumber ?? this.#last;
    return NextShardIterator;
  }

  async #checkpoint(now: boolean): Promise<void> {
    const { clock, checkpointMs, coordination } = this.#deps;
    if (this.#last === undefined || this.#last === this.#saved) return;
    if (!now && clock.monotonic() - this.#savedAt < checkpointMs) return;
    await coordination.writeCheckpoint(this.#shardId, { sequence_number: this.#last });
    this.#saved = this.#last;
    this.#savedAt = clock.monotonic();
  }

  async #end(): Promise<true> {
    await this.#deps.coordination.writeCheckpoint(this.#shardId, { ended: true });
    return true;
  }

  /** The shard is gone after 24 h, or its stream was switched off: what it held is lost, its children are not. */
  async #vanished(): Promise<true> {
    this.#gap('vanished');
    return this.#end();
  }

  #gap(why: string): void {
    this.#last = undefined;
    this.#deps.log.warn({ shard_id: this.#shardId, why }, 'stream records were lost');
    this.#deps.onGap();
  }
}
