import {
  ClusterNotFoundException,
  paginateListTasks,
  ServiceNotActiveException,
  ServiceNotFoundException,
} from '@aws-sdk/client-ecs';
import { systemClock as clock } from '../platform/clock.ts';
import { print } from '../platform/terminal.ts';
import type { Clients, Deployed } from './deployed.ts';
import { Refusal } from './refusal.ts';

const LOOK_MS = 2_000;

/** For who is left with an API that is stopped, and Terraform that has not run. */
export const HOW_TO_REOPEN = 'the API is stopped: make deploy starts it again';

/**
 * Stops the API, so that nobody creates a preview between the last look and the end of the controller. Resolves when every
 * one of its tasks is STOPPED. Throws Refusal where `signal` ends the waiting before.
 */
export async function closeApi(clients: Clients, deployed: Deployed, signal: AbortSignal): Promise<void> {
  const { cluster, install } = deployed.config;
  try {
    await clients.ecs.updateService({ cluster, service: `${install}-api`, desiredCount: 0 });
  } catch (error) {
    // Terraform has taken it already, and was stopped on its way.
    if (isGone(error)) return;
    throw error;
  }
  print(`Stops the API, so that no preview begins any more; make deploy would start it again`);
  while (!(await hasStopped(clients, deployed))) {
    requireWaiting(signal);
    await clock.sleep(LOOK_MS, signal);
  }
}

/** Whether nobody has started it again meanwhile, as a deploy does. */
export async function isClosed({ ecs }: Clients, { config }: Deployed): Promise<boolean> {
  try {
    const service = `${config.install}-api`;
    const { services = [] } = await ecs.describeServices({ cluster: config.cluster, services: [service] });
    return services.every(({ status, desiredCount }) => status === 'INACTIVE' || desiredCount === 0);
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}

/** Throws Refusal where `signal` says that somebody has stopped the waiting: then Terraform does not run either. */
export function requireWaiting(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new Refusal(
    'stopped waiting',
    `Terraform has not run; ${HOW_TO_REOPEN}`,
    'make destroy goes on from here',
  );
}

/** A service counts no task that it has told to stop; the task answers until it is STOPPED. */
async function hasStopped({ ecs }: Clients, { config }: Deployed): Promise<boolean> {
  const { cluster } = config;
  const serviceName = `${config.install}-api`;
  // In this order one that is told to stop between both lists is in the second.
  for (const desiredStatus of ['RUNNING', 'STOPPED'] as const) {
    for await (const { taskArns: tasks = [] } of paginateListTasks(
      { client: ecs },
      { cluster, serviceName, desiredStatus },
    )) {
      if (tasks.length === 0) continue;
      const { tasks: found = [] } = await ecs.describeTasks({ cluster, tasks });
      if (found.some(({ lastStatus }) => lastStatus !== 'STOPPED')) return false;
    }
  }
  return true;
}

function isGone(error: unknown): boolean {
  return (
    error instanceof ServiceNotFoundException ||
    error instanceof ServiceNotActiveException ||
    error instanceof ClusterNotFoundException
  );
}
