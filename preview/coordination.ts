import { conditional } from './store.ts';
import type { TableClient } from './table-client.ts';

/**
 * Never held, or still exactly as `seen`, be that free or held: see controller/lease.ts. Nobody takes a lease that moved
 * since he looked, even if it is free again, so that `tenure` only ever rises.
 */
const UNUSED_OR_SEEN = 'attribute_not_exists(#key) OR (holder = :seenHolder AND tenure = :seenTenure)';
/** A renewal or a release rests on the very tenure it belongs to. */
const STILL_MINE = 'holder = :me AND tenure = :mine';
const SLOT_MINE = 'slots.#n = :holder';
/** One write, so that a preview that moves holds a slot at every instant, and never two. */
const MINE_AND_OTHER_FREE = 'slots.#from = :holder AND attribute_not_exists(slots.#to)';

/** The holder of a lease that was given back. */
export const NOBODY = '-';

/** The leader lease as stored. `tenure` rises with every write of its holder: a heartbeat without clocks. */
export interface LeaseRow {
  holder: string;
  tenure: number;
  /** Which host and state folder the holder runs on, so that a restarted process knows its own dead predecessor. */
  home?: string;
  pid?: number;
}

/** Which holders (names.ts, `slotHolder`) have which rule slots of one ALB. */
export interface SlotTable {
  slots: Record<string, string>;
  owners: Record<string, number>;
}

export interface Checkpoint {
  sequence_number?: string;
  /** The shard has been read to its end. */
  ended?: boolean;
  /** DynamoDB TTL, epoch seconds. */
  purge_at?: number;
}

function each(items: readonly unknown[], write: (i: number) => string): string[] {
  return items.map((_, i) => write(i));
}

export interface CoordinationDeps {
  client: TableClient;
  table: string;
}

/** The coordination table: everything that controllers agree on and that wakes nobody. */
export class Coordination {
  readonly #client: TableClient;
  readonly #table: string;

  constructor({ client, table }: CoordinationDeps) {
    this.#client = client;
    this.#table = table;
  }

