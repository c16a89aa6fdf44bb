import { classify, isRuleGone } from '../aws/errors.ts';
import { toSeconds } from '../platform/clock.ts';
import { resourceName } from '../preview/names.ts';
import { isLive } from '../preview/phases.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { Orphan, SweepReport, SweepRequest } from '../preview/sweep-board.ts';
import { removeFuse } from './fuse.ts';
import { proveElbv2, proveServices } from './inventory.ts';
import { allowedPreviews, isTombstone, type Stray } from './orphans.ts';
import type { Outcome } from './outcome.ts';
import type { ReconcilerDeps, Work } from './pass.ts';
import { rulePriorities } from './plan-endpoint.ts';
import { removeService } from './service.ts';
import { readHeldSlots } from './slots.ts';
import { StatusDraft } from './status-draft.ts';
import { findStrays } from './strays.ts';
import { removeTargetGroup } from './target-group.ts';
import { removeTaskDefinitions } from './task-definition.ts';

export type SweepDeps = Omit<ReconcilerDeps, 'absences' | 'waits' | 'recent' | 'wake' | 'probe'> & {
  /** Ends a sweep after the preview that it is at. */
  signal?: AbortSignal;
};

/**
 * Since when each stray has been seen, by key: in milliseconds of the leader's own clock, and for people. `begun` once
 * its preview was let go: what of it has to wait for AWS does not count again.
 */
export type Sightings = Map<string, { ms: number; at: string; begun?: true }>;

/** Somebody's leave to take up to `max` previews at once. `take` uses it up, and is true for one taker only. */
export interface Leave extends Pick<SweepRequest, 'request_id' | 'max'> {
  take: () => Promise<boolean>;
}

/** In the order in which AWS lets go; see teardown.ts. */
const ORDER: readonly Stray['kind'][] = [
  'listener-rule',
  'service',
  'target-group',
  'task-definition',
  'schedule',
  'slot',
];

/** What has to be gone first: a service uses its targets and its task definition, and the fuse may have to stop it. */
const AFTER: Readonly<Record<Stray['kind'], readonly Stray['kind'][]>> = {
  'listener-rule': [],
  service: [],
  'target-group': ['listener-rule', 'service'],
  'task-definition': ['service'],
  schedule: ['service'],
  slot: ['listener-rule', 'service', 'target-group', 'task-definition', 'schedule'],
};

/**
 * One look at everything that this install has in AWS. What no record accounts for is deleted once it has been seen so
 * for `orphan_age_ms` without a break: a call that was sent before a teardown may land after it, and no record knows.
 * `leave` lets it take more previews than it may by itself. Rejects when any list is incomplete; then nothing was
 * deleted, for what a broken list does not show would look gone.
 */
export async function sweep(
  sightings: Sightings,
  leave: Leave | undefined,
  deps: SweepDeps,
): Promise<SweepReport> {
  const { strays, known } = await findStrays(deps);
  remember(strays, sightings, deps);
  const wanted = strays.filter(({ kept }) => !kept);
  const ripe = new Set(wanted.filter((stray) => isRipe(stray, sightings, deps)));
  const previews = countNew([...ripe], sightings);
  const allowed = allowedPreviews(known);
  // Leave is used when it is needed, or when nothing is left that it could still be needed for.
  const needed = previews > allowed || ripe.size === wanted.length;
  const taken = leave !== undefined && needed && (await leave.take()) ? leave : undefined;
  const tripped = previews > Math.max(allowed, taken?.max ?? 0);
  if (tripped) deps.log.error({ previews, allowed }, 'stopped a sweep that would have taken too much');
  const { deleted, held } = tripped ? NOTHING : await removeAll(strays, ripe, sightings, deps);
  const tell = (stray: Stray) => orphanOf(stray, sightings, held.get(stray));
  const report: SweepReport = {
    at: toSeconds(deps.clock.now()),
    orphans: wanted.filter((stray) => !deleted.includes(stray)).map(tell),
    deleted: deleted.map(tell),
    kept: strays.filter(({ kept }) => kept).map(tell),
    aborted: null,
    breaker: tripped ? { previews, allowed } : null,
    request_id: taken?.request_id ?? null,
  };
  for (const stray of deleted) sightings.delete(seenAs(stray));
  return report;
}

