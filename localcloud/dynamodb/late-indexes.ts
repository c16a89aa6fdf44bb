import type { Clock } from '../../platform/clock.ts';
import { DynaliteEngine } from './dynalite-engine.ts';
import type { Item } from './item.ts';
import type { Answer } from './refusal.ts';
import type { Turns } from './turns.ts';

type Request = Readonly<Record<string, unknown>>;

export interface LateIndexesDeps {
  engine: DynaliteEngine;
  turns: Turns;
  clock: Clock;
  /** How long after its write an item changes in the indexes. */
  delayMs: () => number;
}

/** One table as its indexes know it: the changes of each item that are on their way, one after the other. */
type Mirror = Map<string, Promise<unknown>>;

/**
 * The indexes of the tables as DynamoDB has them: a little behind. A second copy of each table that has been asked for
 * by an index hears of every write late, and answers the queries of its indexes; expressions, order and pages are then
 * those of any query.
 */
export class LateIndexes {
  readonly #deps: LateIndexesDeps;
  readonly #copy: DynaliteEngine;
  readonly #mirrors = new Map<string, Promise<Mirror | undefined>>();
  readonly #closing = new AbortController();

  private constructor(deps: LateIndexesDeps, copy: DynaliteEngine) {
    this.#deps = deps;
    this.#copy = copy;
  }

  static async open(deps: LateIndexesDeps): Promise<LateIndexes> {
    return new LateIndexes(deps, await DynaliteEngine.open());
  }

  /** The answer to a read of an index; undefined where the request is for something else. */
  call(operation: string, request: Request): Promise<Answer> | undefined {
    if (operation !== 'Query' && operation !== 'Scan') return undefined;
    const { TableName: table, IndexName: index } = request;
    return typeof table === 'string' && index !== undefined
      ? this.#read(table, operation, request)
      : undefined;
  }

  /** An item of a table has become this. Called in the order of the writes. */
  written(table: string, key: Item, item: Item | undefined): void {
    void this.#mirrors.get(table)?.then((mirror) => mirror && this.#apply(mirror, table, key, item));
  }

  /** The table is gone; another one may take its name. */
  async dropped(table: string): Promise<void> {
    const mirror = await this.#mirrors.get(table);
    this.#mirrors.delete(table);
    if (!mirror) return;
    await Promise.all(mirror.values());
    await this.#copy.call('DeleteTable', { TableName: table });
    await this.#copy.settled(table);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const opened of this.#mirrors.values()) {
      const mirror = await opened;
      if (mirror) await Promise.all(mirror.values());
    }
    await this.#copy.close();
  }

  async #read(table: string, operation: string, request: Request): Promise<Answer> {
    const mirrored = this.#mirrors.get(table) ?? this.#mirror(table);
    const engine = (await mirrored) ? this.#copy : this.#deps.engine;
    return engine.call(operation, request);
  }

  /** Copies a table as it is now, in the turn of its writes. Undefined where there is no such table. */
  #mirror(table: string): Promise<Mirror | undefined> {
    const { engine, turns } = this.#deps;
    const mirrored = turns.take([table], async () => {
      const described = await engine.describe(table);
      if (!described) {
        this.#mirrors.delete(table);
        return undefined;
      }
      await this.#copy.call('CreateTable', schemaOf(described));
      await this.#copy.settled(table);
      for (const Item of await this.#itemsOf(table))
        await this.#copy.call('PutItem', { TableName: table, Item });
      return new Map<string, Promise<unknown>>();
    });
    this.#mirrors.set(table, mirrored);
    return mirrored;
  }

  async #itemsOf(table: string): Promise<Item[]> {
    const items: Item[] = [];
    let from: unknown;
    do {
      const start = from === undefined ? {} : { ExclusiveStartKey: from };
      const { body } = await this.#deps.engine.call('Scan', { TableName: table, ...start });
      items.push(...((body['Items'] as Item[] | undefined) ?? []));
      from = body['LastEvaluatedKey'];
    } while (from !== undefined);
    return items;
  }

  #apply(mirror: Mirror, table: string, key: Item, item: Item | undefined): void {
    const { clock, delayMs } = this.#deps;
    const id = JSON.stringify(key);
    const due = clock.monotonic() + delayMs();
    const [operation, what] = item ? ['PutItem', { Item: item }] : ['DeleteItem', { Key: key }];
    const applied = (mirror.get(id) ?? Promise.resolve())
      .then(() => clock.sleep(Math.max(0, due - clock.monotonic()), this.#closing.signal))
      .then(() => this.#copy.call(operation, { TableName: table, ...what }))
      .finally(() => {
        if (mirror.get(id) === applied) mirror.delete(id);
      });
    mirror.set(id, applied);
  }
}

/** What makes a table like the one that is described. */
function schemaOf(described: object): Request {
  const { TableName, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes } = described as Request;
  const indexes = (GlobalSecondaryIndexes as Request[] | undefined)?.map((index) => ({
    IndexName: index['IndexName'],
    KeySchema: index['KeySchema'],
    Projection: index['Projection'],
  }));
  return {
    TableName,
    AttributeDefinitions,
    KeySchema,
    BillingMode: 'PAY_PER_REQUEST',
    ...(indexes ? { GlobalSecondaryIndexes: indexes } : {}),
  };
}
