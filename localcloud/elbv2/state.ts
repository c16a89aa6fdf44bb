import type { Action, RuleCondition, RuleTransform, Tag } from '@aws-sdk/client-elastic-load-balancing-v2';

/** AWS's limits of one application load balancer, over all its listeners; default rules do not count. */
export const LIMITS = {
  rules: 100,
  targetGroups: 100,
  listeners: 50,
  targets: 1_000,
  /** Of one target group. */
  targetsOfGroup: 1_000,
  /** Of one Region. */
  targetGroupsOfRegion: 3_000,
} as const;

export interface LoadBalancerRecord {
  arn: string;
  name: string;
  scheme: 'internet-facing' | 'internal';
  subnets: string[];
  securityGroups: string[];
  createdAt: string;
}

export interface ListenerRecord {
  arn: string;
  loadBalancerArn: string;
  port: number;
  protocol: string;
}

export interface RuleRecord {
  arn: string;
  listenerArn: string;
  /** Absent for the default rule. */
  priority?: number;
  conditions: RuleCondition[];
  actions: Action[];
  transforms: RuleTransform[];
}

/** What CreateTargetGroup compares, and what may be modified later. */
export interface TargetGroupSettings {
  protocol: string;
  port: number;
  vpcId: string;
  targetType: string;
  healthCheck: {
    enabled: boolean;
    protocol: string;
    port: string;
    path: string;
    intervalSeconds: number;
    timeoutSeconds: number;
    healthyThreshold: number;
    unhealthyThreshold: number;
    codes: string;
  };
}

export interface TargetRecord {
  id: string;
  port: number;
}

export interface TargetGroupRecord {
  arn: string;
  name: string;
  settings: TargetGroupSettings;
  attributes: Record<string, string>;
  targets: TargetRecord[];
}

export interface Elbv2State {
  loadBalancers: LoadBalancerRecord[];
  listeners: ListenerRecord[];
  rules: RuleRecord[];
  targetGroups: TargetGroupRecord[];
  /** By ARN. */
  tags: Record<string, Tag[]>;
}

export function emptyState(): Elbv2State {
  return { loadBalancers: [], listeners: [], rules: [], targetGroups: [], tags: {} };
}

/** Every target group that an action sends requests to. */
export function targetGroupsOf(actions: readonly Action[]): string[] {
  return actions.flatMap(({ TargetGroupArn, ForwardConfig }) => [
    ...(TargetGroupArn === undefined ? [] : [TargetGroupArn]),
    ...(ForwardConfig?.TargetGroups ?? []).flatMap((group) => group.TargetGroupArn ?? []),
  ]);
}

/** The load balancers, at most one, whose rules send requests to the target group. */
export function loadBalancersOf(state: Elbv2State, targetGroupArn: string): string[] {
  const listeners = new Set(
    state.rules
      .filter(({ actions }) => targetGroupsOf(actions).includes(targetGroupArn))
      .map((rule) => rule.listenerArn),
  );
  const found = state.listeners
    .filter(({ arn }) => listeners.has(arn))
    .map((listener) => listener.loadBalancerArn);
  return [...new Set(found)];
}
