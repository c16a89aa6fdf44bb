import {
  type _Record as StreamRecord,
  ExpiredIteratorException,
  LimitExceededException,
  ResourceNotFoundException,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import type { StreamsPort } from '../aws/ports.ts';
import type { Random } from '../platform/random.ts';
import { RetryDelays } from './retry-delays.ts';
import { ShardCheckpoint, type ShardCheckpointDeps } from './shard-checkpoint.ts';

export interface ShardReaderDeps extends ShardCheckpointDeps {
  streams: StreamsPort;
  random: Random;
  /** Between two reads of one shard; DynamoDB Streams bears about 5 a second. */
  pollMs: number;
  /**
   * Takes a page over, as a whole, before it returns; its promise tells when nobody needs the page any more. The reader
   * reads on meanwhile, and checkpoints only what nobody needs. A page comes again when this throws or rejects, and when
   * a process dies.
   */
  onPage: (records: readonly StreamRecord[], shard: ShardName) => Promise<void>;
  /** Records were lost for good: only a list can tell what they said. */
  onGap: () => void;
  /** Told after every read, and when a shard is left. */
  onProgress?: (progress: ShardProgress) => void;
}

export interface ShardName {
  stream_arn: string;
  shard_id: string;
}

export interface ShardProgress extends ShardName {
  /** How old the last record was when it was read, and longer while reads fail; 0 at the tip; undefined once it is left. */
  behind_ms: number | undefined;
}

/** How a shard was left: with all its records read, with records that cannot be read, or on demand. */
export type ShardEnd = 'read' | 'lost' | 'stopped';

const RETRY = { baseMs: 1_000, maxMs: 30_000 };
/** What cannot be found, or is trimmed away as fast as it is asked for, is lost after this many reads in a row. */
const TRIES = 4;

/**
 * Reads one shard to its end, or until it is lost or `signal` aborts. Calls `onEnd` when the last page was handed over:
 * its children may be read from then on, also while that page is still needed or cannot be checkpointed.
 */
export function readShard(
  shard: ShardName,
  deps: ShardReaderDeps,
  onEnd: () => void,
  signal: AbortSignal,
): Promise<ShardEnd> {
  return new ShardReader(shard, deps, onEnd, signal).run();
}

class ShardReader {
  readonly #shard: ShardName;
  readonly #deps: ShardReaderDeps;
  readonly #onEnd: () => void;
  readonly #signal: AbortSignal;
  readonly #delays: RetryDelays;
  readonly #checkpoint: ShardCheckpoint;
  #loaded = false;
  /** The last record that was handed over; undefined before the oldest one. */
  #position: string | undefined;
  #iterator: string | undefined;
  #ended = false;
  /** Reads in a row that found nothing at their position. */
  #misses = 0;
  #seen: { at: number; behindMs: number };

  constructor(shard: ShardName, deps: ShardReaderDeps, onEnd: () => void, signal: AbortSignal) {
    this.#shard = shard;
    this.#deps = deps;
    this.#onEnd = onEnd;
    this.#signal = signal;
    this.#delays = new RetryDelays(deps.random, RETRY);
    this.#checkpoint = new ShardCheckpoint(shard.shard_id, deps);
    this.#seen = { at: deps.clock.monotonic(), behindMs: 0 };
  }

  async run(): Promise<ShardEnd> {
    const { clock, pollMs } = this.#deps;
    let end: ShardEnd | undefined;
    while (!end && !this.#signal.aborted) {
      try {
        if (await this.#step()) end = 'read';
        else await clock.sleep(pollMs, this.#signal);
      } catch (error) {
        if (await this.#recover(error)) end = 'lost';
      }
    }
    if (end !== 'read') await this.#checkpoint.save({ now: true });
    this.#tell(undefined);
    return end ?? 'stopped';
  }

  /** True when there is nothing left to do. */
  async #step(): Promise<boolean> {
    if (!this.#loaded && (await this.#load())) return true;
    const again = this.#checkpoint.rewind();
    if (again) {
      this.#position = again.position;
      this.#iterator = undefined;
      this.#ended = false;
    }
    if (!this.#ended) await this.#read();
    if (this.#ended) return this.#checkpoint.end();
    await this.#checkpoint.save({ now: false });
    return false;
  }

  async #load(): Promise<boolean> {
    const { position, ended } = await this.#checkpoint.load();
    this.#loaded = true;
    this.#position = position;
    if (ended) this.#onEnd();
    return ended;
  }

  /** Hands one page over. Empty pages are normal; a page without a next one is the last. */
  async #read(): Promise<void> {
    this.#iterator ??= await this.#findIterator();
    const ShardIterator = this.#iterator;
    const { Records = [], NextShardIterator } = await this.#deps.streams.getRecords({ ShardIterator });
    this.#hand(Records);
    this.#iterator = NextShardIterator;
    this.#misses = 0;
    this.#delays.forget('read');
    if (NextShardIterator !== undefined) return;
    this.#ended = true;
    this.#onEnd();
  }

  async #findIterator(): Promise<string> {
    const { stream_arn: StreamArn, shard_id: ShardId } = this.#shard;
    const { ShardIterator } = await this.#deps.streams.getShardIterator({
      StreamArn,
      ShardId,
      ...(this.#position === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' as const }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' as const, SequenceNumber: this.#position }),
    });
    if (!ShardIterator) throw new Error('GetShardIterator answered without an iterator');
    return ShardIterator;
  }

  #hand(records: readonly StreamRecord[]): void {
    const { onPage, clock } = this.#deps;
    const last = records.at(-1)?.dynamodb;
    if (last?.SequenceNumber !== undefined) {
      this.#checkpoint.add(last.SequenceNumber, onPage(records, this.#shard));
      this.#position = last.SequenceNumber;
    }
    const written = last?.ApproximateCreationDateTime?.getTime();
    const behindMs = written === undefined ? 0 : Math.max(0, clock.now().getTime() - written);
    this.#seen = { at: clock.monotonic(), behindMs };
    this.#tell(behindMs);
  }

  /** Whatever can be cured by asking again is; true when it cannot, and what the shard still held is lost. */
  async #recover(error: unknown): Promise<boolean> {
    const { clock, log } = this.#deps;
    // A throttled read leaves its iterator as good as it was.
    if (!(error instanceof LimitExceededException)) this.#iterator = undefined;
    this.#tell(this.#seen.behindMs + clock.monotonic() - this.#seen.at);
    const expired = error instanceof ExpiredIteratorException;
    const trimmed = isTrimmed(error);
    if (trimmed && this.#position !== undefined) this.#startOver();
    if (expired || trimmed || error instanceof ResourceNotFoundException) this.#misses += 1;
    else log.warn({ err: error, ...this.#shard }, 'could not read the shard');
    if (!expired && this.#misses >= TRIES) {
      this.#gap('gone');
      return true;
    }
    // Both are routine, and over with the next read, unless that one says so too.
    if ((expired || trimmed) && this.#misses === 1) return false;
    await clock.sleep(this.#delays.next('read'), this.#signal);
    return false;
  }

  #startOver(): void {
    this.#position = undefined;
    this.#checkpoint.forget();
    this.#gap('trimmed');
  }

  #gap(why: string): void {
    this.#deps.log.warn({ ...this.#shard, why }, 'stream records were lost');
    this.#deps.onGap();
  }

  #tell(behind_ms: number | undefined): void {
    this.#deps.onProgress?.({ ...this.#shard, behind_ms });
  }
}

/** The position is older than the shard's oldest record; or, by a hand in the checkpoint, none of this shard's at all. */
function isTrimmed(error: unknown): boolean {
  return (
    error instanceof TrimmedDataAccessException ||
    (error instanceof Error && error.name === 'ValidationException')
  );
}
