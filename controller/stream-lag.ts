import type { ShardProgress } from './shard-reader.ts';

/** How far behind a stream is read: as far as the shard that is furthest behind. */
export class StreamLag {
  readonly #behind = new Map<string, number>();

  /** Notes how far behind a shard is; answers how far behind the stream is, in seconds. */
  note({ shard_id, behind_ms }: ShardProgress): number {
    if (behind_ms === undefined) this.#behind.delete(shard_id);
    else this.#behind.set(shard_id, behind_ms);
    return Math.max(0, ...this.#behind.values()) / 1000;
  }
}
