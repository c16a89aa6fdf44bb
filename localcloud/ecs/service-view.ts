import type { Deployment, Service } from '@aws-sdk/client-ecs';

import { clusterArn } from './arns.ts';
import type { DeploymentRecord, ServiceRecord, TaskRecord } from './state.ts';

const STARTING = ['PROVISIONING', 'PENDING', 'ACTIVATING'];

/** What AWS answers for settings that nobody gave. */
const DEFAULTS = {
  loadBalancers: [],
  serviceRegistries: [],
  placementConstraints: [],
  placementStrategy: [],
  deploymentConfiguration: {
    maximumPercent: 200,
    minimumHealthyPercent: 100,
    deploymentCircuitBreaker: { enable: false, rollback: false },
  },
  enableECSManagedTags: false,
  enableExecuteCommand: false,
  propagateTags: 'NONE',
} as const satisfies Service;

/** A service as DescribeServices shows it. `tasks` are its own. */
export function serviceView(
  service: ServiceRecord,
  tasks: readonly TaskRecord[],
  { withTags }: { withTags: boolean },
): Service {
  return {
    ...structuredClone(DEFAULTS),
    ...structuredClone(service.settings),
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: clusterArn(service.cluster),
    status: service.status,
    desiredCount: service.desiredCount,
    ...counts(tasks),
    platformFamily: 'Linux',
    schedulingStrategy: 'REPLICA',
    deploymentController: { type: 'ECS' },
    ...(service.deployments[0] ? { taskDefinition: service.deployments[0].taskDefinition } : {}),
    // An INACTIVE service still says what it ran, but deploys nothing.
    deployments: (service.status === 'INACTIVE' ? [] : service.deployments).map((deployment, i) =>
      deploymentView(service, deployment, {
        isPrimary: i === 0,
        tasks: tasks.filter((task) => task.deployment === deployment.id),
      }),
    ),
    events: service.events.map(({ id, createdAt, message }) => ({
      id,
      createdAt: new Date(createdAt),
      message,
    })),
    createdAt: new Date(service.createdAt),
    ...(withTags ? { tags: service.tags } : {}),
  };
}

function deploymentView(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  { isPrimary, tasks }: { isPrimary: boolean; tasks: readonly TaskRecord[] },
): Deployment {
  const { launchType, platformVersion, networkConfiguration, capacityProviderStrategy } = service.settings;
  return {
    id: deployment.id,
    status: isPrimary ? 'PRIMARY' : 'ACTIVE',
    taskDefinition: deployment.taskDefinition,
    desiredCount: isPrimary
      ? service.desiredCount
      : tasks.filter(({ desiredStatus }) => desiredStatus === 'RUNNING').length,
    ...counts(tasks),
    failedTasks: deployment.failedTasks,
    createdAt: new Date(deployment.createdAt),
    updatedAt: new Date(deployment.updatedAt),
    rolloutState: deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
    launchType,
    platformVersion,
    networkConfiguration: structuredClone(networkConfiguration),
    capacityProviderStrategy: structuredClone(capacityProviderStrategy),
  };
}

function counts(tasks: readonly TaskRecord[]): { runningCount: number; pendingCount: number } {
  return {
    runningCount: tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING').length,
    pendingCount: tasks.filter(({ lastStatus }) => STARTING.includes(lastStatus)).length,
  };
}
