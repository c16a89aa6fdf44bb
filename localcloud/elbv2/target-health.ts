import type { TargetHealth as HealthView } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Elbv2Context } from './context.ts';
import type { RoutingTarget, TargetState } from './routing-view.ts';
import { loadBalancersOf, type TargetGroupRecord, type TargetRecord } from './state.ts';
import { DELAY } from './target-group-settings.ts';

export type CheckTarget = (
  target: { id: string; port: number },
  check: { path: string; timeoutMs: number; codes: string },
) => Promise<
  | { ok: true }
  | {
      ok: false;
      reason: 'Target.ResponseCodeMismatch' | 'Target.Timeout' | 'Target.FailedHealthChecks';
      description: string;
    }
>;

export interface TargetHealthDeps {
  context: Elbv2Context;
  checkTarget: CheckTarget;
  /** How often a target that has never been healthy is checked. AWS waits for the interval. */
  initialCheckMs: number;
}

/** One registered target, as the health checks see it. */
interface Watched {
  group: TargetGroupRecord;
  target: TargetRecord;
  /** Whether a rule sends requests to its group: without one nothing is checked. */
  used: boolean;
  state: TargetState;
  everHealthy: boolean;
  /** Checks in a row with the same result, by the beat of the interval. */
  streak: { ok: boolean; count: number; countedAt: number };
  /** What the last check that failed said: it stays the reason until the target is healthy again. */
  failure?: { reason: NonNullable<HealthView['Reason']>; description: string };
  cancel: () => void;
  gone: boolean;
}

/**
 * Target health: one success makes a new target healthy, afterwards thresholds count. A target that has never been
 * healthy is asked more often than AWS would, but is not called unhealthy any sooner.
 */
export class TargetHealth {
  readonly #deps: TargetHealthDeps;
  readonly #watched = new Map<string, Watched>();
  #stopped = false;

  constructor(deps: TargetHealthDeps) {
    this.#deps = deps;
  }

  /** Watches a target that is registered; one that was draining is new again. */
  add(group: TargetGroupRecord, target: TargetRecord): void {
    const key = keyOf(group, target);
    const before = this.#watched.get(key);
    if (before && before.state !== 'draining') return;
    if (before) this.#end(before);
    this.#watch(group, target);
  }

  /** A deregistered target drains for the group's delay, and is gone after it. */
  remove(group: TargetGroupRecord, target: TargetRecord): void {
    const watched = this.#watched.get(keyOf(group, target));
    if (!watched || watched.state === 'draining') return;
    const delayMs = Number(group.attributes[DELAY] ?? 300) * 1000;
    if (delayMs === 0 || !watched.used) return this.#end(watched);
    watched.state = 'draining';
    this.#plan(watched, delayMs, () => this.#end(watched));
  }

