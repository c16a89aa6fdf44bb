import type { Action, RuleCondition, RuleTransform } from '@aws-sdk/client-elastic-load-balancing-v2';

export interface RoutingRule {
  ruleArn: string;
  conditions: readonly RuleCondition[];
  actions: readonly Action[];
  transforms: readonly RuleTransform[];
}

export type TargetState = 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'unused';

export interface RoutingTarget {
  id: string;
  port: number;
  state: TargetState;
  everHealthy: boolean;
}

/** What a load balancer has to know to serve a request: rules in their order, and targets with their health. */
export interface RoutingView {
  /** By priority, the default rule last. */
  rulesOf(listenerArn: string): readonly RoutingRule[];
  targetsOf(targetGroupArn: string): readonly RoutingTarget[];
}
