import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

/** An item in DynamoDB's own JSON: `{ id: { S: 'x' }, ttl: { N: '3' } }`. */
export type Item = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface KeyElement {
  AttributeName: string;
  KeyType: 'HASH' | 'RANGE';
}

/** The positions 0 … 2³² − 1 over which the shards of a stream share out the items. */
export const POSITIONS = 2 ** 32;

const SETS: ReadonlySet<string> = new Set(['SS', 'NS', 'BS']);

/** True when a write that left `after` where `before` was has changed nothing. Sets have no order. */
export function sameItem(before: Item | undefined, after: Item | undefined): boolean {
  return isDeepStrictEqual(canonical(before), canonical(after));
}

function canonical(value: unknown, type = ''): unknown {
  if (Array.isArray(value)) {
    const members = value.map((member) => canonical(member));
    return SETS.has(type) ? new Set(members) : members;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, canonical(member, name)]));
}

/** The key attributes of an item; undefined when one is missing, which DynamoDB refuses. */
export function keyOf(item: Item, schema: readonly KeyElement[]): Item | undefined {
  const key: Record<string, Item[string]> = {};
  for (const { AttributeName } of schema) {
    const value = item[AttributeName];
    if (!value) return undefined;
    key[AttributeName] = value;
  }
  return key;
}

/** Where a key lies among the POSITIONS: the same for the same partition key, always. */
export function positionOf(key: Item, schema: readonly KeyElement[]): number {
  const hashKey = schema.find(({ KeyType }) => KeyType === 'HASH')?.AttributeName ?? '';
  return createHash('sha256')
    .update(JSON.stringify(key[hashKey] ?? null))
    .digest()
    .readUInt32BE(0);
}
