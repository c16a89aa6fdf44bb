import { type CreateTableCommandInput, ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import type { StreamsPort, TablePort } from '../../../aws/ports.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Random } from '../../../platform/random.ts';
import type { TableClient } from '../../../preview/table-client.ts';
import { plainItem, type TypedItem, typedItem } from './attribute-values.ts';
import type { Expressions } from './expressions.ts';
import { type Effect, MemoryTable } from './memory-table.ts';
import { MemoryStreams } from './memory-streams.ts';

export interface MemoryDatabaseOptions {
  clock: Clock;
  random: Random;
  /** An open shard ends at this age and a child takes over. */
  shardLifeMs?: number;
}

/** What one write did to one item, as the document client shows items; frozen. */
export interface Change {
  table: string;
  before: Record<string, unknown> | undefined;
  after: Record<string, unknown> | undefined;
}

type Listener = (change: Change) => void;
type Keyed = Record<string, unknown>;

const HOURS_4 = 4 * 3_600_000;

/**
 * DynamoDB with streams, in memory and on an injected clock: every call has its whole effect in the turn in which it
 * is made. Conditions, updates and the refusal of bad requests are dynalite's; reads are always consistent.
 */
export class MemoryDatabase {
  readonly #tables = new Map<string, MemoryTable>();
  readonly #streams: MemoryStreams;
  readonly #listeners: Listener[] = [];

  constructor({ clock, random, shardLifeMs = HOURS_4 }: MemoryDatabaseOptions) {
    this.#streams = new MemoryStreams({ clock, random, shardLifeMs });
  }

  createTable(input: CreateTableCommandInput): void {
    const table = new MemoryTable(input);
    this.#tables.set(table.name, table);
    if (input.StreamSpecification?.StreamEnabled) this.#streams.switch(table, true);
  }

  readonly document: TableClient = {
    get: async ({ TableName, Key = {} }) => {
      const item = this.#table(TableName).get(typedItem(Key));
      return { Item: item && plainItem(item) };
    },
    put: async (input) => {
      const item = typedItem(input.Item ?? {});
      const table = this.#table(input.TableName);
      return this.#wrote(table, table.put(item, expressionsOf(input)));
    },
    update: async (input) => {
      const table = this.#table(input.TableName);
      return this.#wrote(table, table.update(typedItem(input.Key ?? {}), expressionsOf(input)));
    },
    query: async (input) => {
      const { IndexName, ScanIndexForward, Limit, ExclusiveStartKey: start } = input;
      const { items, last } = this.#table(input.TableName).query({
        ...expressionsOf(input),
        IndexName,
        ScanIndexForward,
        Limit,
        ExclusiveStartKey: start && typedItem(start),
      });
      return { Items: items.map(plainItem), LastEvaluatedKey: last && plainItem(last) };
    },
  };

  readonly dynamodb: TablePort = {
    describeTable: async ({ TableName }) => {
      const arn = this.#streams.latestArn(this.#table(TableName).name);
      return { Table: { TableName, ...(arn === undefined ? {} : { LatestStreamArn: arn }) } };
    },
  };

  get streams(): StreamsPort {
    return this.#streams.port;
  }

  rollShards(table: string, children = 1): void {
    this.#streams.roll(table, children);
  }

  trim(table: string): void {
    this.#streams.trim(table);
  }

  /** Off: the stream takes nothing more. On again: a new one, with a new ARN. */
  switchStream(table: string, on: boolean): void {
    this.#streams.switch(this.#table(table), on);
  }

  /** What DynamoDB's time to live does to an item, sooner or later. */
  purge(name: string, key: Keyed): void {
    const table = this.#table(name);
    const before = table.remove(typedItem(key));
    if (!before) return;
    this.#streams.record(table, typedItem(key), before, undefined);
    this.#tell({ table: name, before: plainItem(before), after: undefined });
  }

  items(table: string): Record<string, unknown>[] {
    return this.#table(table).plainItems();
  }

  item(table: string, key: Keyed): Record<string, unknown> | undefined {
    return this.#table(table).plainItem(typedItem(key));
  }

  /** Called once for each write that changes something, in the turn in which it does. */
  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  #table(name: string | undefined): MemoryTable {
    const table = this.#tables.get(name ?? '');
    if (table) return table;
    const message = 'Cannot do operations on a non-existent table';
    throw new ResourceNotFoundException({ $metadata: {}, message });
  }

  #wrote(table: MemoryTable, { before, after }: Effect): Record<string, never> {
    if (before && JSON.stringify(before) === JSON.stringify(after)) return {};
    const key = Object.fromEntries(
      table.keySchema.map(({ AttributeName = '' }) => [AttributeName, after[AttributeName]]),
    ) as TypedItem;
    this.#streams.record(table, key, before, after);
    if (this.#listeners.length > 0) {
      this.#tell({ table: table.name, before: before && plainItem(before), after: table.plainItem(after) });
    }
    return {};
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

interface Input {
  UpdateExpression?: string | undefined;
  ConditionExpression?: string | undefined;
  KeyConditionExpression?: string | undefined;
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Record<string, unknown> | undefined;
}

function expressionsOf(input: Input): Expressions {
  const { UpdateExpression, ConditionExpression, KeyConditionExpression } = input;
  const { ExpressionAttributeNames, ExpressionAttributeValues: values } = input;
  return {
    ...(UpdateExpression === undefined ? {} : { UpdateExpression }),
    ...(ConditionExpression === undefined ? {} : { ConditionExpression }),
    ...(KeyConditionExpression === undefined ? {} : { KeyConditionExpression }),
    ...(ExpressionAttributeNames ? { ExpressionAttributeNames } : {}),
    ...(values ? { ExpressionAttributeValues: typedItem(values) } : {}),
  };
}
