import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';

import type { Item, KeyElement } from './item.ts';
import { type Answer, Refusal } from './refusal.ts';

const OPERATIONS = [
  'BatchGetItem',
  'BatchWriteItem',
  'CreateTable',
  'DeleteItem',
  'DeleteTable',
  'DescribeTable',
  'GetItem',
  'ListTables',
  'ListTagsOfResource',
  'PutItem',
  'Query',
  'Scan',
  'TagResource',
  'UntagResource',
  'UpdateItem',
  'UpdateTable',
] as const;
export type EngineOperation = (typeof OPERATIONS)[number];

export interface TableDescription {
  TableName: string;
  TableArn: string;
  TableStatus: string;
  KeySchema: KeyElement[];
  GlobalSecondaryIndexes?: { IndexStatus: string }[];
}

interface Store {
  db: { open(): Promise<void>; close(done: (error?: Error | null) => void): void };
  tableDb: {
    awsAccountId: string;
    awsRegion: string;
    put(name: string, table: TableDescription, done: (error?: Error | null) => void): void;
  };
}
type Action = (store: Store, request: object, done: (error: unknown, body?: Answer['body']) => void) => void;
interface Validation {
  types: object;
  custom?: unknown;
}

// dynalite's own index.js is an HTTP server around these parts. The parts are used without it: a port on this machine
// would let any page in a browser write to the tables past the streams, and would cost a round trip a read.
const load = createRequire(import.meta.url);
const { create } = load('dynalite/db/index.js') as { create: (options: object) => Store };
const { checkTypes, checkValidations } = load('dynalite/validations/index.js') as {
  checkTypes: (request: object, types: object) => object;
  checkValidations: (request: object, types: object, custom: unknown, store: Store) => void;
};
const operations = new Map(
  OPERATIONS.map((name): [string, { action: Action; validation: Validation }] => {
    const file = `${name.charAt(0).toLowerCase()}${name.slice(1)}.js`;
    const action = load(`dynalite/actions/${file}`) as Action;
    return [name, { action, validation: load(`dynalite/validations/${file}`) as Validation }];
  }),
);

/** DynamoDB's tables, items, indexes and expressions, by dynalite, inside this process. It knows no streams. */
export class DynaliteEngine {
  readonly #store: Store;

  private constructor(store: Store) {
    this.#store = store;
  }

  /** Opens the tables in the folder `path`, or empty ones in memory. Throws when another process has them open. */
  static async open(path?: string): Promise<DynaliteEngine> {
    const at = path === undefined ? {} : { path };
    const store = create({ ...at, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
    // dynalite would take these from the environment of the user's other AWS work.
    store.tableDb.awsAccountId = '000000000000';
    store.tableDb.awsRegion = 'us-east-1';
    await store.db.open();
    const engine = new DynaliteEngine(store);
    for (const name of await engine.tables()) await engine.#finishTransition(name);
    return engine;
  }

  knows(operation: string): boolean {
    return operations.has(operation);
  }

  /** Performs one operation. A refusal is an answer too; it rejects only when the store itself fails. */
  async call(operation: string, request: object): Promise<Answer> {
    const known = operations.get(operation);
    if (!known) throw new Refusal('UnknownOperationException', `${operation} is not modelled`);
    const { action, validation } = known;
    try {
      // dynalite normalises in place, and what it is given belongs to the caller.
      const data = checkTypes(structuredClone(request), validation.types);
      checkValidations(data, validation.types, validation.custom, this.#store);
      // Where AWS answers nothing, dynalite answers an empty text, which is no JSON document.
      const body = await new Promise<Answer['body']>((resolve, reject) => {
        action(this.#store, data, (error, result) => (error ? reject(error) : resolve(result || {})));
      });
      return { status: 200, body };
    } catch (error) {
      const { statusCode, body } = error as { statusCode?: number; body?: Answer['body'] };
      if (statusCode === undefined) throw error;
      return { status: statusCode, body: body ?? {} };
    }
  }

  /** Undefined when there is no such table. */
  async describe(table: unknown): Promise<TableDescription | undefined> {
    const { status, body } = await this.call('DescribeTable', { TableName: table });
    return status === 200 ? (body['Table'] as TableDescription) : undefined;
  }

  /** The item as it is now; `refused` when DynamoDB does not accept the key. */
  async read(table: string, key: Item): Promise<{ refused: boolean; item?: Item }> {
    const { status, body } = await this.call('GetItem', { TableName: table, Key: key, ConsistentRead: true });
    const item = body['Item'] as Item | undefined;
    return { refused: status !== 200, ...(item && { item }) };
  }

  /** Waits out CREATING, UPDATING and DELETING, in which a table is there for some operations and not for others. */
  async settled(table: unknown): Promise<void> {
    for (let turn = 0; turn < 100_000; turn++) {
      const found = await this.describe(table);
      if (!found || found.TableStatus === 'ACTIVE') return;
      await setImmediate();
    }
    throw new Error(`the table ${String(table)} stays in transition`);
  }

  async tables(): Promise<string[]> {
    const names: string[] = [];
    let last: unknown;
    do {
      const from = last === undefined ? {} : { ExclusiveStartTableName: last };
      const { body } = await this.call('ListTables', from);
      names.push(...(body['TableNames'] as string[]));
      last = body['LastEvaluatedTableName'];
    } while (last !== undefined);
    return names;
  }

  /** A kill leaves a table in CREATING, UPDATING or DELETING for ever: dynalite ends these by a timer only. */
  async #finishTransition(name: string): Promise<void> {
    const table = await this.describe(name);
    if (!table || table.TableStatus === 'ACTIVE') return;
    if (table.TableStatus === 'DELETING') {
      await this.call('DeleteTable', { TableName: name });
      await this.settled(name);
      return;
    }
    table.TableStatus = 'ACTIVE';
    for (const index of table.GlobalSecondaryIndexes ?? []) index.IndexStatus = 'ACTIVE';
    await new Promise<void>((resolve, reject) => {
      this.#store.tableDb.put(name, table, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#store.db.close((error) => (error ? reject(error) : resolve()));
    });
  }
}
