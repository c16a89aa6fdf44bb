import type {
  CreateServiceCommandInput,
  RegisterTaskDefinitionCommandInput,
  Tag as EcsTag,
} from '@aws-sdk/client-ecs';
import type {
  CreateRuleCommandInput,
  CreateTargetGroupCommandInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { CreateScheduleCommandInput } from '@aws-sdk/client-scheduler';
import {
  logStreamPrefix,
  resourceKey,
  resourceName,
  resourceTags,
  type ResourceKind,
} from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import { hashSpec, type Spec } from '../preview/spec.ts';
import { previewHost, previewLabel, previewUrls } from '../preview/urls.ts';
import type { AlbConfig, ReconcilerConfig } from './config.ts';
import type { RuleRequest } from './rule-match.ts';

export const CONTAINER = 'app';
/** Tag on a task definition: which spec it runs, so that a revision is found again instead of registered twice. */
export const SPEC_TAG = 'tempus:spec';

/** Host rules come before path rules: on its own host a preview may use any path, another preview's prefix included. */
const PATH_RULES_FROM = 10_000;

/** The priorities that slot `n` of an ALB stands for. AWS allows 1 to 50,000. */
export function rulePriorities(n: number): { host: number; path: number } {
  return { host: 1 + n, path: PATH_RULES_FROM + 1 + n };
}

export function ruleName(id: string, form: 'host' | 'path'): string {
  return `${resourceName(id)}-${form}`;
}

export interface RulePlan {
  name: string;
  priority: number;
  conditions: NonNullable<CreateRuleCommandInput['Conditions']>;
  transforms: NonNullable<CreateRuleCommandInput['Transforms']>;
  /** A request that the rule is for: whatever rule takes it before this one takes the preview's traffic. */
  request: RuleRequest;
}

/** The whole desired AWS model of one preview, before any call is made. ARNs that AWS assigns are left out. */
export interface Plan {
  id: string;
  uid: string;
  name: string;
  specHash: string;
  alb: AlbConfig;
  urls: string[];
  fuse: CreateScheduleCommandInput & { Name: string };
  targetGroup: CreateTargetGroupCommandInput & { Name: string };
  targetGroupAttributes: Record<string, string>;
  rules: RulePlan[];
  taskDefinition: RegisterTaskDefinitionCommandInput & { family: string };
  service: Omit<CreateServiceCommandInput, 'taskDefinition' | 'loadBalancers'> & {
    serviceName: string;
    desiredCount: number;
  };
  containerPort: number;
}

export interface PlanInput {
  row: Pick<PreviewRow, 'id' | 'preview_id'>;
  spec: Spec;
  expires_at: string;
  slot: { alb: AlbConfig; n: number };
  /** False once the spec was rejected and there is none to fall back to: then nothing runs and nothing is billed. */
  run: boolean;
}

/** What AWS shall hold for this preview. Pure: the same record and config give the same plan. */
export function planPreview({ row, spec, expires_at, slot, run }: PlanInput, config: ReconcilerConfig): Plan {
  const { id, preview_id: uid } = row;
  const name = resourceName(id);
  return {
    id,
    uid,
    name,
    specHash: hashSpec(spec),
    alb: slot.alb,
    urls: previewUrls(id, slot.alb),
    fuse: planFuse(name, expires_at, config),
    targetGroup: planTargetGroup(row, spec, config),
    targetGroupAttributes: { 'deregistration_delay.timeout_seconds': String(config.deregistration_delay_s) },
    rules: planRules(id, slot.alb, slot.n),
    taskDefinition: planTaskDefinition(row, spec, expires_at, config),
    service: planService(row, run, config),
    containerPort: spec.port,
  };
}

/** Keys of everything in the plan, as `status.resources` holds them. */
export function plannedKeys(plan: Plan): string[] {
  const of = (kind: ResourceKind) => resourceKey(kind, plan.name);
  return [
    of('schedule'),
    of('target-group'),
    ...plan.rules.map((rule) => resourceKey('listener-rule', rule.name)),
    of('task-definition'),
    of('service'),
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
      Arn: 'arn:aws:scheduler:::aws-sdk:ecs:updateService',
      RoleArn: config.fuse_role_arn,
      Input: JSON.stringify({ Cluster: config.cluster, Service: name, DesiredCount: 0 }),
    },
  };
}

