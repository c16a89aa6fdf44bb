import type { Cluster, Service } from '@aws-sdk/client-ecs';
import { describeServices } from '../../aws/account.ts';
import type { Account } from './account.ts';
import { DEPLOY } from './deploy.ts';
import { fail, type Finding, ok, orElse, skipped, warn } from './finding.ts';

const PROVIDERS = ['FARGATE', 'FARGATE_SPOT'];

export async function lookAtCluster({ clients, names, region }: Account): Promise<Finding[]> {
  const { clusters = [] } = await clients.ecs.describeClusters({ clusters: [names.cluster] });
  return judgeCluster(names.cluster, clusters[0], region);
}

export function judgeCluster(name: string, cluster: Cluster | undefined, region: string): Finding[] {
  const status = cluster?.status ?? 'not there';
  if (status !== 'ACTIVE') {
    const means = 'Previews and the control plane run in it: nothing can.';
    return [fail(`cluster ${name} is ${status}`, { means, fix: DEPLOY, facts: { status } })];
  }
  const { capacityProviders = [], runningTasksCount = 0, pendingTasksCount = 0 } = cluster ?? {};
  const missing = PROVIDERS.filter((provider) => !capacityProviders.includes(provider));
  const facts = { capacityProviders, runningTasksCount, pendingTasksCount };
  if (missing.length === 0) {
    return [ok(`cluster ${name}, ${runningTasksCount} tasks run and ${pendingTasksCount} start`, facts)];
  }
  const fix =
    `aws ecs put-cluster-capacity-providers --cluster ${name} --region ${region} ` +
    `--capacity-providers ${PROVIDERS.join(' ')} --default-capacity-provider-strategy capacityProvider=FARGATE,weight=1`;
  const means = 'Previews that ask for this capacity cannot start.';
  return [fail(`cluster ${name} lacks ${missing.join(' and ')}`, { means, fix, facts })];
}

export async function lookAtControlPlane({ clients, names, region }: Account): Promise<Finding[]> {
  const wanted = [names.api_service, names.controller_service];
  return judgeControlPlane(wanted, await describeServices(clients, names.cluster, wanted), {
    cluster: names.cluster,
    region,
  });
}

/** Whether both services of the control plane run what they should. Where neither exists it runs somewhere else. */
export function judgeControlPlane(
  wanted: readonly string[],
  services: readonly Service[],
  at: { cluster: string; region: string },
): Finding[] {
  if (services.length === 0)
    return [skipped(`there is neither a service ${wanted.join(' nor ')}: the control plane runs elsewhere`)];
  const found = wanted.flatMap((name) => {
    const service = services.find(({ serviceName }) => serviceName === name);
    return judgeService(name, service, at);
  });
  const counts = services.map(({ serviceName, runningCount }) => `${serviceName} runs ${runningCount}`);
  return orElse(found, ok(counts.join(', ')));
}

function judgeService(
  name: string,
  service: Service | undefined,
  { cluster, region }: { cluster: string; region: string },
): Finding[] {
  if (!service) {
    const means = 'One half of the control plane is missing.';
    return [fail(`service ${name} is not there`, { means, fix: DEPLOY })];
  }
  const { desiredCount = 0, runningCount = 0 } = service;
  const rollout = rolloutOf(service);
  const facts = { desiredCount, runningCount, rollout: rollout ?? null };
  const events =
    `aws ecs describe-services --cluster ${cluster} --services ${name} --region ${region} ` +
    "--query 'services[].events[:5].message'";
  if (desiredCount === 0) {
    const means = 'Somebody has switched it off.';
    const fix = `aws ecs update-service --cluster ${cluster} --service ${name} --desired-count 1 --region ${region}`;
    return [fail(`${name} is told to run nothing`, { means, fix, facts })];
  }
  if (runningCount < desiredCount) {
    const judge = runningCount === 0 ? fail : warn;
    const means = 'Its tasks do not start, or do not stay: its events say why.';
    return [judge(`${name} runs ${runningCount} of ${desiredCount}`, { means, fix: events, facts })];
  }
  if (rollout === 'FAILED' || rollout === 'ROLLED_BACK') {
    const means = 'The newest version did not start, and the one before goes on.';
    return [fail(`the rollout of ${name} has failed`, { means, fix: events, facts })];
  }
  if (rollout === 'IN_PROGRESS') {
    const means = 'Old and new tasks run side by side until it is complete.';
    return [warn(`${name} is being rolled out`, { means, fix: 'wait a few minutes', facts })];
  }
  return [];
}

/** What ECS writes into its reasons and its events when the circuit breaker takes a deployment back. */
const ROLLED_BACK = /rolling back to deployment/;
/** The event and the deployment that goes back are of the same moment, each with a clock of its own. */
const SAME_MOMENT_MS = 60_000;

/**
 * State of the newest rollout. One that ECS takes back is another deployment, of the version before, which completes like
 * any other: its reason is overwritten then, the failed one is listed only until its tasks are gone, and the service's
 * events alone remember.
 */
function rolloutOf({ deployments = [], events = [] }: Service): string | undefined {
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  if (deployments.some(({ rolloutState }) => rolloutState === 'FAILED')) return 'FAILED';
  if (ROLLED_BACK.test(primary?.rolloutStateReason ?? '')) return 'ROLLED_BACK';
  const since = primary?.createdAt?.getTime();
  const goesBack = events.some(
    ({ message = '', createdAt }) =>
      ROLLED_BACK.test(message) &&
      since !== undefined &&
      createdAt !== undefined &&
      createdAt.getTime() >= since - SAME_MOMENT_MS,
  );
  return goesBack ? 'ROLLED_BACK' : primary?.rolloutState;
}
