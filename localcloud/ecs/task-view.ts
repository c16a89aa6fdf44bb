import type { Container, Task } from '@aws-sdk/client-ecs';

import { clusterArn, nameOf } from './arns.ts';
import type { ContainerRecord, TaskRecord } from './state.ts';

/** A task as DescribeTasks shows it. */
export function taskView(task: TaskRecord, withTags: boolean): Task {
  const dates = (['createdAt', 'startedAt', 'stoppingAt', 'stoppedAt'] as const).flatMap((name) => {
    const ms = task[name];
    return ms === undefined ? [] : [[name, new Date(ms)] as const];
  });
  return {
    taskArn: task.arn,
    clusterArn: clusterArn(task.cluster),
    taskDefinitionArn: task.taskDefinition,
    group: `service:${nameOf(task.service)}`,
    startedBy: task.deployment,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    version: task.version,
    launchType: 'FARGATE',
    ...(task.capacityProvider === undefined ? {} : { capacityProviderName: task.capacityProvider }),
    cpu: task.cpu,
    memory: task.memory,
    healthStatus: taskHealth(task),
    ...Object.fromEntries(dates),
    ...(task.stopCode === undefined ? {} : { stopCode: task.stopCode }),
    ...(task.stoppedReason === undefined ? {} : { stoppedReason: task.stoppedReason }),
    containers: task.containers.map((one, i) => containerView(task, one, i)),
    ...(withTags ? { tags: task.tags } : {}),
  };
}

function containerView(task: TaskRecord, one: ContainerRecord, i: number): Container {
  return {
    taskArn: task.arn,
    name: one.name,
    image: one.image,
    runtimeId: `${task.id}-${i}`,
    lastStatus: containerStatus(task, one),
    healthStatus: one.healthStatus ?? 'UNKNOWN',
    ...(one.exitCode === undefined ? {} : { exitCode: one.exitCode }),
    ...(one.reason === undefined ? {} : { reason: one.reason }),
  };
}

function containerStatus({ lastStatus }: TaskRecord, one: ContainerRecord): string {
  if (lastStatus === 'STOPPED' || lastStatus === 'DEPROVISIONING') return 'STOPPED';
  return one.lastStatus ?? 'PENDING';
}

/** As good as the worst of its essential containers that have a health check; AWS leaves out the others. */
function taskHealth({ containers }: TaskRecord): 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN' {
  const all = containers.flatMap(({ essential = true, healthStatus }) =>
    essential ? (healthStatus ?? []) : [],
  );
  if (all.includes('UNHEALTHY')) return 'UNHEALTHY';
  return all.length > 0 && all.every((one) => one === 'HEALTHY') ? 'HEALTHY' : 'UNKNOWN';
}
