import { ENGINE_VARIABLES } from '../../localcloud/docker-runtime/docker-cli.ts';
import type { Env } from '../../platform/config.ts';
import { DEFAULT_IMAGE, MACHINE_ARCH, MIN_TTL_SECONDS, routingOf } from '../config.ts';
import { NAMES } from '../infrastructure.ts';
import type { LaptopSettings } from '../settings.ts';

export interface SplitPorts {
  api: number;
  router: number;
  aws: number;
  lambda: number;
  waiting: number;
  /** Of each controller's health checks and metrics. */
  health: readonly number[];
}

/** What provisioning answers: on AWS it is what Terraform would put into the tasks' environment. */
export interface Provisioned {
  listener_arn: string;
  waiting_target_group: string;
}

const MACHINE = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER'];

/** What every process needs to be one at all, and nothing of Tempus's own. */
export function machineEnvironment(env: Env): Record<string, string> {
  return pick(env, MACHINE);
}

/** The same, and where the container engine is. */
export function engineEnvironment(env: Env): Record<string, string> {
  return pick(env, [...MACHINE, ...ENGINE_VARIABLES]);
}

function pick(env: Env, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** `caller` is what localcloud knows a part by: the name that its role has on AWS. */
const COMMON = (settings: LaptopSettings, { aws }: SplitPorts, caller: string) => ({
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: caller,
  AWS_SECRET_ACCESS_KEY: 'split',
  TEMPUS_AWS_ENDPOINT: `http://${settings.host}:${aws}`,
  TEMPUS_TABLE_PREVIEWS: NAMES.previews,
  TEMPUS_TABLE_COORDINATION: NAMES.coordination,
  TEMPUS_TABLE_EVENTS: NAMES.events,
  TEMPUS_LOG_LEVEL: settings.log_level,
});

export function cloudEnvironment(settings: LaptopSettings, ports: SplitPorts): Record<string, string> {
  return {
    TEMPUS_HOST: settings.host,
    TEMPUS_HOME: settings.home,
    TEMPUS_AWS_PORT: String(ports.aws),
    TEMPUS_ROUTER_PORT: String(ports.router),
    TEMPUS_RUNTIME: settings.runtime,
    ...(settings.realism === undefined ? {} : { TEMPUS_REALISM: String(settings.realism) }),
    TEMPUS_LAMBDA_ENDPOINT: `http://${settings.host}:${ports.lambda}`,
    ...(settings.call_journal === undefined ? {} : { TEMPUS_CALL_JOURNAL: settings.call_journal }),
    TEMPUS_LOG_LEVEL: settings.log_level,
  };
}

export function lambdaEnvironment(settings: LaptopSettings, ports: SplitPorts): Record<string, string> {
  return {
    ...COMMON(settings, ports, 'tempus-lambda'),
    TEMPUS_CLUSTER: NAMES.cluster,
    TEMPUS_HOST: settings.host,
    TEMPUS_LAMBDA_PORT: String(ports.lambda),
  };
}

export function apiEnvironment(settings: LaptopSettings, ports: SplitPorts): Record<string, string> {
  const { scheme, host_domain = '', path_authority = '' } = routingOf(settings.routing, ports.router);
  return {
    ...COMMON(settings, ports, 'tempus-api'),
    TEMPUS_HOST: settings.host,
    TEMPUS_AUTH: 'none',
    TEMPUS_API_PORT: String(ports.api),
    TEMPUS_WAITING_PORT: String(ports.waiting),
    TEMPUS_WAITING_LOGS: 'true',
    TEMPUS_LOG_GROUP: NAMES.log_group,
    TEMPUS_DEFAULT_IMAGE: DEFAULT_IMAGE,
    TEMPUS_DEFAULT_ARCH: MACHINE_ARCH,
    TEMPUS_SCHEME: scheme,
    TEMPUS_ROUTING: settings.routing,
    TEMPUS_HOST_DOMAIN: host_domain,
    TEMPUS_PATH_AUTHORITY: path_authority,
    TEMPUS_MIN_TTL_SECONDS: String(MIN_TTL_SECONDS),
  };
}

export function controllerEnvironment(
  settings: LaptopSettings,
  ports: SplitPorts,
  n: number,
  { listener_arn, waiting_target_group }: Provisioned,
): Record<string, string> {
  const routing = routingOf(settings.routing, ports.router);
  const alb = {
    ...routing,
    name: NAMES.alb,
    listener_arn,
    waiting_target_group,
    probe_address: `${settings.host}:${ports.router}`,
    slots: 49,
  };
  return {
    ...COMMON(settings, ports, 'tempus-controller'),
    TEMPUS_INSTALL: NAMES.install,
    TEMPUS_CLUSTER: NAMES.cluster,
    TEMPUS_VPC_ID: NAMES.vpc_id,
    TEMPUS_SUBNETS: NAMES.subnets.join(),
    TEMPUS_SECURITY_GROUPS: NAMES.security_group,
    TEMPUS_ASSIGN_PUBLIC_IP: 'false',
    TEMPUS_LOG_GROUP: NAMES.log_group,
    TEMPUS_SCHEDULE_GROUP: NAMES.schedule_group,
    TEMPUS_FUSE_ROLE_ARN: NAMES.fuse_role_arn,
    TEMPUS_ALBS: JSON.stringify([alb]),
    TEMPUS_OBSERVE: 'true',
    TEMPUS_HEALTH_HOST: settings.host,
    TEMPUS_HEALTH_PORT: String(ports.health[n]),
  };
}
