import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { toSeconds } from '../platform/clock.ts';
import { initialConditions } from './conditions.ts';
import { canonicalInstant } from './expiry.ts';
import { type Deletion, type Phase, PREVIEW_ID, type PreviewRow, shortId, type Status } from './record.ts';
import { canonicalJson } from './spec.ts';
import type { TableClient } from './table-client.ts';
import { LIVE_INDEX } from './tables.ts';

/** Nothing is ever written over: the key is the identity of one incarnation. */
const IS_NEW = 'attribute_not_exists(id)';
/** Defends against an upsert, and against a writer that holds an earlier incarnation of the same short id. */
const IS_SAME = 'attribute_exists(id) AND preview_id = :uid';
/** Defends teardown: whoever comes second finds it under way, and nothing leaves Deleting but Deleted. */
const IS_LIVE = 'phase <> :deleting AND phase <> :deleted';
/** Defends an extension that arrives in the instant of expiry: the flip holds only for the expiry it has seen. */
const EXPIRES_AS_READ = 'expires_at = :seen';
/** Defends against an upsert, and against a look at what nothing can happen to any more. */
const MAY_BE_OBSERVED = 'attribute_exists(id) AND phase <> :deleted';
/** Defends against events that come twice or out of order: whatever their order, the newest stands in the end. */
const IS_NEWER = '(attribute_not_exists(observed_event) OR observed_event < :mark)';
/** Defends a controller write against edits of phase and against another controller. */
const STATUS_AS_READ = 'phase = :phase AND (#status.rev = :rev OR attribute_not_exists(#status.rev))';

const PHASES_OF_TEARDOWN = { ':deleting': 'Deleting', ':deleted': 'Deleted' } as const;

/** What one controller write may change; desired state is never among it, `expires_at` only to recompute it. */
export interface StatusWrite {
  phase: Phase;
  status: Status;
  deletion?: Deletion;
  expires_at?: string;
  /** Ends the record's life: takes it out of the live index and lets DynamoDB purge it at this epoch second. */
  purge_at?: number;
}

export interface DuePreview {
  id: string;
  preview_id: string;
  expires_at: string;
}

export interface PreviewStoreDeps {
  client: TableClient;
  table: string;
  /** Items a page of a list; small in tests, so that paging happens. */
  pageSize?: number;
}

/** The previews table: the only code that writes it, and every write conditional. */
export class PreviewStore {
  readonly #client: TableClient;
  readonly #table: string;
  readonly #pageSize: number;

  constructor({ client, table, pageSize = 100 }: PreviewStoreDeps) {
    this.#client = client;
    this.#table = table;
    this.#pageSize = pageSize;
  }

