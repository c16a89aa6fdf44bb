import type { PreviewEvent } from './events.ts';
import { conditional } from './store.ts';
import type { TableClient } from './table-client.ts';

/** An event is written once, however often its change is read. */
const IS_NEW = 'attribute_not_exists(preview_id)';
const DAY_S = 86_400;
/** Longer than any preview lives and than its tombstone is kept. */
const KEPT_DAYS = 30;

export interface EventPage {
  items: PreviewEvent[];
  /** Where the next page begins; undefined at the end. */
  next: string | undefined;
}

export type EventOrder = 'oldest' | 'newest';

export interface EventQuery {
  limit: number;
  /** The sequence of the last event that was seen; without it the page is the first. */
  cursor?: string | undefined;
  /** Which come first; by default the oldest. */
  order?: EventOrder;
}

/** The history of previews: a table of its own, written by the leader alone and purged by DynamoDB's time to live. */
export class EventLog {
  readonly #client: TableClient;
  readonly #table: string;

  constructor({ client, table }: { client: TableClient; table: string }) {
    this.#client = client;
    this.#table = table;
  }

  /** Stores an event, unless it is there already. */
  async append(event: PreviewEvent): Promise<void> {
    const purge_at = Math.floor(Date.parse(event.at) / 1000) + KEPT_DAYS * DAY_S;
    await conditional(
      this.#client.put({
        TableName: this.#table,
        Item: { ...event, purge_at },
        ConditionExpression: IS_NEW,
      }),
    );
  }

  /** A page of a history. Consistent: what was read once is there again, so that a reader can go on from it. */
  async read(preview_id: string, { limit, cursor, order = 'oldest' }: EventQuery): Promise<EventPage> {
    const beyond = cursor === undefined ? '' : ` AND #sequence ${order === 'oldest' ? '>' : '<'} :cursor`;
    const { Items = [], LastEvaluatedKey } = await this.#client.query({
      TableName: this.#table,
      KeyConditionExpression: `preview_id = :uid${beyond}`,
      ...(cursor === undefined ? {} : { ExpressionAttributeNames: { '#sequence': 'sequence' } }),
      ExpressionAttributeValues: {
        ':uid': preview_id,
        ...(cursor === undefined ? {} : { ':cursor': cursor }),
      },
      ScanIndexForward: order === 'oldest',
      ConsistentRead: true,
      Limit: limit,
    });
    const items = Items.map(({ purge_at: _purge, ...event }) => event as unknown as PreviewEvent);
    return { items, next: LastEvaluatedKey ? items.at(-1)?.sequence : undefined };
  }
}
