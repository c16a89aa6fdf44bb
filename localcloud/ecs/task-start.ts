import type { ContainerDefinition, Tag } from '@aws-sdk/client-ecs';

import type { ContainerLaunch, TaskLaunch } from '../task-runtime.ts';
import { taskArn } from './arns.ts';
import { isChecked } from './container-health.ts';
import { fargateSize } from './fargate-sizes.ts';
import type { ContainerOrder } from './task-containers.ts';
import type {
  ContainerRecord,
  DeploymentRecord,
  ServiceRecord,
  TaskDefinitionRecord,
  TaskRecord,
} from './state.ts';

const DEFAULT_STOP_TIMEOUT_SECONDS = 30;

/** Where the log lines of tasks go. */
export interface LogSink {
  put(group: string, stream: string, lines: readonly string[]): void;
}

/** A new task of a deployment, as it stands before anything has happened. */
export function newTask(
  service: ServiceRecord,
  deployment: DeploymentRecord,
  definition: TaskDefinitionRecord,
  { id, now }: { id: string; now: number },
): TaskRecord {
  const capacityProvider = providerOf(service);
  return {
    arn: taskArn(service.cluster, id),
    id,
    cluster: service.cluster,
    service: service.arn,
    deployment: deployment.id,
    taskDefinition: definition.arn,
    family: definition.family,
    containers: containersOf(definition).map(newContainer),
    cpu: definition.registered.cpu ?? '',
    memory: definition.registered.memory ?? '',
    ...(capacityProvider === undefined ? {} : { capacityProvider }),
    lastStatus: 'PROVISIONING',
    desiredStatus: 'RUNNING',
    version: 1,
    targets: [],
    tags: taskTags(service, definition),
    createdAt: now,
  };
}

/** Which provider runs the tasks of a service: the only one of its strategy that has a weight. */
export function providerOf({ settings }: ServiceRecord): string | undefined {
  return settings.capacityProviderStrategy?.find(({ weight = 0 }) => weight > 0)?.capacityProvider;
}

function newContainer(container: ContainerDefinition): ContainerRecord {
  const { name = '', image = '', essential = true } = container;
  return {
    name,
    image,
    ...(essential ? {} : { essential }),
    ...(isChecked(container) ? { healthStatus: 'UNKNOWN' } : {}),
  };
}

/** What the runtime is told about a task. */
export function launchOf(task: TaskRecord, definition: TaskDefinitionRecord, logs: LogSink): TaskLaunch {
  const arch = definition.registered.runtimePlatform?.cpuArchitecture;
  return {
    taskId: task.id,
    ...fargateSize(task.cpu, task.memory),
    ...(arch === undefined ? {} : { arch }),
    containers: containersOf(definition).map((container) => launchContainer(container, task, logs)),
  };
}

function launchContainer(container: ContainerDefinition, task: TaskRecord, logs: LogSink): ContainerLaunch {
  const { name = '', image = '', entryPoint = [], command = [], workingDirectory, cpu, memory } = container;
  return {
    name,
    image,
    ...(entryPoint.length === 0 ? {} : { entryPoint }),
    ...(command.length === 0 ? {} : { command }),
    ...(workingDirectory === undefined ? {} : { workdir: workingDirectory }),
    env: Object.fromEntries((container.environment ?? []).map((one) => [one.name ?? '', one.value ?? ''])),
    ports: (container.portMappings ?? []).flatMap(({ containerPort }) => containerPort ?? []),
    ...(cpu ? { cpu } : {}),
    ...(memory === undefined ? {} : { memory }),
    stopTimeoutMs: (container.stopTimeout ?? DEFAULT_STOP_TIMEOUT_SECONDS) * 1000,
    onLog: lineSink(container, task, logs),
  };
}

/** How the containers of a task depend on each other. */
export function ordersOf(definition: TaskDefinitionRecord): ContainerOrder[] {
  return containersOf(definition).map((container) => {
    const { name = '', essential = true, dependsOn = [], healthCheck, startTimeout } = container;
    return {
      name,
      essential,
      dependsOn,
      ...(healthCheck && isChecked(container) ? { healthCheck } : {}),
      ...(startTimeout === undefined ? {} : { startTimeoutMs: startTimeout * 1000 }),
    };
  });
}

/** Where the load balancer is told to find the tasks of a service. */
export function targetGroupsOf({
  settings,
}: ServiceRecord): { targetGroupArn: string; containerPort: number }[] {
  return (settings.loadBalancers ?? []).flatMap(({ targetGroupArn, containerPort }) =>
    targetGroupArn === undefined || containerPort === undefined ? [] : [{ targetGroupArn, containerPort }],
  );
}

function containersOf(definition: TaskDefinitionRecord): readonly ContainerDefinition[] {
  return definition.registered.containerDefinitions ?? [];
}

/** awslogs: the stream is prefix/container/task-id. Without awslogs nothing is kept, as on AWS. */
function lineSink({ logConfiguration, name }: ContainerDefinition, task: TaskRecord, logs: LogSink) {
  const group = logConfiguration?.options?.['awslogs-group'];
  const prefix = logConfiguration?.options?.['awslogs-stream-prefix'];
  if (group === undefined || prefix === undefined) return () => undefined;
  return (line: string) => logs.put(group, `${prefix}/${name}/${task.id}`, [line]);
}

function taskTags(service: ServiceRecord, definition: TaskDefinitionRecord): Tag[] {
  const { propagateTags, enableECSManagedTags } = service.settings;
  const managed = enableECSManagedTags
    ? [
        { key: 'aws:ecs:clusterName', value: service.cluster },
        { key: 'aws:ecs:serviceName', value: service.name },
      ]
    : [];
  if (propagateTags === 'SERVICE') return [...managed, ...service.tags];
  return propagateTags === 'TASK_DEFINITION' ? [...managed, ...definition.tags] : managed;
}
