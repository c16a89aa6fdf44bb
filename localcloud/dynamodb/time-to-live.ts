import * as z from 'zod';

import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { DynaliteEngine, TableDescription } from './dynalite-engine.ts';
import { type Item, keyOf } from './item.ts';
import type { Ledger } from './ledger.ts';
import { type Answer, Refusal } from './refusal.ts';
import type { Turns } from './turns.ts';
import type { Writes } from './writes.ts';

/** DynamoDB leaves an item alone whose time was over this long ago: it takes that for a mistake. */
const OLDEST_S = 5 * 365 * 24 * 60 * 60;
/** The attribute counts only when it is a number. Repeated at the deletion, against an extension since the scan. */
const EXPIRED = 'attribute_type(#ttl, :number) AND #ttl <= :now AND #ttl > :oldest';

const updateRequest = z.object({
  TableName: z.string(),
  TimeToLiveSpecification: z.object({ Enabled: z.boolean(), AttributeName: z.string().min(1).max(255) }),
});

export interface TimeToLiveDeps {
  engine: DynaliteEngine;
  ledger: Ledger;
  turns: Turns;
  writes: Writes;
  clock: Clock;
  log: Log;
  /** How often expired items are looked for. AWS promises days and usually takes minutes. */
  sweepMs: number;
}

/** Items that delete themselves. dynalite knows nothing of it. */
export class TimeToLive {
  readonly #deps: TimeToLiveDeps;
  #cancel: (() => void) | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: TimeToLiveDeps) {
    this.#deps = deps;
  }

  /** Undefined when `operation` is none of these two. */
  call(operation: string, request: Readonly<Record<string, unknown>>): Promise<Answer> | undefined {
    switch (operation) {
      case 'UpdateTimeToLive':
        return this.#deps.turns.take([String(request['TableName'])], () => this.#update(request));
      case 'DescribeTimeToLive':
        return this.#describe(request);
      default:
        return undefined;
    }
  }

  start(): void {
    if (this.#stopped) return;
    this.#cancel = this.#deps.clock.after(this.#deps.sweepMs, () => {
      this.#sweeping = this.#sweep().then(() => this.start());
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#sweeping;
  }

  async #update(request: Readonly<Record<string, unknown>>): Promise<Answer> {
    const parsed = updateRequest.safeParse(request);
    if (!parsed.success) throw invalid('TimeToLiveSpecification');
    const { TableName: table, TimeToLiveSpecification } = parsed.data;
    const { Enabled, AttributeName } = TimeToLiveSpecification;
    const { engine, ledger } = this.#deps;
    if (!(await engine.describe(table))) return engine.call('DescribeTable', { TableName: table });
    const current = ledger.timeToLive.get(table);
    if (Enabled && current !== undefined) throw invalid('TimeToLive is already enabled');
    if (!Enabled && current === undefined) throw invalid('TimeToLive is already disabled');
    if (!Enabled && current !== AttributeName) {
      throw invalid(`TimeToLive is active on a different AttributeName: current AttributeName is ${current}`);
    }
    ledger.commit({ kind: 'time_to_live', table, attribute: Enabled ? AttributeName : null });
    return { status: 200, body: { TimeToLiveSpecification } };
  }

  async #describe({ TableName }: Readonly<Record<string, unknown>>): Promise<Answer> {
    const { engine, ledger } = this.#deps;
    const table = await engine.describe(TableName);
    if (!table) return engine.call('DescribeTable', { TableName });
    const attribute = ledger.timeToLive.get(table.TableName);
    const description =
      attribute === undefined
        ? { TimeToLiveStatus: 'DISABLED' }
        : { TimeToLiveStatus: 'ENABLED', AttributeName: attribute };
    return { status: 200, body: { TimeToLiveDescription: description } };
  }

  async #sweep(): Promise<void> {
    const { engine, ledger, log } = this.#deps;
    for (const [name, attribute] of ledger.timeToLive) {
      try {
        const table = await engine.describe(name);
        if (table) await this.#sweepTable(table, attribute);
      } catch (error) {
        log.error({ table: name, err: error }, 'could not delete expired items');
      }
    }
  }

  async #sweepTable({ TableName, KeySchema }: TableDescription, attribute: string): Promise<void> {
    const { engine, writes, clock } = this.#deps;
    const now = Math.floor(clock.now().getTime() / 1000);
    const condition = {
      ExpressionAttributeNames: { '#ttl': attribute },
      ExpressionAttributeValues: {
        ':number': { S: 'N' },
        ':now': { N: String(now) },
        ':oldest': { N: String(now - OLDEST_S) },
      },
    };
    let from = {};
    do {
      const { body } = await engine.call('Scan', {
        TableName,
        FilterExpression: EXPIRED,
        ...condition,
        ...from,
      });
      for (const item of (body['Items'] ?? []) as Item[]) {
        const Key = keyOf(item, KeySchema);
        const request = { TableName, Key, ConditionExpression: EXPIRED, ...condition };
        await writes.perform('DeleteItem', request, { expired: true });
      }
      from = body['LastEvaluatedKey'] ? { ExclusiveStartKey: body['LastEvaluatedKey'] } : {};
    } while ('ExclusiveStartKey' in from && !this.#stopped);
  }
}

function invalid(what: string): Refusal {
  return new Refusal('ValidationException', what);
}
