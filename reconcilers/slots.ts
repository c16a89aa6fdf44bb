import type { Coordination, SlotTable } from '../preview/coordination.ts';
import { isDue } from '../preview/expiry.ts';
import { readHolder, slotHolder } from '../preview/names.ts';
import { isLive } from '../preview/phases.ts';
import { byAge } from '../preview/queue.ts';
import type { PreviewRow } from '../preview/record.ts';
import { judge } from './acceptance.ts';
import { allot, type Need, type Slot } from './allotment.ts';
import type { AlbConfig, ReconcilerConfig } from './config.ts';
import type { ReconcilerDeps } from './pass.ts';
import { chooseRollout, isRetryDue, suffixesOf } from './rollout.ts';

/** A slot that somebody holds, and for which address of a preview. */
export interface HeldSlot extends Slot {
  suffix: string;
}

export interface Claim {
  alb: AlbConfig;
  /** The slot of each address, by its suffix. */
  slots: ReadonlyMap<string, number>;
  /** What the preview holds besides, on another ALB; to be given back once the record names the slots that are used. */
  spare: readonly HeldSlot[];
  /** Of addresses that are not wanted any more: given back when what stood behind them is gone. */
  former: readonly HeldSlot[];
}

type Tables = readonly { alb: AlbConfig; table: SlotTable }[];
type Usable = (free: readonly Slot[]) => Promise<readonly Slot[]>;

/** How often a claim is tried again when another controller takes a slot first. */
const CLAIM_TRIES = 5;

/** Every slot that nobody holds, in the order in which slots are given out. */
export function freeSlots(tables: Tables): Slot[] {
  return tables.flatMap(({ alb, table }) =>
    Array.from({ length: alb.slots }, (_, n) => ({ alb, n })).filter(({ n }) => table.slots[n] === undefined),
  );
}

/** What a preview holds, on every ALB. */
function heldSlots(uid: string, tables: Tables): HeldSlot[] {
  return tables.flatMap(({ alb, table }) =>
    Object.entries(table.owners).flatMap(([holder, n]) => {
      const of = readHolder(holder);
      return of.uid === uid ? [{ alb, n, suffix: of.suffix }] : [];
    }),
  );
}

/** Two claims at one time, or one that came late, can leave slots on two ALBs: the one that the record names is in use. */
function homeOf({ status }: PreviewRow, held: readonly HeldSlot[]): AlbConfig | undefined {
  return (held.find(({ alb }) => alb.name === status.slot?.alb) ?? held[0])?.alb;
}

/** What a preview still needs, or undefined where it has all that it wants. */
function needOf(row: PreviewRow, suffixes: readonly string[], tables: Tables): Need | undefined {
  const held = heldSlots(row.preview_id, tables);
  const alb = homeOf(row, held);
  const has = new Set(held.filter((slot) => slot.alb === alb).map(({ suffix }) => suffix));
  const missing = suffixes.filter((suffix) => !has.has(suffix));
  if (missing.length === 0) return undefined;
  return { row, suffixes: missing, ...(alb === undefined ? {} : { alb }) };
}

/**
 * Who waits for slots, the oldest first. A preview that could not use them, because its time is up or nothing acceptable
 * was ever stored, does not wait: it must not hold up those behind it.
 */
export function waitingPreviews(
  rows: readonly PreviewRow[],
  tables: Tables,
  config: ReconcilerConfig,
  now: Date,
): Need[] {
  return rows
    .filter(({ phase }) => isLive(phase))
    .toSorted(byAge)
    .flatMap((row) => {
      const { accepted, expires_at } = judge(row, config);
      if (accepted === undefined || isDue(expires_at, now)) return [];
      const { spec } = chooseRollout(row, accepted, isRetryDue(row.status, now, config));
      return needOf(row, suffixesOf(spec), tables) ?? [];
    });
}

/**
 * The slots of a preview, one for each of its addresses and all on one ALB: those that it holds, else free ones, reserved
 * before anything is created with them, all at once. The oldest of those that wait is served first, and each takes its
 * share of what is free, so that claims at one time do not meet. Undefined when there are not enough for it yet. `usable`
 * tells in which slots of an ALB a stranger's rule stands.
 */
