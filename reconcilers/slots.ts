import type { Coordination, SlotTable } from '../preview/coordination.ts';
import { isDue } from '../preview/expiry.ts';
import { isLive } from '../preview/phases.ts';
import { byAge } from '../preview/queue.ts';
import type { PreviewRow } from '../preview/record.ts';
import { judge } from './acceptance.ts';
import type { AlbConfig, ReconcilerConfig } from './config.ts';
import type { ReconcilerDeps } from './pass.ts';

export interface Slot {
  alb: AlbConfig;
  n: number;
}

export interface Claim {
  slot: Slot;
  /** What the preview holds besides; to be given back once the record names the slot that is used. */
  spare: readonly Slot[];
}

type Tables = readonly { alb: AlbConfig; table: SlotTable }[];

/** How often a claim is tried again when another controller takes the slot first. */
const CLAIM_TRIES = 5;

/** Every slot that nobody holds, in the order in which slots are given out. */
export function freeSlots(tables: Tables): Slot[] {
  return tables.flatMap(({ alb, table }) =>
    Array.from({ length: alb.slots }, (_, n) => ({ alb, n })).filter(({ n }) => table.slots[n] === undefined),
  );
}

/**
 * Who waits for a slot, the oldest first. A preview that could not use one, because its time is up or nothing
 * acceptable was ever stored, does not wait: it must not hold up those behind it.
 */
export function waitingPreviews(
  rows: readonly PreviewRow[],
  tables: Tables,
  config: ReconcilerConfig,
  now: Date,
): PreviewRow[] {
  const holders = new Set(tables.flatMap(({ table }) => Object.keys(table.owners)));
  return rows
    .filter((row) => {
      if (!isLive(row.phase) || holders.has(row.preview_id)) return false;
      const { accepted, expires_at } = judge(row, config);
      return accepted !== undefined && !isDue(expires_at, now);
    })
    .toSorted(byAge);
}

/**
 * The slot of a preview: the one it holds, else a free one, reserved before anything is created with it. The oldest
 * of those that wait is served first: the n-th of them gets the n-th free slot, so that claims at one time do not meet.
 * Undefined when there is none for it yet. `usable` tells which of an ALB's slots a stranger's rule stands in.
 */
export async function claimSlot(
  row: PreviewRow,
  deps: Pick<ReconcilerDeps, 'config' | 'coordination' | 'store' | 'clock'>,
  usable: (free: readonly Slot[]) => Promise<readonly Slot[]> = async (free) => free,
): Promise<Claim | undefined> {
  const { config, coordination, store, clock } = deps;
  for (let attempt = 0; attempt < CLAIM_TRIES; attempt += 1) {
    const tables = await readTables(config.albs, coordination);
    const held = heldSlots(row, tables);
    if (held) return held;
    const free = await usable(freeSlots(tables));
    if (free.length === 0) return undefined;
    const rows = await Array.fromAsync(store.live());
    const before = waitingPreviews(rows, tables, config, clock.now()).filter(
      (other) => other.preview_id !== row.preview_id && byAge(other, row) < 0,
    );
    const slot = free[before.length];
    if (!slot) return undefined;
    if (await coordination.reserveSlot(slot.alb.name, slot.n, row.preview_id)) return { slot, spare: [] };
  }
  return undefined;
}

/** Two claims at one time, or one that came late, can leave two: the one that the record names is the one in use. */
function heldSlots({ preview_id: uid, status }: PreviewRow, tables: Tables): Claim | undefined {
  const held = tables.flatMap(({ alb, table }) => {
    const n = table.owners[uid];
    return n === undefined ? [] : [{ alb, n }];
  });
  const slot = held.find(({ alb }) => alb.name === status.slot?.alb) ?? held[0];
  return slot && { slot, spare: held.filter((other) => other !== slot) };
}

interface Move {
  usable: (free: readonly Slot[]) => Promise<readonly Slot[]>;
  /** Makes the old slot fit to be given back. */
  clear: () => Promise<void>;
}

/** Changes the slot of a preview for another one of the same ALB. False when there is none, or somebody was faster. */
export async function moveSlot(
  { preview_id: uid }: Pick<PreviewRow, 'preview_id'>,
  { alb, n }: Slot,
  coordination: Coordination,
  { usable, clear }: Move,
): Promise<boolean> {
  const table = await coordination.readSlots(alb.name);
  const [next] = await usable(freeSlots([{ alb, table }]));
  if (!next) return false;
  await clear();
  return coordination.moveSlot(alb.name, n, next.n, uid);
}

async function readTables(albs: readonly AlbConfig[], coordination: Coordination): Promise<Tables> {
  const tables: { alb: AlbConfig; table: SlotTable }[] = [];
  for (const alb of albs) tables.push({ alb, table: await coordination.readSlots(alb.name) });
  return tables;
}

/** Frees whatever slot the preview holds, on every ALB: the record's own word for it is only a hint. */
export async function releaseSlots(
  { preview_id: uid }: Pick<PreviewRow, 'preview_id'>,
  albs: readonly AlbConfig[],
  coordination: Coordination,
): Promise<void> {
  for (const { name } of albs) {
    const n = (await coordination.readSlots(name)).owners[uid];
    if (n !== undefined) await coordination.freeSlot(name, n, uid);
  }
}

/** Has the preview looked at that has waited longest, now that a slot is free. */
export async function wakeNext(
  deps: Pick<ReconcilerDeps, 'config' | 'coordination' | 'store' | 'clock' | 'wake'>,
): Promise<void> {
  const { config, coordination, store, clock, wake } = deps;
  if (!wake) return;
  const tables = await readTables(config.albs, coordination);
  const [next] = waitingPreviews(await Array.fromAsync(store.live()), tables, config, clock.now());
  if (next) wake(next.id);
}
