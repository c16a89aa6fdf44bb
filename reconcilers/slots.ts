import type { Coordination, SlotTable } from '../preview/coordination.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { AlbConfig } from './config.ts';

export interface Slot {
  alb: AlbConfig;
  n: number;
}

/** How often a claim is tried again when another controller takes the slot first. */
const CLAIM_TRIES = 5;

/** The lowest slot that nobody holds, or undefined when the ALB is full. */
export function freeSlot(table: SlotTable, capacity: number): number | undefined {
  for (let n = 0; n < capacity; n += 1) if (table.slots[n] === undefined) return n;
  return undefined;
}

/**
 * The slot of a preview: the one it holds, else a free one, reserved before anything is created with it. Undefined
 * when every ALB is full.
 */
export async function claimSlot(
  { preview_id: uid }: Pick<PreviewRow, 'preview_id'>,
  albs: readonly AlbConfig[],
  coordination: Coordination,
): Promise<Slot | undefined> {
  for (const alb of albs) {
    for (let attempt = 0; attempt < CLAIM_TRIES; attempt += 1) {
      const table = await coordination.readSlots(alb.name);
      const held = table.owners[uid];
      if (held !== undefined) return { alb, n: held };
      const n = freeSlot(table, alb.slots);
      if (n === undefined) break;
      if (await coordination.reserveSlot(alb.name, n, uid)) return { alb, n };
    }
  }
  return undefined;
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
