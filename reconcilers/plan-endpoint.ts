import type {
  CreateRuleCommandInput,
  CreateTargetGroupCommandInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Endpoint } from '../preview/endpoints.ts';
import { resourceTags, targetGroupName } from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import { previewHost, previewLabel } from '../preview/urls.ts';
import type { AlbConfig, ReconcilerConfig } from './config.ts';
import type { RuleRequest } from './rule-match.ts';

/** Host rules come before path rules: on its own host a preview may use any path, another preview's prefix included. */
const PATH_RULES_FROM = 10_000;

/** The priorities that slot `n` of an ALB stands for. AWS allows 1 to 50,000. */
export function rulePriorities(n: number): { host: number; path: number } {
  return { host: 1 + n, path: PATH_RULES_FROM + 1 + n };
}

/** The trace name of a rule: rules have no names of their own. */
export function ruleName(id: string, suffix: string, form: 'host' | 'path'): string {
  return `${targetGroupName(id, suffix)}-${form}`;
}

export interface RulePlan {
  name: string;
  /** Of the address that it serves. */
  suffix: string;
  priority: number;
  conditions: NonNullable<CreateRuleCommandInput['Conditions']>;
  transforms: NonNullable<CreateRuleCommandInput['Transforms']>;
  /** A request that the rule is for: whatever rule takes it before this one takes the preview's traffic. */
  request: RuleRequest;
}

/** What AWS shall hold for one public address: a target group, and a rule for each form of the address. */
export interface EndpointPlan extends Endpoint {
  targetGroup: CreateTargetGroupCommandInput & { Name: string };
  rules: RulePlan[];
}

type Row = Pick<PreviewRow, 'id' | 'preview_id'>;

export function planEndpoint(
  row: Row,
  endpoint: Endpoint,
  slot: { alb: AlbConfig; n: number },
  config: ReconcilerConfig,
): EndpointPlan {
  return {
    ...endpoint,
    targetGroup: planTargetGroup(row, endpoint, config),
    rules: planRules(row.id, endpoint.suffix, slot.alb, slot.n),
  };
}

function planTargetGroup(
  row: Row,
  { suffix, health_path, health_codes }: Endpoint,
  config: ReconcilerConfig,
): EndpointPlan['targetGroup'] {
  return {
    Name: targetGroupName(row.id, suffix),
    Protocol: 'HTTP',
    // ECS registers every target with the container's own port, so that this one, which AWS never lets change, need
    // not follow an edited spec.port.
    Port: 80,
    VpcId: config.vpc_id,
    TargetType: 'ip',
    HealthCheckProtocol: 'HTTP',
    HealthCheckPort: 'traffic-port',
    HealthCheckPath: health_path,
    HealthCheckIntervalSeconds: config.health_interval_s,
    HealthCheckTimeoutSeconds: config.health_timeout_s,
    HealthyThresholdCount: 2,
    UnhealthyThresholdCount: 2,
    Matcher: { HttpCode: health_codes },
    Tags: resourceTags(config.install, row, 'target-group'),
  };
}

function planRules(id: string, suffix: string, alb: AlbConfig, n: number): RulePlan[] {
  const label = previewLabel(id, suffix);
  const priorities = rulePriorities(n);
  const rules: RulePlan[] = [];
  if (alb.host_domain) {
    const host = previewHost(id, alb.host_domain, suffix);
    rules.push({
      name: ruleName(id, suffix, 'host'),
      suffix,
      priority: priorities.host,
      conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: [host] } }],
      transforms: [],
      request: { host, path: '/' },
    });
  }
  if (alb.path_authority) {
    rules.push({
      name: ruleName(id, suffix, 'path'),
      suffix,
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
