import type { Change, ShardHead } from './entries.ts';

/** DynamoDB answers at most this much in one page of records. */
const PAGE_BYTES = 1024 * 1024;

/** One shard: an ordered run of changes, of which the oldest are trimmed away. */
export class Shard {
  readonly head: ShardHead;
  // As text: a tenth of the memory of the parsed images, and most are read once or never.
  #changes: { sequence: string; at: number; readableAt: number; text: string }[] = [];

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
    this.#changes.push({ sequence, at, readableAt, text: JSON.stringify(change) });
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
    for (const { text } of this.#changes) yield JSON.parse(text) as Change;
  }

  /** The readable changes that follow `sequence`, at most `limit` of them and no more than a page holds. */
  *after(sequence: string, limit: number, now: number): Generator<Change> {
    let bytes = 0;
    let next = this.#changes.findIndex((change) => change.sequence > sequence);
    for (let taken = 0; next >= 0 && taken < limit; taken++, next++) {
      const change = this.#changes[next];
      if (!change || change.readableAt > now || (taken > 0 && bytes + change.text.length > PAGE_BYTES))
        return;
      bytes += change.text.length;
      yield JSON.parse(change.text) as Change;
    }
  }
}
