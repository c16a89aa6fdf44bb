import {
  type DeregisterTargetsCommandInput,
  type DeregisterTargetsCommandOutput,
  type DescribeTargetGroupAttributesCommandInput,
  type DescribeTargetGroupAttributesCommandOutput,
  type DescribeTargetGroupsCommandInput,
  type DescribeTargetGroupsCommandOutput,
  type DescribeTargetHealthCommandInput,
  type DescribeTargetHealthCommandOutput,
  type RegisterTargetsCommandInput,
  type RegisterTargetsCommandOutput,
  type TargetGroup,
  TargetGroupNotFoundException,
  type TargetHealthStateEnum,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import type { Clock } from '../../platform/clock.ts';
import type { TaskTarget } from './state.ts';

type Call<I, O> = (input: I) => Promise<Omit<O, '$metadata'>>;

/** The calls that ECS makes to load balancing on its user's behalf. */
export interface Elbv2Calls {
  describeTargetGroups: Call<DescribeTargetGroupsCommandInput, DescribeTargetGroupsCommandOutput>;
  describeTargetGroupAttributes: Call<
    DescribeTargetGroupAttributesCommandInput,
    DescribeTargetGroupAttributesCommandOutput
  >;
  describeTargetHealth: Call<DescribeTargetHealthCommandInput, DescribeTargetHealthCommandOutput>;
  registerTargets: Call<RegisterTargetsCommandInput, RegisterTargetsCommandOutput>;
  deregisterTargets: Call<DeregisterTargetsCommandInput, DeregisterTargetsCommandOutput>;
}

const DEFAULT_DELAY_SECONDS = 300;

/** Puts tasks into target groups, takes them out, and knows how they are. */
export class Targets {
  readonly #elbv2: Elbv2Calls;
  readonly #clock: Clock;
  readonly #pollMs: number;

  constructor(deps: { elbv2: Elbv2Calls; clock: Clock; pollMs: number }) {
    this.#elbv2 = deps.elbv2;
    this.#clock = deps.clock;
    this.#pollMs = deps.pollMs;
  }

  /** The target group, or undefined when it does not exist. */
  async group(targetGroupArn: string): Promise<TargetGroup | undefined> {
    const answer = await unlessGone(this.#elbv2.describeTargetGroups({ TargetGroupArns: [targetGroupArn] }));
    return answer?.TargetGroups?.[0];
  }

  async register(targets: readonly TaskTarget[]): Promise<void> {
    for (const target of targets) await this.#elbv2.registerTargets(callInput(target));
  }

  async deregister(targets: readonly TaskTarget[]): Promise<void> {
    for (const target of targets) await unlessGone(this.#elbv2.deregisterTargets(callInput(target)));
  }

  /** Resolves when no request can reach the deregistered targets any more, at the latest after their delay. */
  async drained(targets: readonly TaskTarget[], signal: AbortSignal): Promise<void> {
    await Promise.all(targets.map((target) => this.#drained(target, signal)));
  }

  /** The health states of every target of a group, by `targetKey`. */
  async health(targetGroupArn: string): Promise<Map<string, TargetState>> {
    const answer = await unlessGone(this.#elbv2.describeTargetHealth({ TargetGroupArn: targetGroupArn }));
    const states = (answer?.TargetHealthDescriptions ?? []).flatMap(({ Target, TargetHealth }) => {
      if (Target?.Id === undefined || Target.Port === undefined || !TargetHealth?.State) return [];
      const { State: state, Description: description = '' } = TargetHealth;
      return [[targetKey({ address: Target.Id, port: Target.Port }), { state, description }] as const];
    });
    return new Map(states);
  }

  async #drained(target: TaskTarget, signal: AbortSignal): Promise<void> {
    const until = this.#clock.monotonic() + (await this.#delayMs(target.targetGroupArn));
    while (!signal.aborted && this.#clock.monotonic() < until) {
      const states = await this.health(target.targetGroupArn);
      if (states.get(targetKey(target))?.state !== 'draining') return;
      await this.#clock.sleep(Math.min(this.#pollMs, until - this.#clock.monotonic()), signal);
    }
  }

  async #delayMs(targetGroupArn: string): Promise<number> {
    const answer = await unlessGone(
      this.#elbv2.describeTargetGroupAttributes({ TargetGroupArn: targetGroupArn }),
    );
    if (!answer) return 0;
    const delay = answer.Attributes?.find(({ Key }) => Key === 'deregistration_delay.timeout_seconds');
    return Number(delay?.Value ?? DEFAULT_DELAY_SECONDS) * 1000;
  }
}

/** What the load balancer says of a target, in its own words. */
export interface TargetState {
  state: TargetHealthStateEnum;
  description: string;
}

export function targetKey({ address, port }: Pick<TaskTarget, 'address' | 'port'>): string {
  return `${address}:${port}`;
}

function callInput({ targetGroupArn, address, port }: TaskTarget): RegisterTargetsCommandInput {
  return { TargetGroupArn: targetGroupArn, Targets: [{ Id: address, Port: port }] };
}

/** A target group can be deleted under a running service; its targets are then as good as deregistered. */
async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof TargetGroupNotFoundException) return undefined;
    throw error;
  }
}