export async function claimSlots(
  row: PreviewRow,
  suffixes: readonly string[],
  deps: Pick<ReconcilerDeps, 'config' | 'coordination' | 'store' | 'clock'>,
  usable: Usable = async (free) => free,
): Promise<Claim | undefined> {
  const { config, coordination, store, clock } = deps;
  for (let attempt = 0; attempt < CLAIM_TRIES; attempt += 1) {
    const tables = await readTables(config.albs, coordination);
    const need = needOf(row, suffixes, tables);
    if (!need) return claimOf(row, suffixes, tables);
    const free = await usable(freeSlots(tables));
    if (free.length === 0) return undefined;
    const rows = await Array.fromAsync(store.live());
    const before = waitingPreviews(rows, tables, config, clock.now()).filter(
      (other) => other.row.preview_id !== row.preview_id && byAge(other.row, row) < 0,
    );
    const given = allot([...before, need], free).get(row.preview_id);
    const [first] = given ?? [];
    if (!given || !first) return undefined;
    const wanted = given.map(({ n }, i) => ({
      n,
      holder: slotHolder(row.preview_id, need.suffixes[i] ?? ''),
    }));
    if (await coordination.reserveSlots(first.alb.name, wanted))
      return claimOf(row, suffixes, await readTables([first.alb], coordination));
  }
  return undefined;
}

function claimOf(row: PreviewRow, suffixes: readonly string[], tables: Tables): Claim | undefined {
  const held = heldSlots(row.preview_id, tables);
  const alb = homeOf(row, held);
  if (!alb) return undefined;
  const here = held.filter((slot) => slot.alb === alb);
  const wanted = here.filter(({ suffix }) => suffixes.includes(suffix));
  return {
    alb,
    slots: new Map(wanted.map(({ suffix, n }) => [suffix, n])),
    spare: held.filter((slot) => slot.alb !== alb),
    former: here.filter(({ suffix }) => !suffixes.includes(suffix)),
  };
}

interface Move {
  usable: Usable;
  /** Makes the old slot fit to be given back. */
  clear: () => Promise<void>;
}

/** Changes a slot of a preview for another one of the same ALB. False when there is none, or somebody was faster. */
export async function moveSlot(
  { preview_id: uid }: Pick<PreviewRow, 'preview_id'>,
  { alb, n, suffix }: HeldSlot,
  coordination: Coordination,
  { usable, clear }: Move,
): Promise<boolean> {
  const table = await coordination.readSlots(alb.name);
  const [next] = await usable(freeSlots([{ alb, table }]));
  if (!next) return false;
  await clear();
  return coordination.moveSlot(alb.name, n, next.n, slotHolder(uid, suffix));
}

async function readTables(albs: readonly AlbConfig[], coordination: Coordination): Promise<Tables> {
  const tables: { alb: AlbConfig; table: SlotTable }[] = [];
  for (const alb of albs) tables.push({ alb, table: await coordination.readSlots(alb.name) });
  return tables;
}

/** Whatever slots the preview holds, on every ALB: the record's own word for it is only a hint. */
export async function readHeldSlots(
  { preview_id: uid }: Pick<PreviewRow, 'preview_id'>,
  albs: readonly AlbConfig[],
  coordination: Coordination,
): Promise<HeldSlot[]> {
  return heldSlots(uid, await readTables(albs, coordination));
}

export async function releaseSlots(
  row: Pick<PreviewRow, 'preview_id'>,
  albs: readonly AlbConfig[],
  coordination: Coordination,
): Promise<void> {
  await giveBack(row, await readHeldSlots(row, albs, coordination), coordination);
}

export async function giveBack(
  { preview_id: uid }: Pick<PreviewRow, 'preview_id'>,
  held: readonly HeldSlot[],
  coordination: Coordination,
): Promise<void> {
  for (const { alb, n, suffix } of held) await coordination.freeSlot(alb.name, n, slotHolder(uid, suffix));
}

/** Has those looked at that have waited longest, as far as what is free now goes round. */
export async function wakeNext(
  deps: Pick<ReconcilerDeps, 'config' | 'coordination' | 'store' | 'clock' | 'wake'>,
): Promise<void> {
  const { config, coordination, store, clock, wake } = deps;
  if (!wake) return;
  const tables = await readTables(config.albs, coordination);
  const waiting = waitingPreviews(await Array.fromAsync(store.live()), tables, config, clock.now());
  const given = allot(waiting, freeSlots(tables));
  for (const { row } of waiting) if (given.has(row.preview_id)) wake(row.id);
}
