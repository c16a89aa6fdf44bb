import type { Log } from '../../platform/log.ts';
import type { DynaliteEngine } from './dynalite-engine.ts';
import type { Intent } from './entries.ts';
import { type Item, keyOf, sameItem } from './item.ts';
import type { Ledger } from './ledger.ts';
import type { Recorder } from './recorder.ts';
import { type Answer, refusalName } from './refusal.ts';
import type { Turns } from './turns.ts';
import { fields, type WriteTarget, writeTargets } from './write-targets.ts';

export interface WritesDeps {
  engine: DynaliteEngine;
  ledger: Ledger;
  recorder: Recorder;
  turns: Turns;
  log: Log;
  /** Told of every write, in the order of the writes to a table. */
  onWritten?: ((table: string, key: Item, item: Item | undefined) => void) | undefined;
}

/**
 * The way of every write to an item: read what is there, journal the intent, write, read again, journal what
 * changed. The writes to one table take turns, so the images are exact and the records are in the order of the writes.
 */
export class Writes {
  readonly #deps: WritesDeps;

  constructor(deps: WritesDeps) {
    this.#deps = deps;
  }

  /** `expired` marks a deletion by DynamoDB itself. */
  perform(
    operation: string,
    request: Readonly<Record<string, unknown>>,
    expired?: { expired: true },
  ): Promise<Answer> {
    const targets = writeTargets(operation, request);
    const tables = [...new Set(targets.map(({ table }) => table))];
    return this.#deps.turns.take(tables, async () => {
      const intents = await Promise.all(targets.map((target) => this.#prepare(target)));
      const accepted = intents.filter((intent) => intent !== undefined);
      const { engine } = this.#deps;
      // DynamoDB refuses the whole call when one key does not fit its table.
      if (accepted.length < intents.length) return engine.call(operation, request);
      const begun = accepted.map((intent) => this.#begin({ ...intent, ...expired }));
      try {
        return withOldItem(await engine.call(operation, request), request, begun[0]?.old);
      } finally {
        for (const intent of begun) await this.#settle(intent);
      }
    });
  }

  /**
   * Finishes the writes that a crash interrupted, before anything else happens. dynalite updates the indexes first
   * and the item last: where the item is still the old one the write is done again, which completes the indexes.
   */
  async recover(): Promise<void> {
    const { engine, ledger, log } = this.#deps;
    for (const intent of ledger.pending.values()) {
      const { item } = await engine.read(intent.table, intent.key);
      if (sameItem(intent.old, item)) await engine.call(intent.operation, intent.request);
      await this.#settle(intent);
      log.info({ table: intent.table, operation: intent.operation, key: intent.key }, 'finished a write');
    }
  }

  /** Undefined when DynamoDB is sure to refuse the write: no such table, or a key that does not fit it. */
  async #prepare({ table, operation, request }: WriteTarget): Promise<Omit<Intent, 'id'> | undefined> {
    const { engine } = this.#deps;
    const schema = (await engine.describe(table))?.KeySchema;
    if (!schema) return undefined;
    const key =
      operation === 'PutItem'
        ? keyOf(fields(request['Item']) as Item, schema)
        : (fields(request['Key']) as Item);
    if (!key) return undefined;
    const { refused, item } = await engine.read(table, key);
    return refused ? undefined : { table, operation, request, key, ...(item && { old: item }) };
  }

  #begin(intent: Omit<Intent, 'id'>): Intent {
    const { ledger } = this.#deps;
    const begun = { id: ledger.nextIntent(), ...intent };
    ledger.commit({ kind: 'intent', intent: begun });
    return begun;
  }

  async #settle(intent: Intent): Promise<void> {
    const { engine, recorder } = this.#deps;
    const { item } = await engine.read(intent.table, intent.key);
    recorder.settle(intent, item);
    this.#deps.onWritten?.(intent.table, intent.key, item);
  }
}

/** ReturnValuesOnConditionCheckFailure, which dynalite does not know. */
function withOldItem(answer: Answer, request: Readonly<Record<string, unknown>>, old?: Item): Answer {
  const asked = request['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD';
  if (!asked || !old || refusalName(answer) !== 'ConditionalCheckFailedException') return answer;
  return { ...answer, body: { ...answer.body, Item: old } };
}
