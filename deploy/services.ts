import type { Clients, Deployed } from './deployed.ts';
import { Refusal } from './refusal.ts';

/**
 * Throws Refusal where ECS runs another image than the one that was deployed: the circuit breaker of a service takes a
 * version back that does not get healthy, and for Terraform the service is steady then, too.
 */
export async function requireRunning(
  { ecs }: Clients,
  { config: { cluster, install } }: Deployed,
  image: string,
): Promise<void> {
  for (const part of ['api', 'controller']) {
    const { services = [] } = await ecs.describeServices({ cluster, services: [`${install}-${part}`] });
    const { taskDefinition } = services[0] ?? {};
    const images = taskDefinition === undefined ? [] : await imagesOf(ecs, taskDefinition);
    if (images.includes(image)) continue;
    throw new Refusal(
      `the ${part} does not run what was deployed`,
      `its service runs ${images.join(', ') || 'nothing'} and not ${image}: ECS has taken that back`,
      `the events of the ECS service ${install}-${part} and the log group /tempus/${install}/${part} say why; the version of before goes on`,
    );
  }
}

async function imagesOf(ecs: Clients['ecs'], name: string): Promise<string[]> {
  const { taskDefinition } = await ecs.describeTaskDefinition({ taskDefinition: name });
  return (taskDefinition?.containerDefinitions ?? []).map(({ image = '' }) => image);
}
