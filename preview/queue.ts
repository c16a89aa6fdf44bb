import { findCondition } from './conditions.ts';
import { isLive } from './phases.ts';
import type { PreviewRow } from './record.ts';

/** Whether a preview has been told that it waits for a slot. */
export function isQueued({ phase, status }: Pick<PreviewRow, 'phase' | 'status'>): boolean {
  const admitted = findCondition(status.conditions, 'Admitted');
  return isLive(phase) && admitted?.status === 'False' && admitted.reason === 'CapacityExhausted';
}

/**
 * Where each waiting preview stands, by `preview_id`, counted from 1: slots go to the oldest first. Computed when it is
 * asked for, because a stored position would have to be written to everybody whenever one leaves the queue.
 */
export function queuePositions(rows: readonly PreviewRow[]): ReadonlyMap<string, number> {
  const waiting = rows.filter(isQueued).toSorted(byAge);
  return new Map(waiting.map(({ preview_id }, n) => [preview_id, n + 1]));
}

/** The order in which previews are admitted. */
export function byAge(
  a: Pick<PreviewRow, 'created_at' | 'id'>,
  b: Pick<PreviewRow, 'created_at' | 'id'>,
): number {
  return a.created_at.localeCompare(b.created_at) || a.id.localeCompare(b.id);
}
