import type { Fault } from '../aws/errors.ts';
import { type Finding, findCondition } from '../preview/conditions.ts';
import type { ConditionType, Phase, Status } from '../preview/record.ts';
import { withLines } from './diagnosis.ts';
import type { Outcome } from './outcome.ts';
import type { Ensuring } from './pass.ts';
import type { Rollout } from './rollout.ts';
import type { StatusDraft } from './status-draft.ts';

/** What a pass makes of itself: the phase it reached and when to look again. */
export interface Verdict {
  phase: Phase;
  ms: number;
  reason: string;
}

export interface Case {
  condition: ConditionType;
  outcome: Outcome;
  pass: Ensuring;
  rollout: Rollout;
  /** Reads what the preview wrote last; called only when the record will keep it. */
  lines: () => Promise<string[]>;
}

export const SPEC_NOT_ACCEPTED: Finding = {
  type: 'Ready',
  status: 'False',
  reason: 'SpecNotAccepted',
  message: 'the last accepted state is served; the edit that was not accepted is not',
};

/** Turns how the steps ended into conditions, phase and pace. Never Ready ⇒ Failed; Ready once ⇒ Degraded. */
export async function judgeOutcome(facts: Case): Promise<Verdict> {
  const { outcome } = facts;
  switch (outcome.kind) {
    case 'done':
      return facts.rollout.rejected ? fallenBack(facts) : ready(facts);
    case 'wait':
      return isOverdue(facts) ? rejected(facts, outcome, await facts.lines()) : waiting(facts, outcome);
    case 'rejected':
      return rejected(facts, outcome, outcome.logs);
  }
}

function ready({ pass: { draft, config }, rollout }: Case): Verdict {
  draft.set({ observed_spec: rollout.hash, served_spec: rollout.spec });
  draft.unset('rollout');
  const accepted = findCondition(draft.status.conditions, 'SpecAccepted');
  if (accepted?.status === 'False') {
    draft.find(SPEC_NOT_ACCEPTED);
    return {
      phase: draft.status.ready_at ? 'Degraded' : 'Provisioning',
      ms: config.drift_ms,
      reason: 'SpecNotAccepted',
    };
  }
  draft.set({ ready_at: draft.status.ready_at ?? draft.at });
  draft.unset('last_error');
  draft.find({
    type: 'Ready',
    status: 'True',
    reason: 'Serving',
    message: 'the preview answers under its URL',
  });
  return { phase: 'Ready', ms: config.drift_ms, reason: 'Serving' };
}

/** The rejected spec is not running: the last good one is, or nothing. */
function fallenBack({ pass: { draft, config }, rollout }: Case): Verdict {
  const why = draft.status.last_error;
  const cause = why ? `${why.reason}: ${why.message}` : 'the rollout failed';
  if (!rollout.run) {
    const reason = why?.reason ?? 'RolloutFailed';
    draft.find({ type: 'ServiceReady', status: 'False', reason, message: why?.message ?? cause });
    draft.find({ type: 'Ready', status: 'False', reason, message: why?.message ?? cause });
    return { phase: 'Failed', ms: config.drift_ms, reason };
  }
  const message = `the update was rejected (${cause}); the spec that was Ready before is served`;
  draft.find({ type: 'Ready', status: 'False', reason: 'RolledBack', message });
  return { phase: fallbackPhase(draft.status), ms: config.drift_ms, reason: 'RolledBack' };
}

/** Failed runs nothing. What has been served beside an edit that was refused, and so never was Ready, runs again. */
function fallbackPhase({ ready_at, served_spec }: Status): Phase {
  if (ready_at !== undefined) return 'Degraded';
  return served_spec === undefined ? 'Failed' : 'Provisioning';
}

