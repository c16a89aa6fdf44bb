import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Change, ShardHead } from './entries.ts';

/** DynamoDB answers at most this much in one page of records. */
const PAGE_BYTES = 1024 * 1024;

/** A change as it is kept for a day: most are read once or never, and their two images are nearly the same. */
interface Kept {
  sequence: string;
  at: number;
  readableAt: number;
  /** Of its text. */
  length: number;
  packed: Buffer;
}

function pack(text: string): Buffer {
  return deflateRawSync(text, { level: 1 });
}

function unpack({ packed }: Kept): Change {
  return JSON.parse(inflateRawSync(packed).toString()) as Change;
}

/** One shard: an ordered run of changes, of which the oldest are trimmed away. */
export class Shard {
  readonly head: ShardHead;
  #changes: Kept[] = [];

  constructor(head: ShardHead) {
    this.head = { ...head };
  }

  get open(): boolean {
    return this.head.end === undefined;
  }

  /** The last sequence number in use: there is nothing to read after it yet. */
  get latest(): string {
    return this.#changes.at(-1)?.sequence ?? this.head.trimmed_through;
  }

  /** The last sequence number that can be read already. */
  readableThrough(now: number): string {
    const readable = this.#changes.findLast(({ readableAt }) => readableAt <= now);
    return readable?.sequence ?? this.head.trimmed_through;
  }

  add(change: Change): void {
    const { sequence, at, readable_at: asked = 0 } = change;
    // One that comes late holds up those behind it: a shard is read in its order.
    const readableAt = Math.max(asked, this.#changes.at(-1)?.readableAt ?? 0);
    const text = JSON.stringify(change);
    this.#changes.push({ sequence, at, readableAt, length: text.length, packed: pack(text) });
  }

  end(sequence: string, at: number): void {
    this.head.end = sequence;
    this.head.ended_at = at;
  }

  trim(before: number): void {
    const kept = this.#changes.findIndex(({ at }) => at >= before);
    const trimmed = this.#changes.splice(0, kept === -1 ? this.#changes.length : kept);
    this.head.trimmed_through = trimmed.at(-1)?.sequence ?? this.head.trimmed_through;
  }

  *all(): Generator<Change> {
    for (const kept of this.#changes) yield unpack(kept);
  }

  /** The readable changes that follow `sequence`, at most `limit` of them and no more than a page holds. */
  *after(sequence: string, limit: number, now: number): Generator<Change> {
    let bytes = 0;
    let next = this.#changes.findIndex((change) => change.sequence > sequence);
    for (let taken = 0; next >= 0 && taken < limit; taken++, next++) {
      const change = this.#changes[next];
      if (!change || change.readableAt > now || (taken > 0 && bytes + change.length > PAGE_BYTES)) return;
      bytes += change.length;
      yield unpack(change);
    }
  }
}
