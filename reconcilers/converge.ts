import { type Finding, findCondition } from '../preview/conditions.ts';
import { MAIN } from '../preview/endpoints.ts';
import type { Accepted, Phase, PreviewRow, Status } from '../preview/record.ts';
import { judge } from './acceptance.ts';
import type { Slot } from './allotment.ts';
import { ensureFuse } from './fuse.ts';
import { clearSlot, ensureListenerRules, lookAtRules, openRoute } from './listener-rule.ts';
import { withoutStrangers } from './listener.ts';
import { leaveFormerEndpoints } from './former-endpoints.ts';
import type { Outcome, PassResult } from './outcome.ts';
import type { Ensuring, ReconcilerDeps } from './pass.ts';
import { planPreview, plannedKeys } from './plan.ts';
import { ensureAnswer, ensureRollout, lagLeftMs, lastLines, stillNoAnswer } from './readiness.ts';
import { chooseRollout, isRetryDue, type Rollout, rolloutFields, suffixesOf } from './rollout.ts';
import { type Round, runRounds, type Step } from './rounds.ts';
import { ensureService, lookAtService } from './service.ts';
import { type Claim, claimSlots, moveSlot, giveBack } from './slots.ts';
import { StatusDraft } from './status-draft.ts';
import { ensureTargetGroups } from './target-group.ts';
import { ensureTaskDefinition, lookAtTaskDefinition } from './task-definition.ts';
import { judgeFault, judgeOutcome, SPEC_NOT_ACCEPTED } from './verdict.ts';
import { CONFLICT, Writer } from './writer.ts';

const ROUTED: Finding = {
  type: 'RouteReady',
  status: 'True',
  reason: 'Routed',
  message: 'the listener rules stand',
};
const ROLLED_OUT: Finding = {
  type: 'ServiceReady',
  status: 'True',
  reason: 'RolloutCompleted',
  message: 'the task runs and is healthy',
};

/** In the order AWS forces: ECS refuses a target group that no rule uses yet, and the fuse comes before the cost. */
const STEPS: readonly Round[] = [
  [
    { condition: 'RouteReady', ensure: ensureFuse },
    { condition: 'RouteReady', ensure: ensureTargetGroups },
    { condition: 'RouteReady', ensure: lookAtRules },
    { condition: 'ServiceReady', ensure: lookAtTaskDefinition },
    { condition: 'ServiceReady', ensure: lookAtService },
  ],
  [
    { condition: 'RouteReady', ensure: ensureListenerRules, proves: ROUTED },
    // Not in the first round: each try that has to wait for a target group could register one more revision.
    { condition: 'ServiceReady', ensure: ensureTaskDefinition },
  ],
  [{ condition: 'ServiceReady', ensure: ensureService }],
];

/** What is left of addresses that an edit took away: when nothing runs any more, or runs without them. */
const LEAVE: Step = { condition: 'Ready', ensure: leaveFormerEndpoints };

/** Asked only of a service that is meant to run. */
const READINESS: readonly Round[] = [
  [{ condition: 'ServiceReady', ensure: ensureRollout, proves: ROLLED_OUT }],
  [{ condition: 'RouteReady', ensure: openRoute, proves: ROUTED }],
  [{ condition: 'Ready', ensure: ensureAnswer }],
  [LEAVE],
];

/** Makes AWS like the accepted desired state, as far as AWS lets it get in one pass, and writes down how far that is. */
export async function converge(row: PreviewRow, attempt: number, deps: ReconcilerDeps): Promise<PassResult> {
  const draft = new StatusDraft(row.status, deps.clock.now());
  const { accepted, expires_at, finding } = judge(row, deps.config);
  draft.find(finding);
  // A bad edit stays as it was typed, for its author to see; only a key that the index needs is put back.
  const keeps = finding.status !== 'True' && typeof row.expires_at === 'string';
  const writer = new Writer(row, draft, keeps ? row.expires_at : expires_at, deps);
  if (!accepted) {
    draft.find({ type: 'Ready', status: 'False', reason: finding.reason, message: finding.message });
    return writer.end('Failed', expires_at, deps.config.drift_ms, finding.reason);
  }
  draft.set({ accepted });

  const rollout = chooseRollout(row, accepted, isRetryDue(row.status, deps.clock.now(), deps.config));
  const claim = await claimSlots(row, suffixesOf(rollout.spec), deps, (free) =>
    withoutStrangers(free, deps.ports.elbv2),
  );
  if (!claim) {
    const full = { reason: 'CapacityExhausted', message: 'every load balancer is full; waiting for a slot' };
    draft.find({ type: 'Admitted', status: 'False', ...full });
    draft.find({ type: 'Ready', status: 'False', ...full });
    // What asks for one more address keeps what it has: nothing of it is touched until there is room.
    const phase = draft.status.ready_at ? 'Degraded' : 'Pending';
    return writer.end(phase, expires_at, deps.config.retry_ms, full.reason);
  }
  return deploy({ row, accepted, rollout, claim, attempt, draft, writer, deps });
}

interface Deployment {
  row: PreviewRow;
  accepted: Accepted;
  rollout: Rollout;
  claim: Claim;
  attempt: number;
  draft: StatusDraft;
  writer: Writer;
  deps: ReconcilerDeps;
}

