import { classify } from '../aws/errors.ts';
import { advance } from '../preview/phases.ts';
import { receiptOf, viewResources } from '../preview/views.ts';
import type { Deletion, PreviewRow } from '../preview/record.ts';
import { removeFuse } from './fuse.ts';
import { removeListenerRules } from './listener-rule.ts';
import type { Outcome, PassResult } from './outcome.ts';
import type { ReconcilerDeps, Work } from './pass.ts';
import { removeService } from './service.ts';
import { releaseSlots } from './slots.ts';
import { StatusDraft } from './status-draft.ts';
import { removeTargetGroup } from './target-group.ts';
import { removeTaskDefinitions } from './task-definition.ts';
import { CONFLICT, Writer } from './writer.ts';

/**
 * In the order AWS forces: no new requests, no tasks, then what they hung on. The fuse goes last: should this stop
 * half-way for good, it still stops the cost. No step looks at whether creation ever worked.
 */
const STEPS: readonly ((work: Work) => Promise<Outcome | 'absent'>)[] = [
  removeListenerRules,
  removeService,
  removeTargetGroup,
  removeTaskDefinitions,
  removeFuse,
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
  if (fault) return writer.fault('Deleting', classify(fault));
  if (outcome === 'absent') return sighted(begun, work, writer, deps);
  draft.unset('absent_since');
  const pause = outcome.kind === 'wait' ? outcome.ms : config.poll_ms;
  return again(await writer.begin('Deleting'), pause, outcome.kind === 'wait' ? outcome.reason : 'Deleting');
}

/** Runs the steps until one has to wait or fails; 'absent' only when every one of them saw nothing left. */
async function remove(work: Work): Promise<{ outcome: Outcome | 'absent'; fault?: unknown }> {
  let outcome: Outcome | 'absent' = 'absent';
  for (const step of STEPS) {
    try {
      const result = await step(work);
      if (result === 'absent') continue;
      outcome = result;
      if (result.kind !== 'done') break;
    } catch (error) {
      return { outcome, fault: error };
    }
  }
  return { outcome };
}

/** Everything was absent just now. Once may be a stale read; a second time, a grace later, is proof. */
async function sighted(
  row: PreviewRow,
  work: Work,
  writer: Writer,
  deps: ReconcilerDeps,
): Promise<PassResult> {
  const { clock, config } = deps;
  const { draft } = work;
  const now = clock.now();
  const since = draft.status.absent_since;
  const seenFor = since === undefined ? 0 : now.getTime() - new Date(since).getTime();
  if (since !== undefined && seenFor >= config.absence_grace_ms) return close(row, work, deps);
  if (since === undefined) draft.set({ absent_since: now.toISOString() });
  return again(await writer.begin('Deleting'), config.absence_grace_ms - seenFor, 'VerifyingAbsence');
}

function again(written: PreviewRow | undefined, ms: number, reason: string): PassResult {
  return written ? { kind: 'again', ms, reason } : { kind: 'fault', fault: CONFLICT };
}

/** The slot goes back before the record closes: a Deleted record is never looked at again. */
async function close(row: PreviewRow, { draft, log }: Work, deps: ReconcilerDeps): Promise<PassResult> {
  const { store, coordination, clock, config } = deps;
  await releaseSlots(row, config.albs, coordination);
  draft.absent();
  draft.unset('absent_since', 'slot', 'rollout');
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
  log.info({ phase: 'Deleted', ...receiptOf(viewResources(written)) }, 'destroyed preview');
  return { kind: 'finished' };
}
