import { readHolder } from '../preview/names.ts';
import { isLive } from '../preview/phases.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { SlotTable } from '../preview/coordination.ts';
import type { ReconcilerConfig } from './config.ts';
import type { Proof, Standing } from './inventory.ts';
import { rulePriorities } from './plan-endpoint.ts';

/** Something of this install that no live record accounts for. */
export interface Stray {
  kind: Standing['kind'] | 'slot';
  /** Unique among its kind. */
  key: string;
  id: string;
  uid?: string;
  arn?: string;
  alb?: string;
  /** Of a slot. */
  holder?: string;
  reason: 'NoRecord' | 'OtherIncarnation' | 'SpareRule';
  kept: boolean;
}

/** The live records and slots that what stands in AWS is held against. */
export interface Accounted {
  rows: readonly PreviewRow[];
  slots: ReadonlyMap<string, SlotTable>;
}

/** Names a resource among all kinds. */
export function standingKey({ kind, key }: Pick<Standing, 'kind' | 'key'>): string {
  return `${kind} ${key}`;
}

/**
 * What needs a look at its tags: rules always, since they have no names; what has a name, when no record has it, or
 * when the record says that a stranger holds it. All else each pass proves its own before it touches it.
 */
export function needsProof(standing: readonly Standing[], { rows }: Accounted): Standing[] {
  const content = new Set(rows.filter((row) => !hasConflict(row)).map(({ id }) => id));
  return standing.filter(({ kind, id }) => kind === 'listener-rule' || !content.has(id));
}

function hasConflict({ status }: PreviewRow): boolean {
  return status.conditions.some(({ reason }) => reason === 'NameConflict');
}

/**
 * Which of what stands is a stray. Only own tags make it one; a schedule has none, and is ours by its group and name.
 * `proofs` has the tags by `standingKey`; what has none is gone by now.
 */
export function judgeStrays(
  standing: readonly Standing[],
  proofs: ReadonlyMap<string, Proof>,
  accounted: Accounted,
  config: ReconcilerConfig,
): Stray[] {
  const byUid = new Map(accounted.rows.map((row) => [row.preview_id, row]));
  const byId = new Map(accounted.rows.map((row) => [row.id, row]));
  const strays = standing.flatMap((one): Stray[] => {
    const { kind, key, arn, place } = one;
    if (kind === 'schedule') {
      return byId.has(one.id) ? [] : [{ kind, key, id: one.id, reason: 'NoRecord', kept: false }];
    }
    const proof = proofs.get(standingKey(one));
    if (!proof || proof.install !== config.install || proof.uid === undefined) return [];
    const row = byUid.get(proof.uid);
    const id = proof.preview ?? one.id;
    const stray = { kind, key, id, uid: proof.uid, kept: proof.kept, ...(arn === undefined ? {} : { arn }) };
    if (!row) return [{ ...stray, reason: byId.has(id) ? 'OtherIncarnation' : 'NoRecord' }];
    return place && isSpare(row, place, accounted) ? [{ ...stray, reason: 'SpareRule' }] : [];
  });
  return [...strays, ...straySlots(accounted, byUid)];
}

/**
 * A rule of a live preview that stands where its slot does not say. Without a slot there is nothing to say yet, and what
 * a teardown has not taken yet is its own business.
 */
function isSpare(
  { preview_id, phase }: PreviewRow,
  place: NonNullable<Standing['place']>,
  { slots }: Accounted,
): boolean {
  if (!isLive(phase)) return false;
  const held = [...slots].flatMap(([alb, { owners }]) =>
    Object.entries(owners).flatMap(([holder, n]) =>
      readHolder(holder).uid === preview_id ? [{ alb, ...rulePriorities(n) }] : [],
    ),
  );
  if (held.length === 0) return false;
  return !held.some(
    ({ alb, host, path }) => alb === place.alb && (place.priority === host || place.priority === path),
  );
}

function straySlots({ slots }: Accounted, byUid: ReadonlyMap<string, PreviewRow>): Stray[] {
  return [...slots].flatMap(([alb, { owners }]) =>
    Object.entries(owners)
      .filter(([holder]) => !byUid.has(readHolder(holder).uid))
      .map(([holder, n]): Stray => {
        const { uid } = readHolder(holder);
        return {
          kind: 'slot',
          key: `${alb}#${n}`,
          id: uid.slice(0, 8),
          uid,
          alb,
          holder,
          reason: 'NoRecord',
          kept: false,
        };
      }),
  );
}

/** Closed by the controller itself, which had seen everything absent. A hand can take a record out of the index as well. */
export function isTombstone({ phase, live, purge_at }: PreviewRow): boolean {
  return phase === 'Deleted' && live === undefined && purge_at !== undefined;
}

/** How many previews one sweep may take without being asked to: three, or a fifth of those that it knows of. */
export function allowedPreviews(known: number): number {
  return Math.max(3, Math.floor(known / 5));
}
