import type { ContainerDefinition, HealthCheck } from '@aws-sdk/client-ecs';
import { checkArgv, isChecked } from './container-health.ts';
import { refused } from './errors.ts';

const MAX_CONTAINERS = 10;
/** Seconds, on Fargate: API reference, ContainerDefinition. */
const START_TIMEOUT = [2, 120] as const;
const CONDITIONS: readonly unknown[] = ['START', 'COMPLETE', 'SUCCESS', 'HEALTHY'];
/** Seconds: API reference, HealthCheck. */
const HEALTH_CHECK = {
  interval: [5, 300],
  timeout: [2, 60],
  retries: [1, 10],
  startPeriod: [0, 300],
} as const;

/**
 * Throws where ECS refuses containers for what they are to each other, in its words where they are known. `size` is the
 * task's, in CPU units and MiB.
 */
export function checkContainers(
  containers: readonly ContainerDefinition[],
  size: { cpu: number; memory: number },
): void {
  if (containers.length > MAX_CONTAINERS)
    throw refused(`Too many containers. A task definition can have at most ${MAX_CONTAINERS}.`);
  const names = containers.map(({ name }) => name);
  if (new Set(names).size < names.length)
    throw refused('Container names must be unique within a Task Definition.');
  if (containers.every(({ essential }) => essential === false))
    throw refused("Task definition doesn't have any essential container.");
  checkPorts(containers);
  for (const container of containers) checkDependencies(container, containers);
  checkCycles(containers);
  checkSizes(containers, size);
}

export function checkHealthCheck(check: HealthCheck): void {
  if (checkArgv(check)?.length === 0) throw refused('HealthCheck command must not be empty.');
  for (const [field, [least, most]] of Object.entries(HEALTH_CHECK)) {
    const value = check[field as keyof typeof HEALTH_CHECK];
    if (value !== undefined && (value < least || value > most))
      throw refused(`HealthCheck ${field} must be between ${least} and ${most}.`);
  }
}

export function checkStartTimeout({ name, startTimeout }: ContainerDefinition): void {
  const [least, most] = START_TIMEOUT;
  if (startTimeout !== undefined && (startTimeout < least || startTimeout > most))
    throw refused(`The startTimeout of container '${name}' must be between ${least} and ${most} seconds.`);
}

/** With awsvpc all containers of a task share its network. */
function checkPorts(containers: readonly ContainerDefinition[]): void {
  const ports = containers.flatMap(({ portMappings = [] }) =>
    portMappings.map(({ containerPort, protocol = 'tcp' }) => `${containerPort}/${protocol}`),
  );
  const twice = ports.find((port, i) => ports.indexOf(port) < i);
  if (twice === undefined) return;
  const [port, protocol = ''] = twice.split('/');
  throw refused(`${protocol.toUpperCase()} host port '${port}' is mapped multiple times in task.`);
}

function checkDependencies(
  { dependsOn = [] }: ContainerDefinition,
  containers: readonly ContainerDefinition[],
): void {
  for (const { containerName, condition } of dependsOn) {
    const other = containers.find((one) => one.name === containerName);
    if (!other) throw refused(`Cannot depend on container + '${containerName}' because it does not exist`);
    if (!CONDITIONS.includes(condition))
      throw refused(`Invalid condition of the dependency on container '${containerName}'.`);
    if (condition === 'HEALTHY' && !isChecked(other))
      throw refused('A dependency container with HEALTHY condition must have health check configured');
    if ((condition === 'COMPLETE' || condition === 'SUCCESS') && other.essential !== false)
      throw refused(
        'A dependency container with SUCCESS or COMPLETE condition cannot be an essential container',
      );
  }
}

/** One that depends on itself is the shortest of them. */
function checkCycles(containers: readonly ContainerDefinition[]): void {
  const left = new Map(
    containers.map(({ name, dependsOn = [] }) => [name, dependsOn.map((one) => one.containerName)]),
  );
  for (;;) {
    const free = [...left].filter(([, before]) => before.every((name) => !left.has(name)));
    if (free.length === 0) break;
    for (const [name] of free) left.delete(name);
  }
  if (left.size > 0) throw refused('Container dependencies should not have a cycle');
}

function checkSizes(containers: readonly ContainerDefinition[], size: { cpu: number; memory: number }): void {
  const sum = (of: (container: ContainerDefinition) => number) =>
    containers.reduce((all, container) => all + of(container), 0);
  if (sum(({ cpu = 0 }) => cpu) > size.cpu)
    throw refused(
      "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
    );
  for (const { name, memory = 0, memoryReservation = 0 } of containers) {
    if (memory > size.memory)
      throw refused(`The 'memory' setting for container '${name}' is greater than for the task.`);
    if (memory > 0 && memory < memoryReservation)
      throw refused(`The 'memory' setting for container '${name}' is less than its 'memoryReservation'.`);
  }
  if (sum(({ memory, memoryReservation }) => memoryReservation ?? memory ?? 0) > size.memory)
    throw refused(
      "The sum of all container 'memory' values cannot be greater than the value of the task 'memory'.",
    );
}
