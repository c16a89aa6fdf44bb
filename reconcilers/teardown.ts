import { classify } from '../aws/errors.ts';
import { advance } from '../preview/phases.ts';
import { receiptOf, viewResources } from '../preview/views.ts';
import type { Deletion, PreviewRow } from '../preview/record.ts';
import { removeFuse } from './fuse.ts';
import { removeListenerRules } from './listener-rule.ts';
import type { Outcome, PassResult } from './outcome.ts';
import type { ReconcilerDeps, Work } from './pass.ts';
import { removeService } from './service.ts';
import { releaseSlots, wakeNext } from './slots.ts';
import { StatusDraft } from './status-draft.ts';
import { removeTargetGroup } from './target-group.ts';
import { removeTaskDefinitions } from './task-definition.ts';
import { CONFLICT, Writer } from './writer.ts';

type Step = (work: Work) => Promise<Outcome | 'absent'>;

/**
 * In the order AWS forces: no new requests, no tasks, then what they hung on. The fuse goes last: should this stop
 * half-way for good, it still stops the cost. No step looks at whether creation ever worked, and what holds up one holds
 * up only those that AWS would refuse, or that would leave tasks without a fuse.
 */
const STEPS: readonly { remove: Step; after: readonly Step[] }[] = [
  { remove: removeListenerRules, after: [] },
  { remove: removeService, after: [] },
  { remove: removeTargetGroup, after: [removeListenerRules, removeService] },
  { remove: removeTaskDefinitions, after: [removeService] },
  { remove: removeFuse, after: [removeService] },
];

const DAY_S = 86_400;

/** Takes everything of a preview away, sees that it is gone, twice, and only then closes the record with its receipt. */
export async function tearDown(
  row: PreviewRow,
  deletion: Deletion,
  deps: ReconcilerDeps,
): Promise<PassResult> {
  const { coordination, clock, config, ports, log } = deps;
  const draft = new StatusDraft(row.status, clock.now());
  const writer = new Writer(row, draft, row.expires_at, deps);
  draft.find({
    type: 'Ready',
    status: 'False',
    reason: deletion.reason,
    message: 'the preview is being destroyed',
  });
  const begun = await writer.begin('Deleting', row.deletion ?? deletion);
  if (!begun) return { kind: 'fault', fault: CONFLICT };
  if (!(await coordination.isGone(row.preview_id))) await coordination.markGone(row.preview_id);

  const work: Work = { row: begun, ports, config, clock, log, draft };
  const { outcome, fault } = await remove(work);
  if (outcome === 'absent' && !fault) return sighted(begun, work, deps);
  deps.absences.forget(row.preview_id);
  if (fault) return writer.fault('Deleting', classify(fault));
  if (outcome !== 'absent' && outcome.kind === 'wait') {
    draft.find({ type: 'Ready', status: 'False', reason: deletion.reason, message: outcome.message });
    return again(await writer.begin('Deleting'), outcome.ms, outcome.reason);
  }
  return again(await writer.begin('Deleting'), config.poll_ms, 'Deleting');
}

/**
 * Runs every step that may run; 'absent' only when each of them saw nothing left. The first wait, or the first fault,
 * speaks for all.
 */
async function remove(work: Work): Promise<{ outcome: Outcome | 'absent'; fault?: unknown }> {
  const over = new Set<Step>();
  let outcome: Outcome | 'absent' = 'absent';
  let fault: unknown;
  for (const step of STEPS) {
    if (!step.after.every((earlier) => over.has(earlier))) continue;
    try {
      const result = await step.remove(work);
      if (result === 'absent' || result.kind === 'done') over.add(step.remove);
      if (result !== 'absent' && (outcome === 'absent' || outcome.kind === 'done')) outcome = result;
    } catch (error) {
      fault ??= error;
      work.log.debug({ err: error, step: step.remove.name }, 'step failed');
    }
  }
  return fault === undefined ? { outcome } : { outcome, fault };
}

/** Everything was absent just now. Once may be a stale read; a second time, a grace later, is proof. */
async function sighted(row: PreviewRow, work: Work, deps: ReconcilerDeps): Promise<PassResult> {
  const { absences, clock, config } = deps;
  const seenFor = absences.seen(row.preview_id, clock.monotonic());
  if (seenFor >= config.absence_grace_ms) return close(row, work, deps);
  return { kind: 'again', ms: config.absence_grace_ms - seenFor, reason: 'VerifyingAbsence' };
}

function again(written: PreviewRow | undefined, ms: number, reason: string): PassResult {
  return written ? { kind: 'again', ms, reason } : { kind: 'fault', fault: CONFLICT };
}

/** The slot goes back before the record closes: a Deleted record is never looked at again. */
async function close(row: PreviewRow, { draft, log }: Work, deps: ReconcilerDeps): Promise<PassResult> {
  const { store, coordination, clock, config } = deps;
  await releaseSlots(row, config.albs, coordination);
  draft.absent();
  draft.unset('slot', 'rollout');
  draft.set({ deleted_at: draft.at });
  for (const type of ['Admitted', 'RouteReady', 'ServiceReady', 'Ready'] as const) {
    draft.find({ type, status: 'False', reason: 'Deleted', message: 'every resource has been seen absent' });
  }
  const purge_at = Math.floor(clock.now().getTime() / 1000) + config.keep_deleted_days * DAY_S;
  const written = await store.writeStatus(row, {
    phase: advance(row.phase, 'Deleted'),
    status: draft.status,
    purge_at,
  });
  if (!written) return { kind: 'fault', fault: CONFLICT };
  deps.absences.forget(row.preview_id);
  log.info({ phase: 'Deleted', ...receiptOf(viewResources(written)) }, 'destroyed preview');
  await wakeNext(deps);
  return { kind: 'finished' };
}