  forgetGroup(group: TargetGroupRecord): void {
    for (const watched of this.#watched.values()) if (watched.group === group) this.#end(watched);
  }

  /** Rules have changed: targets of a group that came into use, or went out of it, begin again. */
  usesChanged(): void {
    for (const watched of this.#watched.values()) {
      if (watched.state === 'draining' || watched.used === this.#isUsed(watched.group)) continue;
      this.#end(watched);
      this.#watch(watched.group, watched.target);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const watched of this.#watched.values()) watched.cancel();
  }

  targetsOf(group: TargetGroupRecord): RoutingTarget[] {
    return [...this.#watched.values()]
      .filter((watched) => watched.group === group)
      .map(({ target, used, state, everHealthy }) => ({
        ...target,
        everHealthy,
        state: used || state === 'draining' ? state : 'unused',
      }));
  }

  /** In AWS's words. */
  describe(group: TargetGroupRecord, target: TargetRecord): HealthView {
    const watched = this.#watched.get(keyOf(group, target));
    if (!watched) {
      return {
        State: 'unused',
        Reason: 'Target.NotRegistered',
        Description: 'Target is not registered to the target group',
      };
    }
    if (watched.state === 'draining') {
      const Description = 'Target deregistration is in progress';
      return { State: 'draining', Reason: 'Target.DeregistrationInProgress', Description };
    }
    if (!watched.used) {
      const Description = 'Target group is not configured to receive traffic from the load balancer';
      return { State: 'unused', Reason: 'Target.NotInUse', Description };
    }
    if (watched.state === 'healthy') return { State: 'healthy' };
    if (watched.state === 'unhealthy' && watched.failure) {
      return { State: 'unhealthy', Reason: watched.failure.reason, Description: watched.failure.description };
    }
    const checking = watched.failure !== undefined;
    return {
      State: 'initial',
      Reason: checking ? 'Elb.InitialHealthChecking' : 'Elb.RegistrationInProgress',
      Description: checking ? 'Initial health checks in progress' : 'Target registration is in progress',
    };
  }

  #isUsed(group: TargetGroupRecord): boolean {
    return loadBalancersOf(this.#deps.context.state, group.arn).length > 0;
  }

  #watch(group: TargetGroupRecord, target: TargetRecord): void {
    const watched: Watched = {
      group,
      target,
      used: this.#isUsed(group),
      state: 'initial',
      everHealthy: false,
      streak: { ok: true, count: 0, countedAt: this.#deps.context.clock.monotonic() },
      cancel: () => undefined,
      gone: false,
    };
    this.#watched.set(keyOf(group, target), watched);
    const firstMs = this.#deps.context.realism?.delayMs('first_check') ?? 0;
    if (watched.used) this.#plan(watched, firstMs, () => void this.#check(watched));
  }

  #end(watched: Watched): void {
    watched.cancel();
    watched.gone = true;
    const key = keyOf(watched.group, watched.target);
    if (this.#watched.get(key) === watched) this.#watched.delete(key);
  }

  /** The one thing that happens next to a target. */
  #plan(watched: Watched, ms: number, next: () => void): void {
    watched.cancel();
    if (!this.#stopped) watched.cancel = this.#deps.context.clock.after(ms, next);
  }

  async #check(watched: Watched): Promise<void> {
    const { path, timeoutSeconds, codes } = watched.group.settings.healthCheck;
    const check = { path, timeoutMs: timeoutSeconds * 1000, codes };
    const result = await this.#deps.checkTarget(watched.target, check);
    // While the answer was on its way, the target may have left or its group may have gone out of use.
    if (watched.gone || watched.state === 'draining') return;
    if (!result.ok) watched.failure = { reason: result.reason, description: result.description };
    const intervalMs = watched.group.settings.healthCheck.intervalSeconds * 1000;
    const { state: before } = watched;
    this.#count(watched, result.ok, intervalMs);
    if (watched.state !== before) this.#logChange(watched);
    const nextMs = watched.everHealthy ? intervalMs : this.#initialCheckMs(intervalMs);
    this.#plan(watched, nextMs, () => void this.#check(watched));
  }

  /** As often as AWS, where its time is asked for. */
  #initialCheckMs(intervalMs: number): number {
    const { context, initialCheckMs } = this.#deps;
    return Math.max(initialCheckMs, (context.realism?.factor ?? 0) * intervalMs);
  }

  #logChange({ group, target, state, failure }: Watched): void {
    const fields = { target_group_arn: group.arn, target: `${target.id}:${target.port}`, state };
    const reason = state === 'unhealthy' ? { reason: failure?.description } : {};
    this.#deps.context.log.debug({ ...fields, ...reason }, 'changed target health');
  }

  /** Results count at most once an interval, so that frequent first checks bring no verdict early. */
  #count(watched: Watched, ok: boolean, intervalMs: number): void {
    const { healthCheck } = watched.group.settings;
    const now = this.#deps.context.clock.monotonic();
    if (ok && !watched.everHealthy) {
      watched.state = 'healthy';
      watched.everHealthy = true;
      watched.streak = { ok, count: 1, countedAt: now };
      return;
    }
    const { streak } = watched;
    if (streak.ok !== ok) watched.streak = { ok, count: 1, countedAt: now };
    else if (watched.everHealthy || now - streak.countedAt >= intervalMs) {
      watched.streak = { ok, count: streak.count + 1, countedAt: now };
    }
    const { count } = watched.streak;
    if (ok && count >= healthCheck.healthyThreshold) watched.state = 'healthy';
    if (!ok && count >= healthCheck.unhealthyThreshold) watched.state = 'unhealthy';
  }
}

function keyOf({ arn }: TargetGroupRecord, { id, port }: TargetRecord): string {
  return `${arn} ${id}:${port}`;
}
