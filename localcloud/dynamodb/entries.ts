import type { Item, KeyElement } from './item.ts';

export type ViewType = 'KEYS_ONLY' | 'NEW_IMAGE' | 'OLD_IMAGE' | 'NEW_AND_OLD_IMAGES';

/** A write that is about to be performed, with everything that is needed to finish it after a crash. */
export interface Intent {
  id: number;
  table: string;
  operation: 'PutItem' | 'UpdateItem' | 'DeleteItem';
  request: Readonly<Record<string, unknown>>;
  key: Item;
  old?: Item;
  /** DynamoDB itself deleted the item, because its time to live was over. */
  expired?: true;
}

/** What one write did to one item. */
export interface Change {
  sequence: string;
  at: number;
  /** From then on it can be read; absent: at once. */
  readable_at?: number;
  key: Item;
  old?: Item;
  new?: Item;
  expired?: true;
}

export interface ShardHead {
  id: string;
  parent?: string;
  /** The items of this shard: those at `from` ≤ position < `to`. */
  from: number;
  to: number;
  start: string;
  opened_at: number;
  end?: string;
  ended_at?: number;
  /** The last sequence number that can no longer be read. */
  trimmed_through: string;
}

export interface StreamHead {
  arn: string;
  label: string;
  table: string;
  key_schema: KeyElement[];
  view_type: ViewType;
  created_at: number;
  disabled_at?: number;
}

/** Where a change goes in the streams. */
export interface Placed {
  stream: string;
  shard: string;
  change: Change;
}

/** One line of the journal. Each is one step that happens as a whole or not at all. */
export type Entry =
  | { kind: 'intent'; intent: Intent }
  | { kind: 'settled'; id: number; placed?: Placed }
  | { kind: 'record'; placed: Placed }
  | { kind: 'stream'; head: StreamHead; shards: ShardHead[] }
  | {
      kind: 'shards';
      stream: string;
      ended: { id: string; end: string }[];
      opened: ShardHead[];
      at: number;
      /** The stream ends with these shards. */
      disabled?: true;
    }
  | { kind: 'dropped'; table: string }
  | { kind: 'time_to_live'; table: string; attribute: string | null }
  | { kind: 'point_in_time_recovery'; table: string; enabled: boolean }
  | { kind: 'counters'; sequence: string; intent: number };
