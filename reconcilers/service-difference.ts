import type { Deployment, Service, UpdateServiceCommandInput } from '@aws-sdk/client-ecs';
import { canonicalJson } from '../preview/spec.ts';
import type { Ensuring } from './pass.ts';
import type { Plan } from './plan.ts';

type Changes = Partial<UpdateServiceCommandInput>;
type Settings = Pick<
  Service,
  | 'networkConfiguration'
  | 'deploymentConfiguration'
  | 'healthCheckGracePeriodSeconds'
  | 'capacityProviderStrategy'
>;

/** Where the service registers its tasks: once the rules lead to the target group, AWS allows it. */
export function loadBalancers({
  plan,
  targetGroups,
}: Ensuring): NonNullable<UpdateServiceCommandInput['loadBalancers']> {
  return plan.endpoints.map(({ suffix, container, port }) => {
    const targetGroupArn = targetGroups?.get(suffix);
    if (!targetGroupArn) throw new Error('the target group step has not run');
    return { targetGroupArn, containerName: container, containerPort: port };
  });
}

/** What UpdateService has to change, or undefined where the service is as planned. */
export function difference(pass: Ensuring, observed: Service): Changes | undefined {
  const { plan, taskDefinitionArn } = pass;
  const changes: Changes = { ...settings(plan, observed) };
  if (observed.taskDefinition !== taskDefinitionArn) changes.taskDefinition = taskDefinitionArn;
  if (!isBehind(observed, pass)) changes.loadBalancers = loadBalancers(pass);
  if (observed.desiredCount !== plan.service.desiredCount) changes.desiredCount = plan.service.desiredCount;
  const primary = observed.deployments?.find(({ status }) => status === 'PRIMARY');
  // Started again after a stop it gets a deployment of its own, so that its progress is counted from now.
  const restarted = observed.desiredCount === 0 && plan.service.desiredCount > 0;
  if (changes.taskDefinition === undefined && (restarted || isToBeRetried(pass, primary)))
    changes.forceNewDeployment = true;
  // ECS takes another strategy only with a deployment, which alone can move a task.
  if (changes.capacityProviderStrategy) changes.forceNewDeployment = true;
  return Object.keys(changes).length > 0 ? changes : undefined;
}

/** The settings that a hand may have changed, sent whole: a part of one would reset the rest of it. */
function settings({ service }: Plan, observed: Service): Settings {
  const changes: Settings = {};
  if (networkOf(observed) !== networkOf(service)) changes.networkConfiguration = service.networkConfiguration;
  if (rolloutOf(observed) !== rolloutOf(service))
    changes.deploymentConfiguration = service.deploymentConfiguration;
  if (observed.healthCheckGracePeriodSeconds !== service.healthCheckGracePeriodSeconds)
    changes.healthCheckGracePeriodSeconds = service.healthCheckGracePeriodSeconds;
  if (capacityOf(observed) !== capacityOf(service))
    changes.capacityProviderStrategy = service.capacityProviderStrategy;
  return changes;
}

/** A service without a strategy was created with a launch type, which is Fargate on demand: it need not move. */
function capacityOf({ capacityProviderStrategy = [] }: Settings): string {
  const used = capacityProviderStrategy.filter(({ weight = 0, base = 0 }) => weight > 0 || base > 0);
  return used.length === 0 ? 'FARGATE' : used.map(({ capacityProvider }) => capacityProvider).join();
}

/** AWS answers subnets and security groups in an order of its own. */
function networkOf({ networkConfiguration }: Settings): string {
  const { subnets, securityGroups, assignPublicIp } = networkConfiguration?.awsvpcConfiguration ?? {};
  return canonicalJson([subnets?.toSorted(), securityGroups?.toSorted(), assignPublicIp]);
}

/** The parts that AWS has always answered as they were sent; it adds others by itself. */
function rolloutOf({ deploymentConfiguration: rollout }: Settings): string {
  const { enable, rollback } = rollout?.deploymentCircuitBreaker ?? {};
  return canonicalJson([rollout?.minimumHealthyPercent, rollout?.maximumPercent, enable, rollback]);
}

/** A target group that a hand deleted comes back with another ARN, and the service must be told. */
function isBehind({ loadBalancers: now = [] }: Service, pass: Ensuring): boolean {
  const wanted = loadBalancers(pass);
  return (
    now.length === wanted.length &&
    wanted.every((one) =>
      now.some(
        ({ targetGroupArn, containerName, containerPort }) =>
          targetGroupArn === one.targetGroupArn &&
          containerName === one.containerName &&
          containerPort === one.containerPort,
      ),
    )
  );
}

/**
 * The same task definition asked for again after a rejection: without force AWS would leave the failure standing. Only
 * where the rollout that the record speaks of began after the deployment that failed.
 */
function isToBeRetried({ plan, row }: Ensuring, primary: Deployment | undefined): boolean {
  const { rollout } = row.status;
  if (primary?.rolloutState !== 'FAILED' || rollout?.spec !== plan.specHash) return false;
  if (plan.service.desiredCount === 0 || primary.createdAt === undefined) return false;
  return primary.createdAt < new Date(rollout.since);
}
