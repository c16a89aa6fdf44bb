import type { StreamHead } from './entries.ts';
import type { Shard } from './shard.ts';

/** One stream of a table: a graph of shards, in which a child comes after its parent. */
export class Stream {
  readonly head: StreamHead;
  readonly shards = new Map<string, Shard>();

  constructor(head: StreamHead) {
    this.head = { ...head };
  }

  get enabled(): boolean {
    return this.head.disabled_at === undefined;
  }

  openShards(): Shard[] {
    return [...this.shards.values()].filter((shard) => shard.open);
  }

  /** Forgets what is older than `before`: records, shards that ended, but never an open shard. */
  trim(before: number): void {
    for (const shard of this.shards.values()) {
      shard.trim(before);
      if ((shard.head.ended_at ?? before) < before) this.shards.delete(shard.head.id);
    }
  }
}
