import type { CreateServiceCommandInput, RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs';
import type { CreateScheduleCommandInput } from '@aws-sdk/client-scheduler';
import { endpointsOf } from '../preview/endpoints.ts';
import { resourceKey, resourceName } from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import { hashSpec, type Spec } from '../preview/spec.ts';
import { type Arch, type Capacity, UNSAID } from '../preview/spec-fields.ts';
import { previewUrls } from '../preview/urls.ts';
import type { AlbConfig, ReconcilerConfig } from './config.ts';
import { type EndpointPlan, planEndpoint } from './plan-endpoint.ts';
import { ecsTags, planTaskDefinition } from './plan-task.ts';

/** The whole desired AWS model of one preview, before any call is made. ARNs that AWS assigns are left out. */
export interface Plan {
  id: string;
  uid: string;
  name: string;
  specHash: string;
  /** What its tasks run on. */
  arch: Arch;
  alb: AlbConfig;
  urls: string[];
  fuse: CreateScheduleCommandInput & { Name: string };
  /** The preview's own address first. */
  endpoints: EndpointPlan[];
  targetGroupAttributes: Record<string, string>;
  taskDefinition: RegisterTaskDefinitionCommandInput & { family: string };
  service: Omit<CreateServiceCommandInput, 'taskDefinition' | 'loadBalancers'> & {
    serviceName: string;
    desiredCount: number;
  };
}

export interface PlanInput {
  row: Pick<PreviewRow, 'id' | 'preview_id'>;
  spec: Spec;
  expires_at: string;
  alb: AlbConfig;
  /** The slot of each address, by its suffix. */
  slots: ReadonlyMap<string, number>;
  /** False once the spec was rejected and there is none to fall back to: then nothing runs and nothing is billed. */
  run: boolean;
}

/**
 * What AWS shall hold for this preview. Pure: the same record and config give the same plan. An address without a slot
 * has no place on the load balancer yet, and is left out.
 */
export function planPreview(
  { row, spec, expires_at, alb, slots, run }: PlanInput,
  config: ReconcilerConfig,
): Plan {
  const { id, preview_id: uid } = row;
  const name = resourceName(id);
  const endpoints = endpointsOf(spec).flatMap((endpoint) => {
    const n = slots.get(endpoint.suffix);
    return n === undefined ? [] : [planEndpoint(row, endpoint, { alb, n }, config)];
  });
  return {
    id,
    uid,
    name,
    specHash: hashSpec(spec),
    arch: spec.arch ?? UNSAID.arch,
    alb,
    urls: previewUrls(
      id,
      alb,
      endpoints.map(({ suffix }) => suffix),
    ),
    fuse: planFuse(name, expires_at, config),
    endpoints,
    targetGroupAttributes: { 'deregistration_delay.timeout_seconds': String(config.deregistration_delay_s) },
    taskDefinition: planTaskDefinition(row, spec, expires_at, config),
    service: planService(row, { run, capacity: spec.capacity ?? UNSAID.capacity }, config),
  };
}

/** Keys of everything in the plan, as `status.resources` holds them. */
export function plannedKeys({ name, endpoints }: Plan): string[] {
  return [
    resourceKey('schedule', name),
    ...endpoints.flatMap(({ targetGroup, rules }) => [
      resourceKey('target-group', targetGroup.Name),
      ...rules.map((rule) => resourceKey('listener-rule', rule.name)),
    ]),
    resourceKey('task-definition', name),
    resourceKey('service', name),
  ];
}

function planFuse(name: string, expires_at: string, config: ReconcilerConfig): Plan['fuse'] {
  const at = new Date(new Date(expires_at).getTime() + config.fuse_delay_minutes * 60_000);
  return {
    Name: name,
    GroupName: config.schedule_group,
    Description: 'Tempus fuse: stops the preview even when every part of Tempus is dead',
    ScheduleExpression: `at(${at.toISOString().slice(0, 19)})`,
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    State: 'ENABLED',
    Target: {
      Arn: `arn:${partitionOf(config.fuse_role_arn)}:scheduler:::aws-sdk:ecs:updateService`,
      RoleArn: config.fuse_role_arn,
      Input: JSON.stringify({ Cluster: config.cluster, Service: name, DesiredCount: 0 }),
    },
  };
}

/** `aws`, but for China and GovCloud. */
function partitionOf(arn: string): string {
  return arn.split(':')[1] || 'aws';
}

/** Always a strategy and never a launch type: of the two only a strategy can say Spot, and only a strategy can change. */
const PROVIDERS: Readonly<Record<Capacity, string>> = { on_demand: 'FARGATE', spot: 'FARGATE_SPOT' };

function planService(
  row: PlanInput['row'],
  { run, capacity }: { run: boolean; capacity: Capacity },
  config: ReconcilerConfig,
): Plan['service'] {
  return {
    cluster: config.cluster,
    serviceName: resourceName(row.id),
    desiredCount: run ? 1 : 0,
    capacityProviderStrategy: [{ capacityProvider: PROVIDERS[capacity], weight: 1 }],
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: config.subnets,
        securityGroups: config.security_groups,
        assignPublicIp: config.assign_public_ip ? 'ENABLED' : 'DISABLED',
      },
    },
    healthCheckGracePeriodSeconds: config.health_grace_s,
    deploymentConfiguration: {
      minimumHealthyPercent: 100,
      maximumPercent: 200,
      // Without AWS's own rollback: the controller falls back by itself, see docs/decisions.
      deploymentCircuitBreaker: {
        enable: true,
        rollback: false,
        thresholdConfiguration: { type: 'COUNT', value: config.breaker_failures },
      },
    },
    tags: ecsTags(row, 'service', config),
    propagateTags: 'SERVICE',
    enableECSManagedTags: true,
  };
}