  /** Stores a new record, or answers 'taken' when the short id is in use, by whichever incarnation. */
  async create(row: PreviewRow): Promise<'created' | 'taken'> {
    const put = { TableName: this.#table, Item: row, ConditionExpression: IS_NEW };
    return (await conditional(this.#client.put(put))) ? 'created' : 'taken';
  }

  /** The record as it is now (consistent), by UUID or by its first 8 hex digits. */
  async get(idOrUuid: string): Promise<PreviewRow | undefined> {
    const Key = { id: shortId(idOrUuid) };
    const { Item } = await this.#client.get({ TableName: this.#table, Key, ConsistentRead: true });
    const row = Item && toRow(Item);
    return PREVIEW_ID.test(idOrUuid) && row?.preview_id !== idOrUuid ? undefined : row;
  }

  /** Flips a live record to Deleting, whoever asks and however often. */
  async requestDeletion(
    { id, preview_id }: Pick<PreviewRow, 'id' | 'preview_id'>,
    deletion: Deletion,
  ): Promise<'deleting' | 'already'> {
    return (await this.#flip(id, preview_id, deletion)) ? 'deleting' : 'already';
  }

  /** Flips a due record to Deleting, unless its expiry has moved since it was read or it is being deleted. */
  async expire({ id, preview_id, expires_at }: DuePreview, deletion: Deletion): Promise<'expired' | 'moved'> {
    return (await this.#flip(id, preview_id, deletion, expires_at)) ? 'expired' : 'moved';
  }

  /** Asks for another try of a live record: a value of `nudge` that it never had wakes the controller. */
  async nudge(
    { id, preview_id }: Pick<PreviewRow, 'id' | 'preview_id'>,
    nudge: string,
  ): Promise<'nudged' | 'gone'> {
    const nudged = await conditional(
      this.#client.update({
        TableName: this.#table,
        Key: { id },
        UpdateExpression: 'SET nudge = :nudge',
        ConditionExpression: `${IS_SAME} AND ${IS_LIVE}`,
        ExpressionAttributeValues: { ':uid': preview_id, ':nudge': nudge, ...PHASES_OF_TEARDOWN },
      }),
    );
    return nudged ? 'nudged' : 'gone';
  }

  /** Notes that AWS has told of a change, see preview/observation.ts: wakes the controller, and asks it for nothing. */
  async observe(id: string, mark: string): Promise<'observed' | 'nothing new'> {
    const observed = await conditional(
      this.#client.update({
        TableName: this.#table,
        Key: { id },
        UpdateExpression: 'SET observed_event = :mark',
        ConditionExpression: `${MAY_BE_OBSERVED} AND ${IS_NEWER}`,
        ExpressionAttributeValues: { ':mark': mark, ':deleted': PHASES_OF_TEARDOWN[':deleted'] },
      }),
    );
    return observed ? 'observed' : 'nothing new';
  }

  #flip(id: string, uid: string, deletion: Deletion, seen?: string): Promise<boolean> {
    return conditional(
      this.#client.update({
        TableName: this.#table,
        Key: { id },
        UpdateExpression: 'SET phase = :deleting, deletion = :deletion',
        ConditionExpression: [IS_SAME, IS_LIVE, ...(seen === undefined ? [] : [EXPIRES_AS_READ])].join(
          ' AND ',
        ),
        ExpressionAttributeValues: {
          ':uid': uid,
          ':deletion': deletion,
          ...PHASES_OF_TEARDOWN,
          ...(seen === undefined ? {} : { ':seen': seen }),
        },
      }),
    );
  }

  /**
   * The controller's write: phase and status together, on the record exactly as `row` was read. Answers the row as
   * it now is, or undefined when someone else wrote first. An equal write is not sent: a status that echoes
   * through the stream for nothing would wake its own writer for ever.
   */
  async writeStatus(row: PreviewRow, write: StatusWrite): Promise<PreviewRow | undefined> {
    const status = { ...write.status, rev: row.status.rev };
    const { purge_at, expires_at = row.expires_at, deletion = row.deletion, phase } = write;
    const same = { phase, status, expires_at, deletion, purge_at };
    if (canonicalJson(same) === canonicalJson(pickWritten(row))) return row;

    const next: Status = { ...status, rev: row.status.rev + 1 };
    const sets = ['phase = :next', '#status = :status'];
    const values: Record<string, unknown> = {
      ':uid': row.preview_id,
      ':phase': row.phase,
      ':rev': row.status.rev,
      ':next': phase,
      ':status': next,
    };
    const conditions = [IS_SAME, STATUS_AS_READ];
    if (deletion !== undefined) {
      sets.push('deletion = :deletion');
      values[':deletion'] = deletion;
    }
    // Teardown that the pass itself starts rests on the expiry it has read, as the Lambda's does.
    if (expires_at !== row.expires_at || (phase === 'Deleting' && row.phase !== 'Deleting')) {
      conditions.push(row.expires_at === undefined ? 'attribute_not_exists(expires_at)' : EXPIRES_AS_READ);
      if (row.expires_at !== undefined) values[':seen'] = row.expires_at;
      if (expires_at !== row.expires_at) {
        sets.push('expires_at = :expires_at');
        values[':expires_at'] = expires_at;
      }
    }
    if (purge_at !== undefined) {
      sets.push('purge_at = :purge_at');
      values[':purge_at'] = purge_at;
    }
    const written = await conditional(
      this.#client.update({
        TableName: this.#table,
        Key: { id: row.id },
        UpdateExpression: `SET ${sets.join(', ')}${purge_at === undefined ? '' : ' REMOVE live'}`,
        ConditionExpression: conditions.join(' AND '),
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: values,
      }),
    );
    if (!written) return undefined;
    const { live, ...rest } = row;
    return {
      ...rest,
      phase,
      status: next,
      expires_at,
      ...(deletion === undefined ? {} : { deletion }),
      ...(purge_at === undefined ? (live ? { live } : {}) : { purge_at }),
    };
  }

  /** Every record that is not Deleted, soonest expiry first. Eventually consistent: candidates, not facts. */
  async *live(): AsyncGenerator<PreviewRow> {
    yield* this.#query('live = :live', { ':live': 'live' });
  }

  /** Every live record whose expiry has come by `now`. Eventually consistent: the flip decides. */
  async *due(now: Date): AsyncGenerator<DuePreview & Pick<PreviewRow, 'phase'>> {
    yield* this.#query('live = :live AND expires_at <= :now', { ':live': 'live', ':now': toSeconds(now) });
  }

  async *#query(condition: string, values: Record<string, unknown>): AsyncGenerator<PreviewRow> {
    let from: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.query({
        TableName: this.#table,
        IndexName: LIVE_INDEX,
        KeyConditionExpression: condition,
        ExpressionAttributeValues: values,
        Limit: this.#pageSize,
        ...(from ? { ExclusiveStartKey: from } : {}),
      });
      yield* (page.Items ?? []).map(toRow);
      from = page.LastEvaluatedKey;
    } while (from);
  }
}

/** Stands for an instant that nobody can read any more. */
const NEVER = '1970-01-01T00:00:00Z';

/**
 * A stored item as a record. A hand can have put an item without the parts that nobody edits; they are filled in, so
 * that even a broken record can be judged, shown and torn down.
 */
function toRow(item: Record<string, unknown>): PreviewRow {
  const row = item as Partial<PreviewRow>;
  const status = isMap(row.status) ? row.status : undefined;
  return {
    owner: '',
    labels: {},
    source: {},
    spec: {},
    ...row,
    created_at: canonicalInstant(row.created_at) ?? NEVER,
    ...(isMap(row.labels) ? {} : { labels: {} }),
    ...(isMap(row.source) ? {} : { source: {} }),
    status: {
      ...status,
      rev: status?.rev ?? 0,
      conditions: Array.isArray(status?.conditions)
        ? status.conditions.filter(isMap)
        : initialConditions(NEVER),
      resources: isMap(status?.resources) ? status.resources : {},
    },
  } as PreviewRow;
}

function isMap<T>(value: T | undefined): value is T & object {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function pickWritten(row: PreviewRow) {
  const { phase, status, expires_at, deletion, purge_at } = row;
  return { phase, status, expires_at, deletion, purge_at };
}

/** True when a conditional write took effect, false when its condition did not hold. */
export async function conditional(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
