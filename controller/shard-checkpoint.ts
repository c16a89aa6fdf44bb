import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Coordination } from '../preview/coordination.ts';

export interface ShardCheckpointDeps {
  coordination: Coordination;
  clock: Clock;
  log: Log;
  checkpointMs: number;
}

interface Page {
  last: string;
  /** Whether somebody still needs it, does not any more, or has asked for it again. */
  state: 'needed' | 'done' | 'refused';
}

/** Stream records are kept for 24 h: an older checkpoint points at nothing, and DynamoDB's time to live may take it. */
const KEPT_S = 48 * 3_600;

/**
 * How far a shard has been read, as stored. It follows behind the reader: a page is behind it only when nobody needs that
 * page any more, nor any page before it.
 */
export class ShardCheckpoint {
  readonly #shardId: string;
  readonly #deps: ShardCheckpointDeps;
  #pages: Page[] = [];
  #safe: string | undefined;
  #saved: string | undefined;
  #savedAt = 0;

  constructor(shardId: string, deps: ShardCheckpointDeps) {
    this.#shardId = shardId;
    this.#deps = deps;
  }

  /** Reads where an earlier reader stopped: after which record, or at the end. */
  async load(): Promise<{ position: string | undefined; ended: boolean }> {
    const { sequence_number, ended = false } = await this.#deps.coordination.readCheckpoint(this.#shardId);
    this.#safe = this.#saved = sequence_number;
    return { position: sequence_number, ended };
  }

  /** Notes a page that was handed over; `done` tells when nobody needs it any more. */
  add(last: string, done: Promise<void>): void {
    const page: Page = { last, state: 'needed' };
    this.#pages.push(page);
    done.then(
      () => (page.state = 'done'),
      () => (page.state = 'refused'),
    );
  }

  /** Forgets the pages under way if one of them was refused, and answers the position from which to read again. */
  rewind(): { position: string | undefined } | undefined {
    if (!this.#pages.some(({ state }) => state === 'refused')) return undefined;
    this.#advance();
    this.#pages = [];
    return { position: this.#safe };
  }

  /** Forgets all positions, because there is nothing at them any more. */
  forget(): void {
    this.#pages = [];
    this.#safe = undefined;
  }

  /** Writes the checkpoint down if it has moved, unless it was written just now. Never rejects: the next time will do. */
  async save({ now }: { now: boolean }): Promise<void> {
    const { clock, checkpointMs, log } = this.#deps;
    this.#advance();
    if (this.#safe === undefined || this.#safe === this.#saved) return;
    if (!now && clock.monotonic() - this.#savedAt < checkpointMs) return;
    this.#savedAt = clock.monotonic();
    const sequence_number = this.#safe;
    try {
      await this.#write({ sequence_number });
      this.#saved = sequence_number;
    } catch (error) {
      log.warn({ err: error, shard_id: this.#shardId }, 'could not write a checkpoint');
    }
  }

  /** Writes down that the shard has ended. False while some page of it is still needed; rejects when it cannot be written. */
  async end(): Promise<boolean> {
    this.#advance();
    if (this.#pages.length > 0) return false;
    await this.#write({ ended: true });
    return true;
  }

  #advance(): void {
    while (this.#pages[0]?.state === 'done') this.#safe = this.#pages.shift()?.last;
  }

  #write(checkpoint: { sequence_number?: string; ended?: boolean }): Promise<void> {
    const { coordination, clock } = this.#deps;
    const purge_at = Math.floor(clock.now().getTime() / 1000) + KEPT_S;
    return coordination.writeCheckpoint(this.#shardId, { ...checkpoint, purge_at });
  }
}
