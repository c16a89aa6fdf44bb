import type {
  CapacityProviderStrategyItem,
  CreateServiceCommandInput,
  LoadBalancer,
  UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs';

import { invalid, notModelled } from './errors.ts';
import type { TaskDefinitionRecord } from './state.ts';
import type { Targets } from './targets.ts';

const SERVICE_NAME = /^[A-Za-z0-9_-]{1,255}$/;
const MAX_TOKEN = 36;
const MAX_LOAD_BALANCERS = 5;
const MAX_DESIRED = 5000;

const UNMODELLED = [
  'serviceRegistries',
  'placementConstraints',
  'placementStrategy',
  'serviceConnectConfiguration',
  'volumeConfigurations',
  'vpcLatticeConfigurations',
] as const;

/** Throws where ECS refuses a service, as far as the parameters alone tell, and what this model does not have. */
export function checkCreate(input: CreateServiceCommandInput): void {
  if (!SERVICE_NAME.test(input.serviceName ?? '')) throw invalid('Invalid service name.');
  if ((input.clientToken ?? '').length > MAX_TOKEN) {
    throw invalid(`clientToken must have at most ${MAX_TOKEN} characters.`);
  }
  if (input.launchType && input.capacityProviderStrategy?.length) {
    throw invalid(
      'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.',
    );
  }
  if (input.launchType && input.launchType !== 'FARGATE')
    throw notModelled(`Launch type ${input.launchType}`);
  if (input.schedulingStrategy === 'DAEMON') throw notModelled('The DAEMON strategy');
  if (!input.networkConfiguration?.awsvpcConfiguration) {
    throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  }
  if (input.desiredCount === undefined) throw invalid('Parameter desiredCount must be provided.');
  checkShared(input);
}

export function checkUpdate(input: UpdateServiceCommandInput): void {
  checkShared(input);
}

function checkShared(input: CreateServiceCommandInput | UpdateServiceCommandInput): void {
  const { desiredCount = 0, healthCheckGracePeriodSeconds: grace = 0, deploymentConfiguration } = input;
  if (!Number.isInteger(desiredCount) || desiredCount < 0 || desiredCount > MAX_DESIRED) {
    throw invalid(`desiredCount must be between 0 and ${MAX_DESIRED}.`);
  }
  if (grace < 0 || grace > 2_147_483_647) throw invalid('healthCheckGracePeriodSeconds is out of range.');
  if ((input.deploymentController?.type ?? 'ECS') !== 'ECS') {
    throw notModelled(`Deployment controller ${input.deploymentController?.type}`);
  }
  if ((deploymentConfiguration?.strategy ?? 'ROLLING') !== 'ROLLING') {
    throw notModelled(`Deployment strategy ${deploymentConfiguration?.strategy}`);
  }
  const { minimumHealthyPercent = 100, maximumPercent = 200 } = deploymentConfiguration ?? {};
  if (minimumHealthyPercent >= 100 && maximumPercent <= 100) {
    throw invalid(
      'Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.',
    );
  }
  checkWeights(input.capacityProviderStrategy ?? []);
  for (const field of UNMODELLED) {
    const given = input[field];
    if (Array.isArray(given) ? given.length > 0 : given !== undefined) throw notModelled(field);
  }
}

function checkWeights(strategy: readonly CapacityProviderStrategyItem[]): void {
  const weighted = strategy.filter(({ weight = 0 }) => weight > 0).length;
  if (weighted > 1) throw notModelled('A strategy of several capacity providers');
  if (strategy.length === 0 || weighted === 1) return;
  throw invalid(
    'There are no capacity providers with a weight value greater than zero defined in the capacity provider strategy. At least one capacity provider must have a weight value greater than zero specified.',
  );
}

/** Throws unless each target group can take the tasks: it exists, takes IPs and is already behind a load balancer. */
export async function checkLoadBalancers(
  loadBalancers: readonly LoadBalancer[],
  definition: TaskDefinitionRecord,
  targets: Targets,
): Promise<void> {
  if (loadBalancers.length > MAX_LOAD_BALANCERS) {
    throw invalid(`load balancers can have at most ${MAX_LOAD_BALANCERS} items.`);
  }
  for (const loadBalancer of loadBalancers) {
    checkContainer(loadBalancer, definition);
    const arn = loadBalancer.targetGroupArn ?? '';
    const group = await targets.group(arn);
    if (!group) throw invalid('The specified target group does not exist.');
    if (group.TargetType !== undefined && group.TargetType !== 'ip') {
      throw invalid(
        `The provided target group ${arn} has target type ${group.TargetType}, which is incompatible with the awsvpc network mode specified in the task definition.`,
      );
    }
    if (!group.LoadBalancerArns?.length) {
      throw invalid(`The target group with targetGroupArn ${arn} does not have an associated load balancer.`);
    }
  }
}

function checkContainer(
  { containerName, containerPort }: LoadBalancer,
  definition: TaskDefinitionRecord,
): void {
  const container = definition.registered.containerDefinitions?.find(({ name }) => name === containerName);
  if (!container) throw invalid(`The container ${containerName} does not exist in the task definition.`);
  if (!container.portMappings?.some((mapping) => mapping.containerPort === containerPort)) {
    throw invalid(`The container ${containerName} did not have a container port ${containerPort} defined.`);
  }
}
