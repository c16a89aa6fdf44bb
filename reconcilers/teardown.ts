import { classify, type Fault } from '../aws/errors.ts';
import { advance } from '../preview/phases.ts';
import { MAIN } from '../preview/endpoints.ts';
import { targetGroupName } from '../preview/names.ts';
import { receiptOf, viewResources } from '../preview/views.ts';
import type { Condition, Deletion, PreviewRow } from '../preview/record.ts';
import { removeFuse } from './fuse.ts';
import { removeListenerRules } from './listener-rule.ts';
import { type Outcome, type PassResult, wait } from './outcome.ts';
import type { ReconcilerDeps, Removing, Work } from './pass.ts';
import { removeService } from './service.ts';
import { type HeldSlot, readHeldSlots, releaseSlots, wakeNext } from './slots.ts';
import { StatusDraft } from './status-draft.ts';
import { removeTargetGroups } from './target-group.ts';
import { removeTaskDefinitions } from './task-definition.ts';
import { isWorthShowing, NO_ANSWER } from './verdict.ts';
import { CONFLICT, Writer } from './writer.ts';

type Step = (work: Removing) => Promise<Outcome | 'absent'>;

/**
 * In the order AWS forces: no new requests, no tasks, then what they hung on. The fuse goes last: should this stop
 * half-way for good, it still stops the cost. No step looks at whether creation ever worked, and what holds up one holds
 * up only those that AWS would refuse, or that would leave tasks without a fuse.
 */
const STEPS: readonly { remove: Step; after: readonly Step[] }[] = [
  { remove: stopRouting, after: [] },
  { remove: stopServing, after: [] },
  { remove: removeTargetGroups, after: [stopRouting, stopServing] },
  { remove: removeTaskDefinitions, after: [stopServing] },
  { remove: removeFuse, after: [stopServing] },
];

const DAY_S = 86_400;

/** Takes everything of a preview away, sees that it is gone, twice, and only then closes the record with its receipt. */
export async function tearDown(
  row: PreviewRow,
  deletion: Deletion,
  attempt: number,
  deps: ReconcilerDeps,
): Promise<PassResult> {
  const { coordination, clock, config, ports, log } = deps;
  const draft = new StatusDraft(row.status, clock.now());
  const writer = new Writer(row, draft, row.expires_at, deps);
  // What holds it up is said until it is known to be over: to take it back at every pass would be two writes for nothing.
  if (row.phase !== 'Deleting' || !row.status.conditions.some(isSaidOf(deletion)))
    say(draft, deletion, UNDER_WAY);
  const begun = await writer.begin('Deleting', row.deletion ?? deletion);
  if (!begun) return { kind: 'fault', fault: CONFLICT };
  if (!(await coordination.isGone(row.preview_id))) await coordination.markGone(row.preview_id);

  const held = await readHeldSlots(row, config.albs, coordination);
  const targetGroupNames = groupNames(begun, held);
  const { absences } = deps;
  deps.waits.close(row.preview_id);
  deps.recent.close(row.preview_id);
  const work: Removing = { row: begun, ports, config, clock, log, draft, targetGroupNames, absences };
  const { outcome, fault } = await remove(work);
  if (outcome === 'absent' && !fault) return sighted(begun, work, deps);
  deps.absences.forget(row.preview_id);
  const {
    ms = config.poll_ms,
    reason = 'Deleting',
    message = '',
  } = outcome === 'absent' ? {} : asWait(outcome);
  if (!fault) {
    say(draft, deletion, reason === 'OwnershipUnproven' ? message : UNDER_WAY);
    return again(await writer.begin('Deleting'), ms, reason);
  }
  const classified = classify(fault);
  const why = whyHeldUp(classified, attempt);
  if (why) say(draft, deletion, why);
  // What only a person can cure does not slow down the rest, as long as the rest gets on.
  if (outcome !== 'absent' && !isPassing(classified))
    return again(await writer.begin('Deleting'), ms, classified.reason);
  return writer.fault('Deleting', classified);
}

/**
 * Removes the service once the requests that were open when the rules went have had their time. A request outlives the
 * rule that brought it, but ECS would not wait for it: no rule leads to its targets any more, so nothing drains there.
 * On the leader's own clock and memory, as absences are: the worst that a new leader does is not to wait.
 */
async function stopServing(work: Removing): Promise<Outcome | 'absent'> {
  const { row, clock, config, absences } = work;
  const left =
    config.deregistration_delay_s * 1_000 - absences.unroutedFor(row.preview_id, clock.monotonic());
  return left > 0 ? wait('Draining', 'open requests get time to finish', left) : removeService(work);
}

/** What never was Ready has served nobody, and nothing to let finish. */
async function stopRouting(work: Removing): Promise<Outcome | 'absent'> {
  const { row, clock, absences, draft } = work;
  const outcome = await removeListenerRules(work);
  if (outcome !== 'absent' && outcome.kind === 'done' && draft.status.ready_at !== undefined)
    absences.unrouted(row.preview_id, clock.monotonic());
  return outcome;
}

/** Of every address that the preview may ever have had: the slots say it even where an old record was put back. */
function groupNames({ id, status }: PreviewRow, held: readonly HeldSlot[]): string[] {
  const traced = Object.keys(status.resources).flatMap((key) =>
    key.startsWith('target-group#') ? key.slice('target-group#'.length) : [],
  );
  const suffixes = held.map(({ suffix }) => suffix);
  return [
    ...new Set([
      targetGroupName(id, MAIN),
      ...suffixes.map((suffix) => targetGroupName(id, suffix)),
      ...traced,
    ]),
  ];
}

const UNDER_WAY = 'the preview is being destroyed';

const isSaidOf =
  ({ reason }: Deletion) =>
  (condition: Condition): boolean =>
    condition.type === 'Ready' && condition.status === 'False' && condition.reason === reason;

function asWait(outcome: Outcome): Partial<Outcome & { kind: 'wait' }> {
  return outcome.kind === 'wait' ? outcome : {};
}

/** Whether waiting alone cures it, the longer the better. */
function isPassing({ kind }: Fault): boolean {
  return kind === 'throttle' || kind === 'transient' || kind === 'conflict';
}

/** What to tell of a fault, or undefined while it may be nothing. Never the words of an error that differ from try to try. */
function whyHeldUp(fault: Fault, attempt: number): string | undefined {
  if (!isPassing(fault)) return `${fault.reason}: ${fault.message}`;
  return fault.kind === 'transient' && isWorthShowing(fault, attempt)
    ? `${fault.reason}: ${NO_ANSWER}`
    : undefined;
}

function say(draft: StatusDraft, { reason }: Deletion, message: string): void {
  draft.find({ type: 'Ready', status: 'False', reason, message });
}

/**
 * Runs every step that may run; 'absent' only when each of them saw nothing left. The first wait, or the first fault,
 * speaks for all.
 */
async function remove(work: Removing): Promise<{ outcome: Outcome | 'absent'; fault?: unknown }> {
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
  deps.absences.close(row.preview_id);
  log.info({ phase: 'Deleted', ...receiptOf(viewResources(written)) }, 'destroyed preview');
  await wakeNext(deps);
  return { kind: 'finished' };
}