/** Previews that would lose something for the first time. */
function countNew(ripe: readonly Stray[], sightings: Sightings): number {
  const begun = new Set(ripe.flatMap((stray) => (sightings.get(seenAs(stray))?.begun ? [stray.id] : [])));
  return new Set(ripe.flatMap(({ id }) => (begun.has(id) ? [] : [id]))).size;
}

function seenAs({ kind, key, uid }: Stray): string {
  return `${kind} ${key} ${uid ?? ''}`;
}

function remember(strays: readonly Stray[], sightings: Sightings, { clock }: SweepDeps): void {
  const now = new Set(strays.map(seenAs));
  for (const key of sightings.keys()) if (!now.has(key)) sightings.delete(key);
  for (const key of now) {
    if (!sightings.has(key)) sightings.set(key, { ms: clock.monotonic(), at: toSeconds(clock.now()) });
  }
}

function isRipe(stray: Stray, sightings: Sightings, { clock, config }: SweepDeps): boolean {
  const seen = sightings.get(seenAs(stray));
  return seen !== undefined && clock.monotonic() - seen.ms >= config.orphan_age_ms;
}

function orphanOf(stray: Stray, sightings: Sightings, held_by: string | undefined): Orphan {
  const { kind, key: name, id, reason } = stray;
  const first_seen_at = sightings.get(seenAs(stray))?.at ?? '';
  return { kind, name, id, reason, first_seen_at, ...(held_by === undefined ? {} : { held_by }) };
}

interface Removal {
  /** What AWS was told to delete. */
  deleted: readonly Stray[];
  /** What is due and could not go yet, and why: it goes with a later sweep. */
  held: ReadonlyMap<Stray, string>;
}

const NOTHING: Removal = { deleted: [], held: new Map() };

/** Preview by preview: what fails for one holds up no other. */
async function removeAll(
  strays: readonly Stray[],
  ripe: ReadonlySet<Stray>,
  sightings: Sightings,
  deps: SweepDeps,
): Promise<Removal> {
  const deleted: Stray[] = [];
  const held = new Map<Stray, string>();
  for (const stray of ripe) {
    const sighting = sightings.get(seenAs(stray));
    if (sighting) sighting.begun = true;
  }
  for (const own of Map.groupBy(strays, ({ id }) => id).values()) {
    if (deps.signal?.aborted) break;
    await removeOf(own, ripe, { deleted, held }, deps);
  }
  return { deleted, held };
}

/** Takes what is due of one preview, in AWS's order, until a call fails. */
async function removeOf(
  own: readonly Stray[],
  ripe: ReadonlySet<Stray>,
  { deleted, held }: { deleted: Stray[]; held: Map<Stray, string> },
  deps: SweepDeps,
): Promise<void> {
  const standing = new Set(own);
  const due = ORDER.flatMap((kind) => own.filter((stray) => stray.kind === kind && ripe.has(stray)));
  for (const stray of due) {
    try {
      const before = await inTheWay(stray, standing, deps);
      if (before) held.set(stray, before);
      if (before) continue;
      if (!(await isStrayStill(stray, deps))) continue;
      const outcome = await remove(stray, deps);
      // A service that was told to go stands until it has drained: the next sweep goes on from there.
      if (stray.kind !== 'service' && (outcome === 'absent' || outcome.kind === 'done'))
        standing.delete(stray);
      if (outcome === 'absent') continue;
      if (stray.kind !== 'service' && outcome.kind === 'wait') {
        held.set(stray, outcome.reason);
        continue;
      }
      const { kind, key: name, id, reason } = stray;
      deps.log.warn({ kind, name, id, reason }, 'swept orphan');
      deleted.push(stray);
    } catch (error) {
      held.set(stray, classify(error).reason);
      deps.log.warn({ err: error, kind: stray.kind, id: stray.id }, 'could not sweep orphan');
      return;
    }
  }
}

