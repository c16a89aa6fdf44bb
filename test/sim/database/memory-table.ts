import { createRequire } from 'node:module';
import { ConditionalCheckFailedException, type CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { plainItem, type TypedItem } from './attribute-values.ts';
import { type Expressions, parseExpressions, ValidationError } from './expressions.ts';

const load = createRequire(import.meta.url);
type Done = (error: unknown) => void;
type Action = (store: object, data: object, done: Done) => void;
const putItem = load('dynalite/actions/putItem.js') as Action;
const updateItem = load('dynalite/actions/updateItem.js') as Action;
const { matchesExprFilter, itemSize } = load('dynalite/db/index.js') as {
  matchesExprFilter: (item: TypedItem, expression: object) => boolean;
  itemSize: (item: TypedItem) => number;
};

const MOST_BYTES = 400 * 1024;

interface Key {
  hash: string;
  range?: string;
}

interface Stored {
  typed: TypedItem;
  /** Made when first asked for; frozen, because it is handed out again and again. */
  plain?: Record<string, unknown>;
}

export interface Query extends Expressions {
  IndexName?: string | undefined;
  ScanIndexForward?: boolean | undefined;
  Limit?: number | undefined;
  ExclusiveStartKey?: TypedItem | undefined;
}

export interface Effect {
  before: TypedItem | undefined;
  after: TypedItem;
}

/** One table in memory. Conditions and updates are evaluated by dynalite's own code, in one turn. */
export class MemoryTable {
  readonly name: string;
  readonly keySchema: NonNullable<CreateTableCommandInput['KeySchema']>;
  readonly #key: Key;
  readonly #indexes: ReadonlyMap<string, Key>;
  readonly #items = new Map<string, Stored>();
  readonly #definition: object;

  constructor({
    TableName,
    KeySchema = [],
    GlobalSecondaryIndexes,
    AttributeDefinitions,
  }: CreateTableCommandInput) {
    this.name = TableName ?? '';
    this.keySchema = KeySchema;
    this.#key = keyOf(KeySchema);
    this.#indexes = new Map(
      (GlobalSecondaryIndexes ?? []).map(({ IndexName = '', KeySchema: key = [] }) => [
        IndexName,
        keyOf(key),
      ]),
    );
    // With its indexes, so that a value of the wrong type for an index key is refused; they are queried here.
    this.#definition = {
      TableName,
      KeySchema,
      AttributeDefinitions,
      GlobalSecondaryIndexes,
      TableStatus: 'ACTIVE',
    };
  }

  get(key: TypedItem): TypedItem | undefined {
    return this.#items.get(this.#id(key))?.typed;
  }

  put(item: TypedItem, expressions: Expressions): Effect {
    if (itemSize(item) > MOST_BYTES)
      throw new ValidationError('Item size has exceeded the maximum allowed size');
    return this.#write(putItem, item, { Item: item, ...parseExpressions(expressions) });
  }

  update(key: TypedItem, expressions: Expressions): Effect {
    return this.#write(updateItem, key, { Key: { ...key }, ...parseExpressions(expressions) });
  }

  remove(key: TypedItem): TypedItem | undefined {
    const before = this.get(key);
    this.#items.delete(this.#id(key));
    return before;
  }

  query(query: Query): { items: TypedItem[]; last: TypedItem | undefined } {
    const key = query.IndexName === undefined ? this.#key : this.#indexes.get(query.IndexName);
    if (!key) throw new ValidationError(`The table does not have the specified index: ${query.IndexName}`);
    const condition = parseExpressions(query)['_keyCondition'];
    if (!condition)
      throw new ValidationError(
        'Either the KeyConditions or KeyConditionExpression parameter must be specified',
      );
    const found = [...this.#items.values()]
      .map(({ typed }) => typed)
      .filter((item) => inIndex(item, key) && matchesExprFilter(item, condition.expression))
      .toSorted((a, b) => this.#order(a, b, key));
    if (query.ScanIndexForward === false) found.reverse();
    const start = query.ExclusiveStartKey;
    const after = start === undefined ? 0 : 1 + found.findIndex((item) => this.#id(item) === this.#id(start));
    const items = found.slice(after, query.Limit === undefined ? undefined : after + query.Limit);
    const final = items.at(-1);
    const more = query.Limit !== undefined && items.length === query.Limit;
    return { items, last: more && final ? this.#position(final, key) : undefined };
  }

  /** Every item as the document client shows it; frozen, and the same object until the item changes. */
  plainItems(): Record<string, unknown>[] {
    return [...this.#items.values()].map(shown);
  }

  plainItem(key: TypedItem): Record<string, unknown> | undefined {
    const stored = this.#items.get(this.#id(key));
    return stored && shown(stored);
  }

  #write(action: Action, keyed: TypedItem, data: object): Effect {
    const id = this.#id(keyed);
    const before = this.#items.get(id)?.typed;
    let after: TypedItem | undefined;
    let refusal: unknown;
    const store = {
      options: { maxItemSize: MOST_BYTES },
      getTable: (_name: string, found: (error: null, table: object) => void) => found(null, this.#definition),
      getItemDb: () => ({
        lock: (_key: string, run: (release: (done: Done) => Done) => void) => run((done) => done),
        get: (_key: string, found: (error: { name: string } | null, item?: TypedItem) => void) =>
          before ? found(null, before) : found({ name: 'NotFoundError' }),
        put: (_key: string, item: TypedItem, done: Done) => {
          after = item;
          done(null);
        },
      }),
      // dynalite would keep the indexes here, in a database of its own.
      getIndexDb: () => ({ put: noted, del: noted }),
    };
    action(store, { TableName: this.name, ...data }, (error) => {
      refusal = error;
    });
    if (refusal) throw errorOf(refusal, before);
    if (!after) throw new Error('dynalite has not written in the turn in which it was asked');
    this.#items.set(id, { typed: after });
    return { before, after };
  }

  #id(item: TypedItem): string {
    const { hash, range } = this.#key;
    const part = (name: string) => {
      const value = item[name];
      const text = value?.S ?? value?.N;
      if (text === undefined)
        throw new ValidationError(`The provided key element ${name} does not match the schema`);
      return text;
    };
    return range === undefined ? part(hash) : `${part(hash)}\n${part(range)}`;
  }

  #order(a: TypedItem, b: TypedItem, { range }: Key): number {
    if (range !== undefined) {
      const byRange = compare(a[range], b[range]);
      if (byRange !== 0) return byRange;
    }
    const [x, y] = [this.#id(a), this.#id(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  }

  #position(item: TypedItem, key: Key): TypedItem {
    const names = [this.#key.hash, this.#key.range, key.hash, key.range];
    return Object.fromEntries(names.flatMap((name) => (name && item[name] ? [[name, item[name]]] : [])));
  }
}

function noted(_key: string, valueOrDone: unknown, done?: Done): void {
  (done ?? (valueOrDone as Done))(null);
}

function keyOf(schema: NonNullable<CreateTableCommandInput['KeySchema']>): Key {
  const named = (type: 'HASH' | 'RANGE') => schema.find(({ KeyType }) => KeyType === type)?.AttributeName;
  const range = named('RANGE');
  return { hash: named('HASH') ?? '', ...(range === undefined ? {} : { range }) };
}

/** An index holds only the items that have its whole key. */
function inIndex(item: TypedItem, { hash, range }: Key): boolean {
  return item[hash] !== undefined && (range === undefined || item[range] !== undefined);
}

function compare(a: TypedItem[string] | undefined, b: TypedItem[string] | undefined): number {
  if (a?.N !== undefined && b?.N !== undefined) return Number(a.N) - Number(b.N);
  const [x, y] = [a?.S ?? '', b?.S ?? ''];
  return x < y ? -1 : x > y ? 1 : 0;
}

function shown(stored: Stored): Record<string, unknown> {
  stored.plain ??= frozen(plainItem(stored.typed));
  return stored.plain;
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const one of Object.values(value)) frozen(one);
    Object.freeze(value);
  }
  return value;
}

function errorOf(refusal: unknown, before: TypedItem | undefined): Error {
  const { body } = refusal as { body?: Record<string, string | undefined> };
  const type = body?.['__type'] ?? '';
  if (type.endsWith('#ConditionalCheckFailedException')) {
    return new ConditionalCheckFailedException({
      $metadata: {},
      message: body?.['message'] ?? '',
      ...(before ? { Item: before } : {}),
    });
  }
  if (type.endsWith('#ValidationException')) return new ValidationError(body?.['message'] ?? '');
  return refusal instanceof Error ? refusal : new Error(JSON.stringify(refusal));
}
