import type { ContainerDefinition, Tag } from '@aws-sdk/client-ecs';

import type { TaskLaunch } from '../task-runtime.ts';
import { taskArn } from './arns.ts';
import { fargateSize } from './fargate-sizes.ts';
import type { DeploymentRecord, ServiceRecord, TaskDefinitionRecord, TaskRecord } from './state.ts';

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
  const { name = '', image = '' } = containerOf(definition);
  return {
    arn: taskArn(service.cluster, id),
    id,
    cluster: service.cluster,
    service: service.arn,
    deployment: deployment.id,
    taskDefinition: definition.arn,
    family: definition.family,
    container: { name, image },
    cpu: definition.registered.cpu ?? '',
    memory: definition.registered.memory ?? '',
    lastStatus: 'PROVISIONING',
    desiredStatus: 'RUNNING',
    version: 1,
    targets: [],
    tags: taskTags(service, definition),
    createdAt: now,
  };
}

/** What the runtime is told about a task. */
export function launchOf(task: TaskRecord, definition: TaskDefinitionRecord, logs: LogSink): TaskLaunch {
  const container = containerOf(definition);
  const command = [...(container.entryPoint ?? []), ...(container.command ?? [])];
  const containerPort = container.portMappings?.[0]?.containerPort;
  return {
    taskId: task.id,
    image: task.container.image,
    ...(command.length === 0 ? {} : { command }),
    ...(container.workingDirectory === undefined ? {} : { workdir: container.workingDirectory }),
    env: Object.fromEntries((container.environment ?? []).map(({ name = '', value = '' }) => [name, value])),
    ...(containerPort === undefined ? {} : { containerPort }),
    ...fargateSize(task.cpu, task.memory),
    stopTimeoutMs: (container.stopTimeout ?? DEFAULT_STOP_TIMEOUT_SECONDS) * 1000,
    onLog: lineSink(container, task, logs),
  };
}

function containerOf(definition: TaskDefinitionRecord): ContainerDefinition {
  return definition.registered.containerDefinitions?.[0] ?? {};
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