/** What has to go before this, if anything. ECS hides a service that drains from its list, but describes it. */
async function inTheWay(
  { kind, id, uid }: Stray,
  standing: ReadonlySet<Stray>,
  { ports, config }: SweepDeps,
): Promise<string | undefined> {
  const first = AFTER[kind].find((before) => [...standing].some((other) => other.kind === before));
  if (first !== undefined || !AFTER[kind].includes('service')) return first;
  const name = resourceName(id);
  const service = (await proveServices(ports.ecs, config.cluster, [name])).get(name);
  const ours = service?.install === config.install && (uid === undefined || service.uid === uid);
  return ours ? 'service' : undefined;
}

/** The last look before the deed, at the record itself: the list of records is eventually consistent. */
async function isStrayStill({ kind, id, uid, reason, arn }: Stray, deps: SweepDeps): Promise<boolean> {
  const row = await deps.store.get(id);
  if (reason === 'SpareRule') return row?.preview_id === uid && (await isSpareStill(row, arn, deps));
  if (!row || isTombstone(row)) return true;
  // A live record of this id owns its schedule, whatever its UUID: schedules carry no tags.
  return kind !== 'schedule' && row.preview_id !== uid;
}

async function isSpareStill(
  row: PreviewRow | undefined,
  arn: string | undefined,
  deps: SweepDeps,
): Promise<boolean> {
  if (!row || !isLive(row.phase)) return false;
  for (const { alb, n } of await readHeldSlots(row, deps.config.albs, deps.coordination)) {
    const { host, path } = rulePriorities(n);
    const { Rules = [] } = await deps.ports.elbv2.describeRules({ ListenerArn: alb.listener_arn });
    const planned = Rules.filter(({ Priority }) => Number(Priority) === host || Number(Priority) === path);
    if (planned.some(({ RuleArn }) => RuleArn === arn)) return false;
  }
  return true;
}

/** Each kind by the very step that teardown uses, which reads the resource and its tags anew before it deletes. */
async function remove(stray: Stray, deps: SweepDeps): Promise<Outcome | 'absent'> {
  switch (stray.kind) {
    case 'listener-rule':
      return removeRule(stray, deps);
    case 'service':
      return removeService(workFor(stray, deps));
    case 'target-group':
      return removeTargetGroup(workFor(stray, deps), stray.key);
    case 'task-definition':
      return removeTaskDefinitions(workFor(stray, deps));
    case 'schedule':
      return removeFuse(workFor(stray, deps));
    case 'slot': {
      const n = Number(stray.key.split('#').at(-1));
      await deps.coordination.freeSlot(stray.alb ?? '', n, stray.holder ?? '');
      return { kind: 'done' };
    }
  }
}

async function removeRule({ arn, uid }: Stray, { ports, config }: SweepDeps): Promise<Outcome | 'absent'> {
  if (arn === undefined) return 'absent';
  try {
    const proof = (await proveElbv2(ports.elbv2, [arn])).get(arn);
    if (proof?.install !== config.install || proof.uid !== uid || proof.kept) return 'absent';
    await ports.elbv2.deleteRule({ RuleArn: arn });
    return { kind: 'done' };
  } catch (error) {
    if (isRuleGone(error)) return 'absent';
    throw error;
  }
}

/** A pass over a preview that has no record: only its identity is known, and that is all that removal needs. */
function workFor({ id, uid = '' }: Stray, deps: SweepDeps): Work {
  const { ports, config, clock, log } = deps;
  const status = { rev: 0, conditions: [], resources: {} };
  const row = { id, preview_id: uid, status } as unknown as PreviewRow;
  return { row, ports, config, clock, log, draft: new StatusDraft(status, clock.now()) };
}