  async #read<T extends object>(key: string): Promise<T | undefined> {
    const { Item } = await this.#client.get({ TableName: this.#table, Key: { key }, ConsistentRead: true });
    return Item as T | undefined;
  }

  readLease(name: string): Promise<LeaseRow | undefined> {
    return this.#read<LeaseRow>(`lease#${name}`);
  }

  /** Takes the lease if it is still as `seen`; answers the new row, or undefined when somebody was faster. */
  async takeLease(
    name: string,
    mine: Omit<LeaseRow, 'tenure'>,
    seen?: LeaseRow,
  ): Promise<LeaseRow | undefined> {
    const next: LeaseRow = { ...mine, tenure: (seen?.tenure ?? 0) + 1 };
    const taken = await conditional(
      this.#client.put({
        TableName: this.#table,
        Item: { key: `lease#${name}`, ...next },
        ConditionExpression: UNUSED_OR_SEEN,
        ExpressionAttributeNames: { '#key': 'key' },
        ExpressionAttributeValues: {
          ':seenHolder': seen?.holder ?? NOBODY,
          ':seenTenure': seen?.tenure ?? 0,
        },
      }),
    );
    return taken ? next : undefined;
  }

  /** Raises the tenure of a held lease, or answers undefined when it is no longer held. */
  async renewLease(name: string, held: LeaseRow): Promise<LeaseRow | undefined> {
    const next = { ...held, tenure: held.tenure + 1 };
    return (await this.#writeHeld(name, held, next)) ? next : undefined;
  }

  /** Gives the lease up, so that a standby need not wait for it to run out. False when it is not `held` any more. */
  releaseLease(name: string, held: LeaseRow): Promise<boolean> {
    return this.#writeHeld(name, held, { holder: NOBODY, tenure: held.tenure + 1 });
  }

  #writeHeld(name: string, held: LeaseRow, next: LeaseRow): Promise<boolean> {
    return conditional(
      this.#client.put({
        TableName: this.#table,
        Item: { key: `lease#${name}`, ...next },
        ConditionExpression: STILL_MINE,
        ExpressionAttributeValues: { ':me': held.holder, ':mine': held.tenure },
      }),
    );
  }

  async readCheckpoint(shardId: string): Promise<Checkpoint> {
    return (await this.#read<Checkpoint>(`checkpoint#${shardId}`)) ?? {};
  }

  async writeCheckpoint(shardId: string, checkpoint: Checkpoint): Promise<void> {
    await this.#client.put({ TableName: this.#table, Item: { key: `checkpoint#${shardId}`, ...checkpoint } });
  }

  async readSlots(alb: string): Promise<SlotTable> {
    return (await this.#read<SlotTable>(`slots#${alb}`)) ?? { slots: {}, owners: {} };
  }

  /**
   * Reserves slots, each for a holder of its own: all of them or none, and both directions, in one write. Two creates
   * never get one slot, and no holder gets two. False when a slot is taken or a holder has one already.
   */
  async reserveSlots(alb: string, wanted: readonly { n: number; holder: string }[]): Promise<boolean> {
    const Key = { key: `slots#${alb}` };
    await conditional(
      this.#client.put({
        TableName: this.#table,
        Item: { ...Key, slots: {}, owners: {} },
        ConditionExpression: 'attribute_not_exists(#key)',
        ExpressionAttributeNames: { '#key': 'key' },
      }),
    );
    return conditional(
      this.#client.update({
        TableName: this.#table,
        Key,
        UpdateExpression: `SET ${each(wanted, (i) => `slots.#n${i} = :h${i}, owners.#h${i} = :n${i}`).join(', ')}`,
        ConditionExpression: each(
          wanted,
          (i) => `attribute_not_exists(slots.#n${i}) AND attribute_not_exists(owners.#h${i})`,
        ).join(' AND '),
        ExpressionAttributeNames: Object.fromEntries(
          wanted.flatMap(({ n, holder }, i) => [
            [`#n${i}`, String(n)],
            [`#h${i}`, holder],
          ]),
        ),
        ExpressionAttributeValues: Object.fromEntries(
          wanted.flatMap(({ n, holder }, i) => [
            [`:n${i}`, n],
            [`:h${i}`, holder],
          ]),
        ),
      }),
    );
  }

  /** Changes slot `from` of `holder` for slot `to`. False when `from` is not its own any more, or `to` is taken. */
  moveSlot(alb: string, from: number, to: number, holder: string): Promise<boolean> {
    return conditional(
      this.#client.update({
        TableName: this.#table,
        Key: { key: `slots#${alb}` },
        UpdateExpression: 'SET slots.#to = :holder, owners.#holder = :to REMOVE slots.#from',
        ConditionExpression: MINE_AND_OTHER_FREE,
        ExpressionAttributeNames: { '#from': String(from), '#to': String(to), '#holder': holder },
        ExpressionAttributeValues: { ':to': to, ':holder': holder },
      }),
    );
  }

  /** Frees slot `n` if it is still this holder's; freeing twice is harmless. */
  async freeSlot(alb: string, n: number, holder: string): Promise<void> {
    await conditional(
      this.#client.update({
        TableName: this.#table,
        Key: { key: `slots#${alb}` },
        UpdateExpression: 'REMOVE slots.#n, owners.#holder',
        ConditionExpression: SLOT_MINE,
        ExpressionAttributeNames: { '#n': String(n), '#holder': holder },
        ExpressionAttributeValues: { ':holder': holder },
      }),
    );
  }

  /** Marks an incarnation as being torn down, so that a stale copy of its record revives nothing. */
  async markGone(previewId: string): Promise<void> {
    await this.#client.put({ TableName: this.#table, Item: { key: `gone#${previewId}` } });
  }

  async isGone(previewId: string): Promise<boolean> {
    return (await this.#read(`gone#${previewId}`)) !== undefined;
  }
}
