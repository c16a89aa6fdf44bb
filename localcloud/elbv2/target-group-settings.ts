import type {
  CreateTargetGroupCommandInput,
  ModifyTargetGroupCommandInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { invalid, misconfigured } from './errors.ts';
import type { TargetGroupSettings } from './state.ts';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?$/;

export const DELAY = 'deregistration_delay.timeout_seconds';
export const DEFAULT_ATTRIBUTES: Readonly<Record<string, string>> = {
  [DELAY]: '300',
  'stickiness.enabled': 'false',
  'load_balancing.algorithm.type': 'round_robin',
};

export function checkName(name: string | undefined): string {
  if (name === undefined || !NAME.test(name)) throw invalid(`'${name}' is not a valid target group name`);
  return name;
}

/** The settings of a new target group, with AWS's defaults. */
export function createSettings(input: CreateTargetGroupCommandInput): TargetGroupSettings {
  const { Protocol, Port, VpcId, TargetType = 'instance', HealthCheckProtocol = 'HTTP' } = input;
  const { ProtocolVersion = 'HTTP1', IpAddressType = 'ipv4' } = input;
  if (TargetType !== 'ip' && TargetType !== 'instance')
    throw misconfigured(`TargetType ${TargetType} is not modelled`);
  if (Protocol === undefined) throw invalid('A protocol must be specified');
  if (Protocol !== 'HTTP' || ProtocolVersion !== 'HTTP1' || HealthCheckProtocol !== 'HTTP') {
    throw misconfigured('Only HTTP is modelled');
  }
  if (IpAddressType !== 'ipv4') throw misconfigured('Only IPv4 is modelled');
  if (Port === undefined) throw invalid('A port must be specified');
  between('Port', Port, 1, 65_535);
  if (!VpcId) throw invalid('A VPC ID must be specified');
  const healthCheck = {
    enabled: input.HealthCheckEnabled ?? true,
    protocol: HealthCheckProtocol,
    port: input.HealthCheckPort ?? 'traffic-port',
    path: input.HealthCheckPath ?? '/',
    intervalSeconds: input.HealthCheckIntervalSeconds ?? 30,
    timeoutSeconds: input.HealthCheckTimeoutSeconds ?? 5,
    healthyThreshold: input.HealthyThresholdCount ?? 5,
    unhealthyThreshold: input.UnhealthyThresholdCount ?? 2,
    codes: input.Matcher?.HttpCode ?? '200',
  };
  return {
    protocol: Protocol,
    port: Port,
    vpcId: VpcId,
    targetType: TargetType,
    healthCheck: check(healthCheck),
  };
}

/** The settings after a modification: what is not given stays. */
export function modifySettings(
  before: TargetGroupSettings,
  input: ModifyTargetGroupCommandInput,
): TargetGroupSettings {
  const { healthCheck } = before;
  if ((input.HealthCheckProtocol ?? 'HTTP') !== 'HTTP') throw misconfigured('Only HTTP is modelled');
  return {
    ...before,
    healthCheck: check({
      ...healthCheck,
      enabled: input.HealthCheckEnabled ?? healthCheck.enabled,
      port: input.HealthCheckPort ?? healthCheck.port,
      path: input.HealthCheckPath ?? healthCheck.path,
      intervalSeconds: input.HealthCheckIntervalSeconds ?? healthCheck.intervalSeconds,
      timeoutSeconds: input.HealthCheckTimeoutSeconds ?? healthCheck.timeoutSeconds,
      healthyThreshold: input.HealthyThresholdCount ?? healthCheck.healthyThreshold,
      unhealthyThreshold: input.UnhealthyThresholdCount ?? healthCheck.unhealthyThreshold,
      codes: input.Matcher?.HttpCode ?? healthCheck.codes,
    }),
  };
}

type HealthCheckSettings = TargetGroupSettings['healthCheck'];

function check(settings: HealthCheckSettings): HealthCheckSettings {
  if (!settings.enabled) throw invalid('Health checks cannot be disabled for this target type');
  between('HealthCheckIntervalSeconds', settings.intervalSeconds, 5, 300);
  between('HealthCheckTimeoutSeconds', settings.timeoutSeconds, 2, 120);
  between('HealthyThresholdCount', settings.healthyThreshold, 2, 10);
  between('UnhealthyThresholdCount', settings.unhealthyThreshold, 2, 10);
  if (settings.timeoutSeconds >= settings.intervalSeconds) {
    throw invalid('Health check interval must be greater than the timeout.');
  }
  if (settings.port !== 'traffic-port')
    throw misconfigured('HealthCheckPort other than traffic-port is not modelled');
  if (!/^\/.{0,1023}$/.test(settings.path))
    throw invalid('HealthCheckPath must begin with / and be at most 1024 long');
  checkCodes(settings.codes);
  return settings;
}

function isCode(code: number): boolean {
  return code >= 200 && code <= 499;
}

function checkCodes(codes: string): void {
  const parts = codes.split(',').map((part) => part.split('-').map(Number));
  const valid = parts.every(
    (part) =>
      part.length <= 2 && part.every(isCode) && (part.length === 1 || (part[0] ?? 0) <= (part[1] ?? 0)),
  );
  if (!/^\d{3}([-,]\d{3})*$/.test(codes) || !valid)
    throw invalid(`Matcher HttpCode '${codes}' must be within 200-499`);
}

function between(what: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw invalid(`${what} must be between ${low} and ${high}`);
  }
}

/** Throws where AWS refuses an attribute, and where the load balancer would not act on it. */
export function checkAttribute(key: string, value: string): void {
  if (key === DELAY) {
    if (!/^\d{1,4}$/.test(value) || Number(value) > 3600)
      throw invalid(`${DELAY} must be between 0 and 3600`);
  } else if (DEFAULT_ATTRIBUTES[key] !== value) {
    throw misconfigured(`Target group attribute '${key}' with the value '${value}' is not modelled`);
  }
}
