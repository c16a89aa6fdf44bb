import { ServiceNotActiveException, ServiceNotFoundException } from '@aws-sdk/client-ecs';
import { systemClock as clock } from '../platform/clock.ts';
import { print } from '../platform/terminal.ts';
import type { Clients, Deployed } from './deployed.ts';

const LOOK_MS = 2_000;

/**
 * Stops the API, so that nobody creates a preview between the last look and the end of the controller. Resolves when none
 * of its tasks runs any more. `make deploy` starts it again.
 */
export async function closeApi({ ecs }: Clients, { config }: Deployed, signal: AbortSignal): Promise<void> {
  const service = `${config.install}-api`;
  const { cluster } = config;
  try {
    await ecs.updateService({ cluster, service, desiredCount: 0 });
  } catch (error) {
    // Terraform has taken it already, and was stopped on its way.
    if (error instanceof ServiceNotFoundException || error instanceof ServiceNotActiveException) return;
    throw error;
  }
  print('The API is stopped, so that no preview begins any more; make deploy would start it again');
  while (!signal.aborted) {
    const { services = [] } = await ecs.describeServices({ cluster, services: [service] });
    if (services.every(({ runningCount = 0 }) => runningCount === 0)) return;
    await clock.sleep(LOOK_MS, signal);
  }
}
