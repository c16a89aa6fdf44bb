import type { ContainerDefinition, HealthCheck } from '@aws-sdk/client-ecs';
import { refused } from './errors.ts';

const MAX_CONTAINERS = 10;
/** Seconds: API reference, HealthCheck. */
const BOUNDS = { interval: [5, 300], timeout: [2, 60], retries: [1, 10], startPeriod: [0, 300] } as const;

/** Throws where ECS refuses containers for what they are to each other. `size` is the task's, in CPU units and MiB. */
export function checkContainers(
  containers: readonly ContainerDefinition[],
  size: { cpu: number; memory: number },
): void {
  if (containers.length > MAX_CONTAINERS)
    throw refused(`TaskDefinition can have at most ${MAX_CONTAINERS} container definitions.`);
  const names = containers.map(({ name }) => name);
  if (new Set(names).size < names.length)
    throw refused('Container.name should be unique in a TaskDefinition.');
  if (containers.every(({ essential }) => essential === false))
    throw refused('TaskDefinition must have at least one essential container.');
  checkPorts(containers);
  for (const container of containers) checkDependencies(container, containers);
  checkCycles(containers);
  checkSizes(containers, size);
}

export function checkHealthCheck(check: HealthCheck): void {
  const [form] = check.command ?? [];
  if (form === undefined) throw refused('HealthCheck command must not be empty.');
  for (const [field, [least, most]] of Object.entries(BOUNDS)) {
    const value = check[field as keyof typeof BOUNDS];
    if (value !== undefined && (value < least || value > most))
      throw refused(`HealthCheck ${field} must be between ${least} and ${most}.`);
  }
}

/** With awsvpc all containers of a task share its network. */
function checkPorts(containers: readonly ContainerDefinition[]): void {
  const ports = containers.flatMap(({ portMappings = [] }) =>
    portMappings.map(({ containerPort, protocol = 'tcp' }) => `${containerPort}/${protocol}`),
  );
  const twice = ports.find((port, i) => ports.indexOf(port) < i);
  if (twice !== undefined)
    throw refused(`Container port ${twice.split('/')[0]} is mapped by more than one container.`);
}

function checkDependencies(
  { name = '', dependsOn = [] }: ContainerDefinition,
  containers: readonly ContainerDefinition[],
): void {
  for (const { containerName, condition } of dependsOn) {
    const other = containers.find((one) => one.name === containerName);
    if (!other || containerName === name)
      throw refused(`Container ${name} depends on an invalid container: ${containerName}.`);
    if (condition === 'HEALTHY' && !other.healthCheck)
      throw refused(`A dependency on ${containerName} being HEALTHY needs a health check in its definition.`);
    if ((condition === 'COMPLETE' || condition === 'SUCCESS') && other.essential !== false)
      throw refused(
        `A container with the dependency condition ${condition} cannot be essential: ${containerName}.`,
      );
  }
}

function checkCycles(containers: readonly ContainerDefinition[]): void {
  const left = new Map(
    containers.map(({ name, dependsOn = [] }) => [name, dependsOn.map((one) => one.containerName)]),
  );
  for (;;) {
    const free = [...left].filter(([, before]) => before.every((name) => !left.has(name)));
    if (free.length === 0) break;
    for (const [name] of free) left.delete(name);
  }
  if (left.size > 0) throw refused('The container dependencies form a cycle.');
}

function checkSizes(containers: readonly ContainerDefinition[], size: { cpu: number; memory: number }): void {
  const sum = (of: (container: ContainerDefinition) => number) =>
    containers.reduce((all, container) => all + of(container), 0);
  if (sum(({ cpu = 0 }) => cpu) > size.cpu)
    throw refused('The cpu of the containers exceeds the cpu of the task.');
  if (sum(({ memory, memoryReservation }) => memoryReservation ?? memory ?? 0) > size.memory)
    throw refused('The memory of the containers exceeds the memory of the task.');
}
