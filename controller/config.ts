import * as z from 'zod';
import { LOG_LEVELS } from '../platform/log.ts';
import type { ReconcilerConfig } from '../reconcilers/config.ts';
import type { ControllerTimes } from './controller.ts';

const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .refine((all) => all.length > 0, 'must name at least one, separated by commas');
const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
});

const albSchema = z.strictObject({
  name: z.string().min(1),
  listener_arn: z.string().startsWith('arn:'),
  probe_address: z.string().regex(/^[^/]+:\d+$/, 'must be host:port'),
  scheme: z.enum(['http', 'https']),
  primary: z.enum(['host', 'path']),
  host_domain: z.string().optional(),
  path_authority: z.string().optional(),
  waiting_target_group: z.string().startsWith('arn:').optional(),
  // Of AWS's 100 target groups one is the waiting room's, and a few stay free for what a person adds by hand.
  slots: z.int().min(1).max(99).default(95),
});

/** Settings of a controller that runs on its own, as Terraform gives them to its task. */
export const controllerSchema = z.object({
  AWS_REGION: z.string(),
  TEMPUS_AWS_ENDPOINT: z.url().optional(),
  TEMPUS_INSTALL: z.string().regex(/^[a-z0-9-]{1,32}$/),
  TEMPUS_TABLE_PREVIEWS: z.string().default('tempus-previews'),
  TEMPUS_TABLE_COORDINATION: z.string().default('tempus-coordination'),
  TEMPUS_TABLE_EVENTS: z.string().default('tempus-events'),
  TEMPUS_CLUSTER: z.string(),
  TEMPUS_VPC_ID: z.string(),
  TEMPUS_SUBNETS: list,
  TEMPUS_SECURITY_GROUPS: list,
  TEMPUS_ASSIGN_PUBLIC_IP: z.stringbool().default(true),
  TEMPUS_EXECUTION_ROLE_ARN: z.string().optional(),
  TEMPUS_LOG_GROUP: z.string(),
  TEMPUS_SCHEDULE_GROUP: z.string(),
  TEMPUS_FUSE_ROLE_ARN: z.string(),
  TEMPUS_ALBS: json.pipe(z.array(albSchema).min(1)),
  TEMPUS_PROBE: z.enum(['public', 'target']).default('public'),
  TEMPUS_MAX_TTL_HOURS: z.coerce.number().positive().default(336),
  // Whether lambda/observe has ECS's events: then a rollout need not be asked all the time how it goes.
  TEMPUS_OBSERVE: z.stringbool().default(false),
  // Metrics tell of previews: who wants them from outside says so.
  TEMPUS_HEALTH_HOST: z.string().default('127.0.0.1'),
  TEMPUS_HEALTH_PORT: z.coerce.number().int().min(1).max(65535).default(9464),
  // Half of what the account may call: the other half is for people, pipelines and other installs.
  TEMPUS_RATE_SHARE: z.coerce.number().gt(0).max(1).default(0.5),
  // For accounts in which AWS limits all load balancing calls together, as a sentence of its documentation says.
  TEMPUS_STRICT_RATES: z.stringbool().default(false),
  TEMPUS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** What waits 50 ms for others saves nine calls of ten when everything is looked at. */
export const AWS_DISCIPLINE = { batch_window_ms: 50, rules_shared_ms: 2_000 } as const;

/** How fast a controller looks at AWS. Fits AWS's pace and its throttles. */
export const CONTROLLER_TIMES: ControllerTimes = {
  concurrency: 16,
  // A shard bears five reads a second. Each preview waits for two of them: its creation, and the end of its rollout.
  stream_poll_ms: 250,
  stream_sync_ms: 60_000,
  checkpoint_ms: 5_000,
  unsettled_list_ms: 30_000,
  full_list_ms: 300_000,
  // Some 40 calls of a pass, most of them slow, fit in; no call waits longer than 10 s for its answer.
  pass_deadline_ms: 120_000,
  // ECS sends SIGKILL 30 s after SIGTERM.
  drain_ms: 25_000,
};

/** The parts of the configuration that are the same on every AWS install, each with its reason. */
export const AWS_PACE = {
  fuse_delay_minutes: 15,
  // The shortest that AWS allows: one success makes a new target healthy, so this is the wait after listening.
  health_interval_s: 5,
  health_timeout_s: 2,
  // A slow starter must not be killed by health checks: pulls are not counted, start-up is.
  health_grace_s: 60,
  deregistration_delay_s: 5,
  breaker_failures: 2,
  progress_deadline_ms: 600_000,
  absence_grace_ms: 30_000,
  poll_ms: 5_000,
  // A rule takes a second or two until it is live, and reads as long until they show what was made; see reconcilers/waits.ts.
  first_look_ms: 250,
  // With ECS's events on, this is only for those that get lost.
  rollout_poll_ms: 30_000,
  retry_ms: 30_000,
  rejected_retry_ms: 300_000,
  drift_ms: 300_000,
  sweep_ms: 120_000,
  orphan_age_ms: 300_000,
  keep_deleted_days: 7,
} as const satisfies Partial<ReconcilerConfig>;

export function reconcilerConfig(env: z.output<typeof controllerSchema>): ReconcilerConfig {
  return {
    ...AWS_PACE,
    rollout_poll_ms: env.TEMPUS_OBSERVE ? AWS_PACE.rollout_poll_ms : AWS_PACE.poll_ms,
    install: env.TEMPUS_INSTALL,
    region: env.AWS_REGION,
    cluster: env.TEMPUS_CLUSTER,
    vpc_id: env.TEMPUS_VPC_ID,
    subnets: env.TEMPUS_SUBNETS,
    security_groups: env.TEMPUS_SECURITY_GROUPS,
    assign_public_ip: env.TEMPUS_ASSIGN_PUBLIC_IP,
    execution_role_arn: env.TEMPUS_EXECUTION_ROLE_ARN,
    log_group: env.TEMPUS_LOG_GROUP,
    schedule_group: env.TEMPUS_SCHEDULE_GROUP,
    fuse_role_arn: env.TEMPUS_FUSE_ROLE_ARN,
    albs: env.TEMPUS_ALBS,
    probe: env.TEMPUS_PROBE,
    max_ttl_hours: env.TEMPUS_MAX_TTL_HOURS,
    allow_workdir: false,
  };
}
