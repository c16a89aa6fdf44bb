import type { DeploymentConfiguration } from '@aws-sdk/client-ecs';

/** A task as a rollout sees it. Only tasks that shall run are shown to it. */
export interface RolloutTask {
  id: string;
  /** RUNNING, and healthy in every target group. */
  healthy: boolean;
}

export interface RolloutView {
  desired: number;
  configuration: DeploymentConfiguration | undefined;
  /** The deployment has failed and there is nothing to go back to: it starts and replaces nothing. */
  stalled: boolean;
  /** Tasks of the PRIMARY deployment, oldest first. */
  primary: readonly RolloutTask[];
  /** Tasks of the deployments that it replaces. */
  older: readonly RolloutTask[];
}

export interface RolloutPlan {
  start: number;
  stop: string[];
}

const DEFAULT_MINIMUM_PERCENT = 100;
const DEFAULT_MAXIMUM_PERCENT = 200;

/**
 * The next step of a rolling update: never more tasks than maximumPercent, never fewer healthy ones than
 * minimumHealthyPercent, as long as there are enough healthy ones to begin with.
 */
export function planRollout({ desired, configuration, stalled, primary, older }: RolloutView): RolloutPlan {
  const most = Math.floor((desired * (configuration?.maximumPercent ?? DEFAULT_MAXIMUM_PERCENT)) / 100);
  const least = Math.ceil(
    (desired * (configuration?.minimumHealthyPercent ?? DEFAULT_MINIMUM_PERCENT)) / 100,
  );
  const room = Math.max(0, Math.min(desired - primary.length, most - primary.length - older.length));
  const surplus = healthyLast(primary).slice(0, Math.max(0, primary.length - desired));
  const healthy = [...primary, ...older].filter((task) => task.healthy).length;
  const replaceable = stalled && desired > 0 ? [] : replaceableOf(older, healthy - least);
  return {
    start: stalled ? 0 : room,
    stop: [...surplus, ...replaceable].map(({ id }) => id),
  };
}

/** Old tasks that do not serve can go at once; of those that serve, as many as are spare. */
function replaceableOf(older: readonly RolloutTask[], spare: number): RolloutTask[] {
  const serving = older.filter((task) => task.healthy);
  return [...older.filter((task) => !task.healthy), ...serving.slice(0, Math.max(0, spare))];
}

/** Unhealthy before healthy, and the newest first within each. */
function healthyLast(tasks: readonly RolloutTask[]): RolloutTask[] {
  return tasks.toReversed().toSorted((a, b) => Number(a.healthy) - Number(b.healthy));
}

/** A rollout is over when exactly the desired tasks of the new deployment serve, and no older one does. */
export function isSteady({ desired, primary, older }: RolloutView): boolean {
  return primary.length === desired && older.length === 0 && primary.every((task) => task.healthy);
}

/** How many failed tasks the circuit breaker takes; undefined when there is none. */
export function breakerThreshold(
  configuration: DeploymentConfiguration | undefined,
  desired: number,
): number | undefined {
  const breaker = configuration?.deploymentCircuitBreaker;
  if (!breaker?.enable) return undefined;
  const { type, value } = breaker.thresholdConfiguration ?? { type: 'BOUNDED_PERCENT', value: 50 };
  const share = Math.ceil((desired * (value ?? 50)) / 100);
  switch (type) {
    case 'COUNT':
      return value ?? 1;
    case 'UNBOUNDED_PERCENT':
      return Math.max(1, share);
    case 'BOUNDED_PERCENT':
    case undefined:
      return Math.min(200, Math.max(3, share));
  }
}

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 27 * 60 * 1000;

/** How long ECS waits after the n-th task in a row that could not be started. */
export function startDelayMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 20));
}
