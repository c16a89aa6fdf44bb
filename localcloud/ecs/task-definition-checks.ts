import type {
  ContainerDefinition,
  RegisterTaskDefinitionCommandInput,
  RuntimePlatform,
} from '@aws-sdk/client-ecs';

import { notModelled, refused } from './errors.ts';
import { checkContainers, checkHealthCheck, checkStartTimeout } from './container-checks.ts';
import { fargateSize } from './fargate-sizes.ts';

const FAMILY = /^[A-Za-z0-9_-]{1,255}$/;
const CONTAINER_NAME = /^[A-Za-z0-9_-]{1,255}$/;
const MAX_STOP_TIMEOUT_SECONDS = 120;
const MAX_BYTES = 64 * 1024;

const UNMODELLED_TASK = [
  'volumes',
  'proxyConfiguration',
  'pidMode',
  'ipcMode',
  'placementConstraints',
] as const;
const UNMODELLED_CONTAINER = ['secrets', 'environmentFiles', 'mountPoints', 'volumesFrom', 'links'] as const;

/** Throws where ECS refuses a Fargate task definition, and where this model could not run what it describes. */
export function checkTaskDefinition(input: RegisterTaskDefinitionCommandInput): void {
  if (!FAMILY.test(input.family ?? '')) throw refused('Invalid family name.');
  if (Buffer.byteLength(JSON.stringify(input)) > MAX_BYTES) {
    throw refused('Actual length of task definition exceeds the maximum of 65536 bytes.');
  }
  const containers = input.containerDefinitions ?? [];
  if (containers.length === 0) throw refused('Container list cannot be empty.');
  if (input.networkMode !== 'awsvpc') throw refused('Fargate only supports network mode ‘awsvpc’.');
  checkPlatform(input.runtimePlatform);
  const size = fargateSize(input.cpu, input.memory);
  checkContainers(containers, size);
  for (const container of containers) checkContainer(container);
  refuseUnmodelled(input, UNMODELLED_TASK);
  for (const container of containers) refuseUnmodelled(container, UNMODELLED_CONTAINER);
}

function checkPlatform({
  cpuArchitecture,
  operatingSystemFamily: system = 'LINUX',
}: RuntimePlatform = {}): void {
  if (cpuArchitecture !== undefined && cpuArchitecture !== 'X86_64' && cpuArchitecture !== 'ARM64')
    throw refused(`Invalid CPU architecture ${String(cpuArchitecture)}.`);
  if (system !== 'LINUX') throw notModelled(`The operating system ${system}`);
}

function checkContainer(container: ContainerDefinition): void {
  if (!CONTAINER_NAME.test(container.name ?? '')) throw refused('Invalid container name.');
  if (!container.image) throw refused('Container.image should not be null or empty.');
  if (container.privileged) throw refused('Fargate does not support privileged containers.');
  if (container.healthCheck) checkHealthCheck(container.healthCheck);
  checkStartTimeout(container);
  if ((container.stopTimeout ?? 0) > MAX_STOP_TIMEOUT_SECONDS) {
    throw refused(`Container.stopTimeout must not exceed ${MAX_STOP_TIMEOUT_SECONDS} seconds.`);
  }
  for (const { containerPort, hostPort } of container.portMappings ?? []) {
    if (hostPort !== undefined && hostPort !== 0 && hostPort !== containerPort) {
      throw refused(
        'When networkMode=awsvpc, the host ports and container ports in port mappings must match.',
      );
    }
  }
  const driver = container.logConfiguration?.logDriver;
  if (driver !== undefined && driver !== 'awslogs') throw notModelled(`The log driver ${driver}`);
}

function refuseUnmodelled<T>(value: T, fields: readonly (keyof T & string)[]): void {
  for (const field of fields) {
    const given = value[field];
    if (Array.isArray(given) ? given.length > 0 : given !== undefined) throw notModelled(field);
  }
}
