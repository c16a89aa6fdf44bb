import { conditional } from './store.ts';
import type { TableClient } from './table-client.ts';

const KEY = 'heartbeat#leader';
/** A heartbeat that was on its way when its leader was followed does not hide the one of its successor. */
const NOT_OLDER = 'attribute_not_exists(#key) OR tenure <= :tenure';

/** One comes every 30 s; two may be missed before the leader counts as silent. */
export const STALE_S = 90;

/** How the leader is doing, in its own words. Instants are ISO 8601 with milliseconds. */
export interface Heartbeat {
  owner: string;
  version: string;
  /** The stored counter of the leader lease: higher with every heartbeat and with every leader. */
  tenure: number;
  became_leader_at: string;
  at: string;
  queue_depth: number;
  /** null while the stream has not been read. */
  stream_lag_s: number | null;
  last_full_list_at: string | null;
  last_sweep_at: string | null;
}

export interface HeartbeatsDeps {
  client: TableClient;
  /** The coordination table. */
  table: string;
}

/** Where the leader says that it lives, for whoever shows the system and cannot reach the leader itself. */
export class Heartbeats {
  readonly #client: TableClient;
  readonly #table: string;

  constructor({ client, table }: HeartbeatsDeps) {
    this.#client = client;
    this.#table = table;
  }

  async read(): Promise<Heartbeat | undefined> {
    const { Item } = await this.#client.get({
      TableName: this.#table,
      Key: { key: KEY },
      ConsistentRead: true,
    });
    return Item as Heartbeat | undefined;
  }

  /** False when a later leader has already written. */
  write(heartbeat: Heartbeat): Promise<boolean> {
    return conditional(
      this.#client.put({
        TableName: this.#table,
        Item: { key: KEY, ...heartbeat },
        ConditionExpression: NOT_OLDER,
        ExpressionAttributeNames: { '#key': 'key' },
        ExpressionAttributeValues: { ':tenure': heartbeat.tenure },
      }),
    );
  }
}
