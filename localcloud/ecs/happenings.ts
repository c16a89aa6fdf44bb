import type { Happening } from '../events/event.ts';
import { clusterArn } from './arns.ts';
import type { DeploymentRecord, ServiceRecord, TaskRecord } from './state.ts';
import { taskView } from './task-view.ts';

/** "ECS Task State Change": the task as DescribeTasks shows it, and when it changed. */
export function taskStateChange(task: TaskRecord, now: number): Happening {
  const containerOverrides = task.containers.map(({ name }) => ({ name }));
  const shown = { ...taskView(task, false), overrides: { containerOverrides }, updatedAt: new Date(now) };
  return {
    'detail-type': 'ECS Task State Change',
    source: 'aws.ecs',
    resources: [task.arn],
    detail: JSON.parse(JSON.stringify(shown)) as Record<string, unknown>,
  };
}

const EVENT_NAMES = {
  IN_PROGRESS: 'SERVICE_DEPLOYMENT_IN_PROGRESS',
  COMPLETED: 'SERVICE_DEPLOYMENT_COMPLETED',
  FAILED: 'SERVICE_DEPLOYMENT_FAILED',
} as const;

/**
 * "ECS Deployment State Change": what has become of a rollout, in the words of its reason. As AWS documents it, it does not
 * say in which cluster.
 */
export function deploymentStateChange(service: ServiceRecord, deployment: DeploymentRecord): Happening {
  const { id, rolloutState, rolloutStateReason, updatedAt } = deployment;
  return {
    'detail-type': 'ECS Deployment State Change',
    source: 'aws.ecs',
    resources: [service.arn],
    detail: {
      eventType: rolloutState === 'FAILED' ? 'ERROR' : 'INFO',
      eventName: EVENT_NAMES[rolloutState as keyof typeof EVENT_NAMES],
      deploymentId: id,
      updatedAt: new Date(updatedAt).toISOString(),
      reason: rolloutStateReason,
    },
  };
}

/** "ECS Service Action": that the service scheduler has no place for a task, and why. */
export function placementFailure(service: ServiceRecord, reason: string, now: number): Happening {
  return {
    'detail-type': 'ECS Service Action',
    source: 'aws.ecs',
    resources: [service.arn],
    detail: {
      eventType: 'ERROR',
      eventName: 'SERVICE_TASK_PLACEMENT_FAILURE',
      clusterArn: clusterArn(service.cluster),
      createdAt: new Date(now).toISOString(),
      reason,
    },
  };
}
