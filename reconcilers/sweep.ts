import type { SlotTable } from '../preview/coordination.ts';
import { isLive } from '../preview/phases.ts';
import type { PreviewRow } from '../preview/record.ts';
import { toSeconds } from '../platform/clock.ts';
import type { Orphan, SweepReport, SweepRequest } from '../preview/sweep-board.ts';
import { isRuleGone } from '../aws/errors.ts';
import { removeFuse } from './fuse.ts';
import {
  listStanding,
  type Proof,
  proveElbv2,
  proveFamily,
  proveServices,
  type Standing,
} from './inventory.ts';
import {
  type Accounted,
  allowedPreviews,
  judgeStrays,
  needsProof,
  standingKey,
  type Stray,
} from './orphans.ts';
import type { Outcome } from './outcome.ts';
import type { ReconcilerDeps, Work } from './pass.ts';
import { rulePriorities } from './plan.ts';
import { removeService } from './service.ts';
import { StatusDraft } from './status-draft.ts';
import { removeTargetGroup } from './target-group.ts';
import { removeTaskDefinitions } from './task-definition.ts';

export type SweepDeps = Omit<ReconcilerDeps, 'absences' | 'wake' | 'probe'>;

/** Since when each stray has been seen, by key: in milliseconds of the leader's own clock, and for people. */
export type Sightings = Map<string, { ms: number; at: string }>;

/** In the order in which AWS lets go; see teardown.ts. */
const ORDER: readonly Stray['kind'][] = [
  'listener-rule',
  'service',
  'target-group',
  'task-definition',
  'schedule',
  'slot',
];

/**
 * One look at everything that this install has in AWS. What no record accounts for is deleted once it has been seen so
 * for `orphan_age_ms` without a break: a call that was sent before a teardown may land after it, and no record knows.
 * `request` lets it take more previews than it may by itself. Rejects when any list is incomplete; then nothing was
 * deleted, for what a broken list does not show would look gone.
 */
export async function sweep(
  sightings: Sightings,
  request: SweepRequest | undefined,
  deps: SweepDeps,
): Promise<SweepReport> {
  const { strays, known } = await findStrays(deps);
  remember(strays, sightings, deps);
  const kept = strays.filter((stray) => stray.kept);
  const ripe = strays.filter((stray) => !stray.kept && isRipe(stray, sightings, deps));
  const previews = new Set(ripe.map(({ id }) => id)).size;
  const allowed = Math.max(allowedPreviews(known), request?.max ?? 0);
  const tripped = previews > allowed;
  const deleted = tripped ? [] : await removeAll(ripe, deps);
  if (tripped) deps.log.error({ previews, allowed }, 'stopped a sweep that would have taken too much');
  const gone = new Set(deleted.map(seenAs));
  const tell = (stray: Stray) => orphanOf(stray, sightings);
  const report: SweepReport = {
    at: toSeconds(deps.clock.now()),
    orphans: strays.filter((stray) => !stray.kept && !gone.has(seenAs(stray))).map(tell),
    deleted: deleted.map(tell),
    kept: kept.map(tell),
    aborted: null,
    breaker: tripped ? { previews, allowed } : null,
    request_id: request?.request_id ?? null,
  };
  for (const key of gone) sightings.delete(key);
  return report;
}

/** AWS first, the records second: what is born in between is in the records and never looks like an orphan. */
async function findStrays(deps: SweepDeps): Promise<{ strays: Stray[]; known: number }> {
  const { ports, config, store, coordination } = deps;
  const standing = await listStanding(ports, config);
  const slots = new Map<string, SlotTable>();
  for (const { name } of config.albs) slots.set(name, await coordination.readSlots(name));
  const accounted: Accounted = { rows: await Array.fromAsync(store.live()), slots };
  const proofs = await prove(needsProof(standing, accounted), deps);
  const strays = judgeStrays(standing, proofs, accounted, config);
  const uids = new Set([...accounted.rows.map(({ id }) => id), ...strays.map(({ id }) => id)]);
  return { strays, known: uids.size };
}

async function prove(
  standing: readonly Standing[],
  { ports, config }: SweepDeps,
): Promise<Map<string, Proof>> {
  const proofs = new Map<string, Proof>();
  const note = (one: Standing, proof: Proof | undefined) => {
    if (proof) proofs.set(standingKey(one), proof);
  };
  const of = (...kinds: Standing['kind'][]) => standing.filter(({ kind }) => kinds.includes(kind));
  const balancing = of('listener-rule', 'target-group');
  const byArn = await proveElbv2(
    ports.elbv2,
    balancing.flatMap(({ arn }) => arn ?? []),
  );
  for (const one of balancing) note(one, byArn.get(one.arn ?? ''));
  const services = of('service');
  const byName = await proveServices(
    ports.ecs,
    config.cluster,
    services.map(({ key }) => key),
  );
  for (const one of services) note(one, byName.get(one.key));
  for (const one of of('task-definition')) note(one, await proveFamily(ports.ecs, one.key));
  return proofs;
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

function orphanOf(stray: Stray, sightings: Sightings): Orphan {
  const { kind, key: name, id, reason } = stray;
  return { kind, name, id, reason, first_seen_at: sightings.get(seenAs(stray))?.at ?? '' };
}

/** Answers what AWS was told to delete. What does not go yet, because AWS is not ready, goes with the next sweep. */
async function removeAll(ripe: readonly Stray[], deps: SweepDeps): Promise<Stray[]> {
  const removed: Stray[] = [];
  for (const kind of ORDER) {
    for (const stray of ripe.filter((one) => one.kind === kind)) {
      if (!(await isStrayStill(stray, deps))) continue;
      const outcome = await remove(stray, deps);
      if (outcome === 'absent') continue;
      deps.log.warn({ kind, name: stray.key, id: stray.id, reason: stray.reason }, 'swept orphan');
      removed.push(stray);
    }
  }
  return removed;
}

/** The last look before the deed, at the record itself: the list of records is eventually consistent. */
async function isStrayStill({ kind, id, uid, reason, arn }: Stray, deps: SweepDeps): Promise<boolean> {
  const row = await deps.store.get(id);
  if (reason === 'SpareRule') return row?.preview_id === uid && (await isSpareStill(row, arn, deps));
  if (!row || row.live === undefined) return true;
  // A live record of this id owns its schedule, whatever its UUID: schedules carry no tags.
  return kind !== 'schedule' && row.preview_id !== uid;
}

async function isSpareStill(
  row: PreviewRow | undefined,
  arn: string | undefined,
  deps: SweepDeps,
): Promise<boolean> {
  if (!row || !isLive(row.phase)) return false;
  for (const { name, listener_arn } of deps.config.albs) {
    const n = (await deps.coordination.readSlots(name)).owners[row.preview_id];
    if (n === undefined) continue;
    const { host, path } = rulePriorities(n);
    const { Rules = [] } = await deps.ports.elbv2.describeRules({ ListenerArn: listener_arn });
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
      return removeTargetGroup(workFor(stray, deps));
    case 'task-definition':
      return removeTaskDefinitions(workFor(stray, deps));
    case 'schedule':
      return removeFuse(workFor(stray, deps));
    case 'slot': {
      const n = Number(stray.key.split('#').at(-1));
      await deps.coordination.freeSlot(stray.alb ?? '', n, stray.uid ?? '');
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