async function waiting(facts: Case, outcome: Outcome & { kind: 'wait' }): Promise<Verdict> {
  const { pass, rollout, condition, lines } = facts;
  const { draft } = pass;
  const broke = findCondition(pass.row.status.conditions, 'Ready')?.status === 'True' && !rollout.rolling;
  const logs = broke ? await lines() : (draft.status.last_error?.logs ?? []);
  const { reason, message, ms } = rollout.rolling ? outcome : withLines(outcome, logs, pass.plan.arch);
  draft.find({ type: condition, status: 'False', reason, message });
  draft.find({ type: 'Ready', status: 'False', reason, message });
  if (broke) draft.set({ last_error: { reason, message, at: draft.at, logs } });
  const never: Phase = rollout.rejected && !rollout.run ? 'Failed' : 'Provisioning';
  const once: Phase = rollout.rolling ? 'Updating' : 'Degraded';
  return { phase: draft.status.ready_at ? once : never, ms, reason };
}

function rejected(facts: Case, why: { reason: string; message: string }, logs: string[]): Verdict {
  const { pass, rollout, condition } = facts;
  const { draft, row, plan } = pass;
  const { reason, message } = withLines({ reason: why.reason, message: why.message }, logs, plan.arch);
  draft.find({ type: condition, status: 'False', reason, message });
  draft.find({ type: 'Ready', status: 'False', reason, message });
  draft.set({
    failed_spec: rollout.hash,
    failed_at: draft.at,
    ...(row.nudge === undefined ? {} : { failed_nudge: row.nudge }),
    last_error: { reason, message, at: draft.at, logs },
  });
  draft.unset('rollout');
  // At once again: the next pass falls back to the last good spec, or stops what runs in vain.
  return { phase: fallbackPhase(draft.status), ms: 0, reason };
}

/**
 * A rollout that makes no progress for this long is rejected, even though AWS would go on trying. Counted from when
 * AWS began with it: the spec is not to blame for the time in which the controller was down or AWS did not answer. Nor
 * for an answer that does not come through the URL while the task is healthy: that may be the way there.
 */
function isOverdue({ condition, pass: { draft, config, service }, rollout }: Case): boolean {
  const since = draft.status.rollout?.since;
  const began = service?.deployments?.find(({ status }) => status === 'PRIMARY')?.createdAt;
  if (!rollout.rolling || condition !== 'ServiceReady' || since === undefined || began === undefined)
    return false;
  const from = Math.max(new Date(since).getTime(), began.getTime());
  // As of the beginning of the pass: what it has seen may be old by now, if the process was stopped in between.
  return Date.parse(draft.at) - from > config.progress_deadline_ms;
}

/** Failed calls in a row after which an AWS that gives no answers is a fact worth showing. */
const SHOWN_AFTER = 3;
/** What is not visible yet is looked for sooner, and so more often within the same time. */
const NOT_VISIBLE_SHOWN_AFTER = 6;

export function isWorthShowing({ reason }: Fault, attempt: number): boolean {
  return attempt >= (reason === 'NotVisible' ? NOT_VISIBLE_SHOWN_AFTER : SHOWN_AFTER);
}

/** In place of an error's own words, which differ from try to try and would be written each time. */
export const NO_ANSWER =
  'AWS does not answer, or does not show yet what it was told; it is asked again and again';

/** What a failed call means for the conditions; answers the phase where it changes it. */
export function judgeFault(
  draft: StatusDraft,
  condition: ConditionType,
  fault: Fault,
  attempt: number,
): Phase | undefined {
  const { kind, reason, message } = fault;
  switch (kind) {
    case 'conflict':
    case 'throttle':
      return undefined;
    case 'transient':
      if (isWorthShowing(fault, attempt))
        draft.find({ type: condition, status: 'Unknown', reason, message: NO_ANSWER });
      return undefined;
    case 'capacity':
    case 'denied':
    case 'invalid':
      draft.find({ type: condition, status: 'False', reason, message });
      draft.find({ type: 'Ready', status: 'False', reason, message });
      if (draft.status.ready_at) return 'Degraded';
      return kind === 'capacity' ? undefined : 'Failed';
  }
}
