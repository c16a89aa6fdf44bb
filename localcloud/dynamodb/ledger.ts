import type { Entry, Intent, Placed, ShardHead } from './entries.ts';
import type { Journal } from './journal.ts';
import { Shard } from './shard.ts';
import { Stream } from './stream.ts';

/** Every sequence number has 21 digits, so that they sort as text in the order of time. */
const FIRST_SEQUENCE = 10n ** 20n;
/** A journal smaller than this is never worth rewriting. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/**
 * What the streams, the unfinished writes and the settings of tables are: the fold of the journal. Everything changes
 * through `commit`, which writes first and applies after, so that memory never knows what a crash would forget.
 */
export class Ledger {
  /** By ARN, oldest first. */
  readonly streams = new Map<string, Stream>();
  /** The writes whose outcome is not recorded yet, oldest first. */
  readonly pending = new Map<number, Intent>();
  /** The time-to-live attribute of each table that has one. */
  readonly timeToLive = new Map<string, string>();
  /** The tables with point-in-time recovery. */
  readonly recoverable = new Set<string>();
  readonly #journal: Journal<Entry>;
  #sequence = FIRST_SEQUENCE;
  #intent = 0;
  #compactAt = COMPACT_BYTES;

  constructor(journal: Journal<Entry>, entries: readonly Entry[] = []) {
    this.#journal = journal;
    for (const entry of entries) this.#apply(entry);
  }

  commit(entry: Entry): void {
    this.#journal.append(entry);
    this.#apply(entry);
    if (this.#journal.size() < this.#compactAt) return;
    this.#journal.rewrite(this.#snapshot());
    this.#compactAt = Math.max(COMPACT_BYTES, 2 * this.#journal.size());
  }

  /** A sequence number above every one that any entry holds; a number is used up by being committed. */
  *sequences(): Generator<string, never> {
    for (let next = this.#sequence + 1n; ; next++) yield String(next);
  }

  nextIntent(): number {
    return this.#intent + 1;
  }

  /** The newest stream of a table, enabled or not. */
  latestStream(table: string): Stream | undefined {
    return [...this.streams.values()].findLast(({ head }) => head.table === table);
  }

  enabledStream(table: string): Stream | undefined {
    const latest = this.latestStream(table);
    return latest?.enabled ? latest : undefined;
  }

  close(): void {
    this.#journal.close();
  }

  #apply(entry: Entry): void {
    switch (entry.kind) {
      case 'intent':
        this.pending.set(entry.intent.id, entry.intent);
        this.#intent = Math.max(this.#intent, entry.intent.id);
        return;
      case 'settled':
        this.pending.delete(entry.id);
        if (entry.placed) this.#place(entry.placed);
        return;
      case 'record':
        this.#place(entry.placed);
        return;
      case 'stream': {
        const stream = new Stream(entry.head);
        this.streams.set(stream.head.arn, stream);
        this.#openShards(stream, entry.shards);
        return;
      }
      case 'shards':
        this.#changeShards(entry);
        return;
      case 'dropped':
        for (const { head } of this.streams.values()) {
          if (head.table === entry.table) this.streams.delete(head.arn);
        }
        this.timeToLive.delete(entry.table);
        this.recoverable.delete(entry.table);
        return;
      case 'time_to_live':
        if (entry.attribute === null) this.timeToLive.delete(entry.table);
        else this.timeToLive.set(entry.table, entry.attribute);
        return;
      case 'point_in_time_recovery':
        if (entry.enabled) this.recoverable.add(entry.table);
        else this.recoverable.delete(entry.table);
        return;
      case 'counters':
        this.#use(entry.sequence);
        this.#intent = Math.max(this.#intent, entry.intent);
    }
  }

  #place({ stream, shard, change }: Placed): void {
    this.#use(change.sequence);
    this.streams.get(stream)?.shards.get(shard)?.add(change);
  }

  #openShards(stream: Stream, heads: readonly ShardHead[]): void {
    for (const head of heads) {
      this.#use(head.start);
      if (head.end) this.#use(head.end);
      stream.shards.set(head.id, new Shard(head));
    }
  }

  #changeShards({ stream: arn, ended, opened, at, disabled }: Extract<Entry, { kind: 'shards' }>): void {
    const stream = this.streams.get(arn);
    if (!stream) return;
    for (const { id, end } of ended) {
      this.#use(end);
      stream.shards.get(id)?.end(end, at);
    }
    this.#openShards(stream, opened);
    if (disabled) stream.head.disabled_at = at;
  }

  #use(sequence: string): void {
    const used = BigInt(sequence);
    if (used > this.#sequence) this.#sequence = used;
  }

  /** The shortest journal that folds to what is known now. */
  *#snapshot(): Generator<Entry> {
    yield { kind: 'counters', sequence: String(this.#sequence), intent: this.#intent };
    for (const [table, attribute] of this.timeToLive) yield { kind: 'time_to_live', table, attribute };
    for (const table of this.recoverable) yield { kind: 'point_in_time_recovery', table, enabled: true };
    for (const { head, shards } of this.streams.values()) {
      yield { kind: 'stream', head, shards: [...shards.values()].map((shard) => shard.head) };
      for (const shard of shards.values()) {
        for (const change of shard.all()) {
          yield { kind: 'record', placed: { stream: head.arn, shard: shard.head.id, change } };
        }
      }
    }
    for (const intent of this.pending.values()) yield { kind: 'intent', intent };
  }
}