async function deploy({
  row,
  accepted,
  rollout,
  claim,
  attempt,
  draft,
  writer,
  deps,
}: Deployment): Promise<PassResult> {
  const { config, clock, log, ports, probe, coordination, waits, recent } = deps;
  const { expires_at } = accepted;
  const { alb, slots } = claim;
  const plan = planPreview({ row, spec: rollout.spec, expires_at, alb, slots, run: rollout.run }, config);
  draft.find({
    type: 'Admitted',
    status: 'True',
    reason: 'SlotHeld',
    message: `a slot on ${alb.name} is held`,
  });
  draft.set({ slot: slotField(claim), urls: plan.urls, url: plan.urls[0] ?? '' });
  draft.set(rolloutFields(draft.status, rollout, draft.at));
  if (!rollout.rejected) draft.unset('failed_spec', 'failed_nudge', 'failed_at');
  draft.intend(plannedKeys(plan));
  const begun = await writer.begin(phaseMeanwhile(row, rollout, draft));
  if (!begun) return { kind: 'fault', fault: CONFLICT };
  await giveBack(row, claim.spare, coordination);

  const pass: Ensuring = {
    row: begun,
    plan,
    claim,
    ports,
    config,
    clock,
    log,
    probe,
    draft,
    coordination,
    waits,
    recent,
  };
  // A record that has to be written anew has changed: then all of it counts.
  const silent = begun === row && rollout.run ? await stillNoAnswer(pass) : undefined;
  if (silent?.kind === 'wait')
    return writer.end(begun.phase, expires_at, lookMs(silent, row, deps), silent.reason);
  const result = await runRounds(pass, rollout.run ? [...STEPS, ...READINESS] : [...STEPS, [LEAVE]]);
  if ('fault' in result) {
    const phase = judgeFault(draft, result.condition, result.fault, attempt);
    return writer.fault(phase ?? begun.phase, result.fault);
  }
  if (pass.slotTaken !== undefined && (await leaveSlot(pass, pass.slotTaken, deps)))
    return writer.end(begun.phase, expires_at, 0, 'SlotMoved');
  const { condition } = result;
  const outcome = paced(result.outcome, row, deps);
  const { phase, ms, reason } = await judgeOutcome({
    condition,
    outcome,
    pass,
    rollout,
    lines: () => lastLines(pass),
  });
  // Whatever the pass has found: AWS may not show yet what an event has told, a crash of what seems to be well above all.
  const lagLeft = lagLeftMs(pass);
  return writer.end(phase, expires_at, lagLeft > 0 ? Math.min(ms, lagLeft) : ms, reason);
}

/** What AWS is likely to show in a moment is looked at again as soon as that. */
function paced(outcome: Outcome, row: PreviewRow, deps: ReconcilerDeps): Outcome {
  const { preview_id: uid } = row;
  const { waits, clock } = deps;
  if (outcome.kind !== 'wait' || !outcome.soon) {
    waits.forget(uid);
    return outcome;
  }
  waits.found(uid, outcome.reason, clock.monotonic());
  return { ...outcome, ms: lookMs(outcome, row, deps) };
}

function lookMs(
  { soon = 'whole', ms }: Outcome & { kind: 'wait' },
  { preview_id: uid }: PreviewRow,
  { waits, clock, config }: ReconcilerDeps,
): number {
  return waits.lookMs(uid, soon, clock.monotonic(), { first: config.first_look_ms, most: ms });
}

/**
 * Gives up a slot in which a stranger's rule was seen in two passes; the first may have been a stale read. Our own rules
 * go first, and the slot is changed for another in one write: without a slot the preview would have to queue again.
 * Nobody remembers that the slot is taken: whoever claims one asks the listener, so it is free when the stranger is gone.
 */
async function leaveSlot(pass: Ensuring, suffix: string, deps: ReconcilerDeps): Promise<boolean> {
  const before = findCondition(pass.row.status.conditions, 'RouteReady');
  const { alb, slots } = pass.claim;
  const n = slots.get(suffix);
  if (before?.reason !== 'NameConflict' || n === undefined) return false;
  const usable = (free: readonly Slot[]) => withoutStrangers(free, pass.ports.elbv2);
  return moveSlot(pass.row, { alb, n, suffix }, deps.coordination, {
    usable,
    clear: () => clearSlot(pass, suffix),
  });
}

function slotField({ alb, slots }: Claim): NonNullable<Status['slot']> {
  const others = Object.fromEntries([...slots].filter(([suffix]) => suffix !== MAIN));
  const n = slots.get(MAIN) ?? 0;
  return { alb: alb.name, n, ...(Object.keys(others).length === 0 ? {} : { others }) };
}

/** The phase while the pass is under way: already true of what is known before its first call. */
function phaseMeanwhile({ phase, status }: PreviewRow, rollout: Rollout, draft: StatusDraft): Phase {
  // What could not be done before is tried again: that alone is no news, and must not be written at every try.
  const again = status.rollout?.spec === rollout.hash && (phase === 'Failed' || phase === 'Degraded');
  if (rollout.rolling && !again) return status.ready_at ? 'Updating' : 'Provisioning';
  if (again) return phase;
  if (phase !== 'Ready' || findCondition(draft.status.conditions, 'SpecAccepted')?.status === 'True')
    return phase;
  draft.find(SPEC_NOT_ACCEPTED);
  return 'Degraded';
}
