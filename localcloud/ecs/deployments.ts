import { deploymentStateChange, placementFailure } from './happenings.ts';
import type { DeploymentRecord, EcsContext, ServiceRecord } from './state.ts';

const MAX_EVENTS = 100;

/** Adds a line to what DescribeServices tells about a service; the newest comes first. */
export function addEvent(context: EcsContext, service: ServiceRecord, message: string): void {
  service.events.unshift({
    id: context.random.uuid(),
    createdAt: context.now(),
    message: `(service ${service.name}) ${message}`,
  });
  service.events.length = Math.min(service.events.length, MAX_EVENTS);
  context.touch();
}

/** The account has no room for one more task of the service now. */
export function refusePlacement(context: EcsContext, service: ServiceRecord, reason: string): void {
  addEvent(context, service, `was unable to place a task. Reason: ${reason}.`);
  context.publish?.(placementFailure(service, reason, context.now()));
}

/** Makes `taskDefinition` what the service shall run; older deployments serve until they are replaced. */
export function beginDeployment(
  context: EcsContext,
  service: ServiceRecord,
  taskDefinition: string,
): DeploymentRecord {
  const now = context.now();
  const id = `ecs-svc/${String(Math.floor(context.random.next() * 1e16)).padStart(19, '9')}`;
  const deployment: DeploymentRecord = {
    id,
    taskDefinition,
    createdAt: now,
    updatedAt: now,
    failedTasks: 0,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: `ECS deployment ${id} in progress.`,
  };
  service.deployments.unshift(deployment);
  context.publish?.(deploymentStateChange(service, deployment));
  return deployment;
}

/** The deployment has brought up everything it should: the others are history. */
export function completeDeployment(
  context: EcsContext,
  service: ServiceRecord,
  deployment: DeploymentRecord,
): void {
  conclude(context, service, deployment, 'COMPLETED', `ECS deployment ${deployment.id} completed.`);
  service.deployments = [deployment];
  service.lastCompleted = { id: deployment.id, taskDefinition: deployment.taskDefinition };
  addEvent(context, service, `(deployment ${deployment.id}) deployment completed.`);
}

/**
 * The circuit breaker opens. With rollback on, a new deployment of what last completed takes over and adopts its
 * tasks that still run; without, or with nothing to go back to, the deployment stalls.
 */
export function failDeployment(
  context: EcsContext,
  service: ServiceRecord,
  deployment: DeploymentRecord,
): void {
  const reason = 'ECS deployment circuit breaker: tasks failed to start.';
  addEvent(context, service, `(deployment ${deployment.id}) deployment failed: tasks failed to start.`);
  const goal = service.lastCompleted;
  const rollback = service.settings.deploymentConfiguration?.deploymentCircuitBreaker?.rollback;
  // A deployment of what it would go back to has nothing to go back to either.
  if (!rollback || !goal || goal.taskDefinition === deployment.taskDefinition) {
    conclude(context, service, deployment, 'FAILED', reason);
    return;
  }
  const back = beginDeployment(context, service, goal.taskDefinition);
  conclude(context, service, deployment, 'FAILED', `${reason} Rolling back to deploymentId ${back.id}.`);
  back.rolloutStateReason = `ECS deployment circuit breaker: rolling back to deploymentId ${goal.id}.`;
  for (const task of context.state.tasks) {
    if (task.deployment === goal.id && task.desiredStatus === 'RUNNING') task.deployment = back.id;
  }
  addEvent(context, service, `rolling back to deployment ${goal.id}.`);
}

export function isInProgress({ rolloutState }: DeploymentRecord): boolean {
  return rolloutState === 'IN_PROGRESS';
}

function conclude(
  context: EcsContext,
  service: ServiceRecord,
  deployment: DeploymentRecord,
  state: 'COMPLETED' | 'FAILED',
  reason: string,
): void {
  deployment.rolloutState = state;
  deployment.rolloutStateReason = reason;
  deployment.updatedAt = context.now();
  context.publish?.(deploymentStateChange(service, deployment));
}
