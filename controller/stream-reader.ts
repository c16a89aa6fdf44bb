import type { TablePort } from '../aws/ports.ts';
import { FollowedStream } from './followed-stream.ts';
import { RetryDelays } from './retry-delays.ts';
import type { ShardReaderDeps } from './shard-reader.ts';

export interface StreamReaderDeps extends ShardReaderDeps {
  dynamodb: TablePort;
  table: string;
  /** How often the streams and their shards are looked at, besides at every shard end. */
  syncMs: number;
}

const RETRY = { baseMs: 1_000, maxMs: 30_000 };
/** A shard that has ended is listed before its children are. DescribeStream may be asked ten times a second. */
const CHILDREN_MS = 1_000;
const CHILDREN_TRIES = 10;

/**
 * Reads the table's stream for as long as `signal` allows: parents before children, shard end as routine, a stream that
 * was switched off to its end and the one that follows it under its new ARN. The stream is a doorbell: losing it costs
 * time, not truth. Never rejects.
 */
export async function readStream(deps: StreamReaderDeps, signal: AbortSignal): Promise<void> {
  await new StreamReader(deps, signal).run();
}

class StreamReader {
  readonly #deps: StreamReaderDeps;
  readonly #signal: AbortSignal;
  readonly #delays: RetryDelays;
  /** The latest one, and those before it that are not yet read to their end. */
  readonly #streams = new Map<string, FollowedStream>();
  #latest: string | undefined;
  /** Aborts when there is reason to look before the time. */
  #changed = new AbortController();
  #childrenTries = 0;

  constructor(deps: StreamReaderDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#delays = new RetryDelays(deps.random, RETRY);
  }

  async run(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#signal.aborted) {
      this.#changed = new AbortController();
      const ms = await this.#round();
      await clock.sleep(ms, AbortSignal.any([this.#signal, this.#changed.signal]));
      if (this.#changed.signal.aborted) continue;
      for (const stream of this.#streams.values()) stream.retryLost();
    }
    await Promise.all([...this.#streams.values()].map((stream) => stream.ended()));
  }

  /** Looks at everything once, whatever fails of it, and answers how long to wait before the next time. */
  async #round(): Promise<number> {
    let failed = !(await this.#try(() => this.#findLatest()));
    let awaiting = false;
    for (const stream of this.#streams.values()) {
      const look = async () => {
        if (await stream.look(this.#signal)) awaiting = true;
        if (stream.isIdle && stream.arn !== this.#latest) this.#streams.delete(stream.arn);
      };
      if (!(await this.#try(look))) failed = true;
    }
    if (failed) return this.#delays.next('look');
    this.#delays.forget('look');
    if (!awaiting || this.#childrenTries >= CHILDREN_TRIES) return this.#deps.syncMs;
    this.#childrenTries += 1;
    return CHILDREN_MS;
  }

  async #try(look: () => Promise<void>): Promise<boolean> {
    try {
      await look();
      return true;
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'could not look at the stream');
      return false;
    }
  }

  /** A stream that was switched off and on has another ARN, and nobody knows what was written in between. */
  async #findLatest(): Promise<void> {
    const { dynamodb, table, onGap } = this.#deps;
    const { Table } = await dynamodb.describeTable({ TableName: table });
    const arn = Table?.LatestStreamArn;
    if (arn === undefined || arn === this.#latest) return;
    if (this.#latest !== undefined) onGap();
    this.#latest = arn;
    const onEnd = () => {
      this.#childrenTries = 0;
      this.#changed.abort();
    };
    this.#streams.set(arn, new FollowedStream(arn, this.#deps, onEnd));
  }
}