function planTargetGroup(row: PlanInput['row'], spec: Spec, config: ReconcilerConfig): Plan['targetGroup'] {
  return {
    Name: resourceName(row.id),
    Protocol: 'HTTP',
    // ECS registers every target with the container's own port, so that this one, which AWS never lets change, need
    // not follow an edited spec.port.
    Port: 80,
    VpcId: config.vpc_id,
    TargetType: 'ip',
    HealthCheckProtocol: 'HTTP',
    HealthCheckPort: 'traffic-port',
    HealthCheckPath: spec.health_path,
    HealthCheckIntervalSeconds: config.health_interval_s,
    HealthCheckTimeoutSeconds: config.health_timeout_s,
    HealthyThresholdCount: 2,
    UnhealthyThresholdCount: 2,
    Matcher: { HttpCode: spec.health_codes },
    Tags: resourceTags(config.install, row, 'target-group'),
  };
}

function planRules(id: string, alb: AlbConfig, n: number): RulePlan[] {
  const label = previewLabel(id);
  const priorities = rulePriorities(n);
  const rules: RulePlan[] = [];
  if (alb.host_domain) {
    const host = previewHost(id, alb.host_domain);
    rules.push({
      name: ruleName(id, 'host'),
      priority: priorities.host,
      conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: [host] } }],
      transforms: [],
      request: { host, path: '/' },
    });
  }
  if (alb.path_authority) {
    rules.push({
      name: ruleName(id, 'path'),
      priority: priorities.path,
      conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`/${label}`, `/${label}/*`] } }],
      transforms: [
        {
          Type: 'url-rewrite',
          UrlRewriteConfig: { Rewrites: [{ Regex: `^/${label}/?(.*)$`, Replace: '/$1' }] },
        },
      ],
      request: { host: alb.path_authority.replace(/:\d+$/, ''), path: `/${label}/` },
    });
  }
  return rules;
}

function planTaskDefinition(
  row: PlanInput['row'],
  spec: Spec,
  expires_at: string,
  config: ReconcilerConfig,
): Plan['taskDefinition'] {
  const revision = hashSpec(spec);
  const environment = Object.entries({
    ...spec.env,
    PORT: String(spec.port),
    TEMPUS_PREVIEW_ID: row.id,
    TEMPUS_REVISION: revision,
    // As of this revision: an extension does not restart the application only to tell it.
    TEMPUS_EXPIRES_AT: expires_at,
  }).map(([key, value]) => ({ name: key, value }));
  return {
    family: resourceName(row.id),
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: String(spec.cpu),
    memory: String(spec.memory),
    ...(config.execution_role_arn ? { executionRoleArn: config.execution_role_arn } : {}),
    containerDefinitions: [
      {
        name: CONTAINER,
        image: spec.image,
        essential: true,
        ...(spec.command ? { command: spec.command } : {}),
        ...(spec.workdir ? { workingDirectory: spec.workdir } : {}),
        environment,
        portMappings: [{ containerPort: spec.port, protocol: 'tcp' }],
        stopTimeout: 10,
        logConfiguration: {
          logDriver: 'awslogs',
          options: {
            'awslogs-group': config.log_group,
            'awslogs-region': config.region,
            'awslogs-stream-prefix': logStreamPrefix(row.id).slice(0, -1),
          },
        },
      },
    ],
    tags: [...ecsTags(row, 'task-definition', config), { key: SPEC_TAG, value: revision }],
  };
}

function planService(row: PlanInput['row'], run: boolean, config: ReconcilerConfig): Plan['service'] {
  return {
    cluster: config.cluster,
    serviceName: resourceName(row.id),
    desiredCount: run ? 1 : 0,
    launchType: 'FARGATE',
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

function ecsTags(row: PlanInput['row'], kind: ResourceKind, config: ReconcilerConfig): EcsTag[] {
  return resourceTags(config.install, row, kind).map(({ Key, Value }) => ({ key: Key, value: Value }));
}
