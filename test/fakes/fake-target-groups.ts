import {
  type TargetDescription,
  type TargetHealthDescription,
  TargetGroupNotFoundException,
  type TargetHealthStateEnum,
} from '@aws-sdk/client-elastic-load-balancing-v2';

import type { Elbv2Calls } from '../../localcloud/ecs/targets.ts';
import type { Clock } from '../../platform/clock.ts';

interface Group {
  behindLoadBalancer: boolean;
  drainSeconds: number;
  targets: Map<string, { target: TargetDescription; drainedAt?: number }>;
}

/** The five calls of load balancing that ECS makes, on target groups whose health the test decides. */
export class FakeTargetGroups implements Elbv2Calls {
  readonly groups = new Map<string, Group>();
  /** The health of a registered target. */
  health: (port: number, targetGroupArn: string) => TargetHealthStateEnum = () => 'healthy';
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(arn: string, { behindLoadBalancer = true, drainSeconds = 0 } = {}): void {
    this.groups.set(arn, { behindLoadBalancer, drainSeconds, targets: new Map() });
  }

  ports(arn: string): number[] {
    return [...this.#group(arn).targets.values()]
      .filter(({ drainedAt }) => drainedAt === undefined)
      .map(({ target }) => target.Port ?? 0);
  }

  describeTargetGroups: Elbv2Calls['describeTargetGroups'] = async ({ TargetGroupArns = [] }) => ({
    TargetGroups: TargetGroupArns.map((arn) => ({
      TargetGroupArn: arn,
      TargetType: 'ip' as const,
      LoadBalancerArns: this.#group(arn).behindLoadBalancer ? ['arn:lb'] : [],
    })),
  });

  describeTargetGroupAttributes: Elbv2Calls['describeTargetGroupAttributes'] = async ({
    TargetGroupArn,
  }) => ({
    Attributes: [
      {
        Key: 'deregistration_delay.timeout_seconds',
        Value: String(this.#group(TargetGroupArn).drainSeconds),
      },
    ],
  });

  describeTargetHealth: Elbv2Calls['describeTargetHealth'] = async ({ TargetGroupArn }) => {
    const { targets } = this.#group(TargetGroupArn);
    const now = this.#clock.monotonic();
    for (const [key, { drainedAt }] of targets) if ((drainedAt ?? Infinity) <= now) targets.delete(key);
    return {
      TargetHealthDescriptions: [...targets.values()].map(
        ({ target, drainedAt }): TargetHealthDescription => {
          const State =
            drainedAt === undefined ? this.health(target.Port ?? 0, TargetGroupArn ?? '') : 'draining';
          return { Target: target, TargetHealth: { State } };
        },
      ),
    };
  };

  registerTargets: Elbv2Calls['registerTargets'] = async ({ TargetGroupArn, Targets = [] }) => {
    for (const target of Targets)
      this.#group(TargetGroupArn).targets.set(`${target.Id}:${target.Port}`, { target });
    return {};
  };

  deregisterTargets: Elbv2Calls['deregisterTargets'] = async ({ TargetGroupArn, Targets = [] }) => {
    const { targets, drainSeconds } = this.#group(TargetGroupArn);
    for (const { Id, Port } of Targets) {
      const known = targets.get(`${Id}:${Port}`);
      if (known) known.drainedAt ??= this.#clock.monotonic() + drainSeconds * 1000;
    }
    return {};
  };

  #group(arn: string | undefined): Group {
    const group = this.groups.get(arn ?? '');
    if (!group) throw new TargetGroupNotFoundException({ $metadata: {}, message: 'not found' });
    return group;
  }
}
