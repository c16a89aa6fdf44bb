import { canonicalJson } from './spec.ts';
import { conditional } from './store.ts';
import type { TableClient } from './table-client.ts';

const REPORT = 'sweep#report';
const REQUEST = 'sweep#request';
/** One request releases one sweep, whoever reads it how often. */
const NOT_USED = 'request_id = :id AND attribute_not_exists(used_at)';
/** A report that was on its way when its leader was followed does not hide the one of its successor. */
const NOT_OLDER = 'attribute_not_exists(#at) OR #at <= :at';
/** An item may hold 400 KB. */
const ENTRIES = 100;
/** What somebody allows is meant for what he has just seen. */
const VALID_MS = 3_600_000;

/** One resource, or one slot, that belongs to no record. */
export interface Orphan {
  kind: string;
  name: string;
  /** First 8 digits of the preview that it once belonged to. */
  id: string;
  /** RecordClosed | NoRecord | OtherIncarnation | SpareRule */
  reason: string;
  first_seen_at: string;
  /** Why it stands although it is due: another kind that has to go first, or what AWS says. */
  held_by?: string;
}

/** What the last sweep that had anything to tell has found and done. Instants are canonical UTC seconds. */
export interface SweepReport {
  at: string;
  /** Waiting to be seen a second time, or held up by the breaker. */
  orphans: Orphan[];
  deleted: Orphan[];
  /** Protected by the tag tempus:keep. */
  kept: Orphan[];
  /** Why nothing was deleted, where that is so. */
  aborted: string | null;
  /** Set when more previews would have been swept than one sweep may: then nothing is, until somebody says so. */
  breaker: { previews: number; allowed: number } | null;
  /** The request that this sweep has used, whether it allowed enough or not. */
  request_id: string | null;
  /** How many of all lists are left out here, where they are too long. */
  left_out?: number;
}

/** Somebody has looked at the report and lets one sweep take up to `max` previews. */
export interface SweepRequest {
  request_id: string;
  max: number;
  requested_at: string;
  by: string;
  used_at?: string;
}

/** Where the sweeper and those who watch it leave word for each other: two rows of the coordination table. */
export class SweepBoard {
  readonly #client: TableClient;
  readonly #table: string;

  constructor({ client, table }: { client: TableClient; table: string }) {
    this.#client = client;
    this.#table = table;
  }

  readReport(): Promise<SweepReport | undefined> {
    return this.#read<SweepReport>(REPORT);
  }

  /** A report that tells nothing new is not written: a quiet install stays quiet. */
  async writeReport(whole: SweepReport, last: SweepReport | undefined): Promise<SweepReport> {
    const report = shorten(whole);
    const news = ({ at: _at, ...rest }: SweepReport) => canonicalJson(rest);
    if (last && news(last) === news(report)) return last;
    await conditional(
      this.#client.put({
        TableName: this.#table,
        Item: { key: REPORT, ...report },
        ConditionExpression: NOT_OLDER,
        ExpressionAttributeNames: { '#at': 'at' },
        ExpressionAttributeValues: { ':at': report.at },
      }),
    );
    return report;
  }

  readRequest(): Promise<SweepRequest | undefined> {
    return this.#read<SweepRequest>(REQUEST);
  }

  /** The newest request counts; one that nobody has used yet is replaced. */
  async request(request: SweepRequest): Promise<void> {
    await this.#client.put({ TableName: this.#table, Item: { key: REQUEST, ...request } });
  }

  /** True for the one who may act on the request. */
  useRequest(request_id: string, used_at: string): Promise<boolean> {
    return conditional(
      this.#client.update({
        TableName: this.#table,
        Key: { key: REQUEST },
        UpdateExpression: 'SET used_at = :at',
        ConditionExpression: NOT_USED,
        ExpressionAttributeValues: { ':id': request_id, ':at': used_at },
      }),
    );
  }

  async #read<T extends object>(key: string): Promise<T | undefined> {
    const { Item } = await this.#client.get({ TableName: this.#table, Key: { key }, ConsistentRead: true });
    if (!Item) return undefined;
    const { key: _key, ...row } = Item;
    return row as T;
  }
}

function shorten(report: SweepReport): SweepReport {
  const whole = [report.orphans, report.deleted, report.kept] as const;
  const left_out = whole.reduce((sum, { length }) => sum + Math.max(0, length - ENTRIES), 0);
  if (left_out === 0) return report;
  const [orphans = [], deleted = [], kept = []] = whole.map((list) => list.slice(0, ENTRIES));
  return { ...report, orphans, deleted, kept, left_out };
}

/** Whether a sweep may still use the request. */
export function isOpen({ used_at, requested_at }: SweepRequest, now: Date): boolean {
  return used_at === undefined && now.getTime() - Date.parse(requested_at) <= VALID_MS;
}
