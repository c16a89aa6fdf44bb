import type { RoutingView } from '../elbv2/routing-view.ts';

export type Target = ReturnType<RoutingView['targetsOf']>[number];

/**
 * The target of a group's `turn`-th request: the healthy ones take turns. When none is healthy the group fails open to
 * those that have been healthy once, since a check that all of them fail says more about the check than about
 * them. A target that starts or drains gets nothing: until a preview's first check has passed, it is not there.
 */
export function chooseTarget(targets: readonly Target[], turn: number): Target | undefined {
  const healthy = targets.filter(({ state }) => state === 'healthy');
  const failOpen = targets.filter(({ state, everHealthy }) => state === 'unhealthy' && everHealthy);
  const eligible = healthy.length > 0 ? healthy : failOpen;
  return eligible[turn % eligible.length];
}
