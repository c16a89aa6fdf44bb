import type { ApiConfig } from '../api/config.ts';
import type { Discipline } from '../aws/discipline.ts';
import type { ControllerTimes } from '../controller/controller.ts';
import { type Arch, UNSAID } from '../preview/spec-fields.ts';
import type { Routing } from '../preview/urls.ts';
import type { AlbConfig, ReconcilerConfig } from '../reconcilers/config.ts';
import { NAMES } from './infrastructure.ts';

/** Images of this machine's own are built for its processor. */
export const MACHINE_ARCH: Arch = process.arch === 'arm64' ? 'ARM64' : 'X86_64';

/** The sample app, which `{"ttl_hours": 2}` deploys. */
export const DEFAULT_IMAGE = 'tempus/hello:latest';
/** The image of a preview that has only a command: this machine's own programs. */
export const PROCESS_IMAGE = 'tempus/process:latest';

/** A preview may be as short as a demonstration. On AWS the minimum is five minutes. */
export const MIN_TTL_SECONDS = 10;
export const MAX_TTL_HOURS = 336;
/** How long a minute of the modelled scheduler lasts: laptop mode looks for expired previews every 5 s. */
export const SCHEDULER_MINUTE_MS = 5_000;

/** AWS's 100 rules hold two of each preview, one for each form of address, and leave two free. */
const SLOTS = 49;

/** The pace of a machine where nothing takes long, and where somebody is watching. */
export const CONTROLLER_PACE: ControllerTimes = {
  concurrency: 16,
  stream_poll_ms: 250,
  stream_sync_ms: 60_000,
  checkpoint_ms: 1_000,
  unsettled_list_ms: 10_000,
  full_list_ms: 60_000,
  pass_deadline_ms: 30_000,
  drain_ms: 10_000,
};

/** The rates of AWS, which this machine enforces only under realism, and waits that nobody notices. */
export const DISCIPLINE: Discipline = { rate_share: 1, batch_window_ms: 2, rules_shared_ms: 100 };

export function routingOf(routing: 'host' | 'path', routerPort: number): Routing {
  return {
    scheme: 'http',
    primary: routing,
    host_domain: `localhost:${routerPort}`,
    path_authority: `127.0.0.1:${routerPort}`,
  };
}

/** The same settings that Terraform gives to a controller on AWS, with a laptop's pace. */
export function reconcilerConfig(
  routing: Routing,
  place: Pick<AlbConfig, 'listener_arn' | 'waiting_target_group' | 'probe_address'>,
): ReconcilerConfig {
  return {
    install: NAMES.install,
    cluster: NAMES.cluster,
    vpc_id: NAMES.vpc_id,
    subnets: [...NAMES.subnets],
    security_groups: [NAMES.security_group],
    assign_public_ip: false,
    log_group: NAMES.log_group,
    region: 'us-east-1',
    schedule_group: NAMES.schedule_group,
    fuse_role_arn: NAMES.fuse_role_arn,
    fuse_delay_minutes: 15,
    albs: [{ ...routing, ...place, name: NAMES.alb, slots: SLOTS }],
    probe: 'public',
    health_interval_s: 5,
    health_timeout_s: 2,
    // Two failed starts end a preview, and the reason has to be there within a minute.
    health_grace_s: 20,
    breaker_failures: 2,
    deregistration_delay_s: 1,
    progress_deadline_ms: 120_000,
    absence_grace_ms: 500,
    poll_ms: 200,
    first_look_ms: 100,
    rollout_poll_ms: 200,
    retry_ms: 2_000,
    rejected_retry_ms: 60_000,
    drift_ms: 10_000,
    sweep_ms: 5_000,
    orphan_age_ms: 10_000,
    max_ttl_hours: MAX_TTL_HOURS,
    allow_workdir: true,
    keep_deleted_days: 7,
  };
}

export function apiConfig(routing: Routing, version: string): ApiConfig {
  return {
    version,
    min_ttl_seconds: MIN_TTL_SECONDS,
    max_ttl_hours: MAX_TTL_HOURS,
    default_ttl_hours: 24,
    allow_workdir: true,
    default_image: DEFAULT_IMAGE,
    process_image: PROCESS_IMAGE,
    default_arch: MACHINE_ARCH,
    default_capacity: UNSAID.capacity,
    routing,
    allowed_hosts: ['127.0.0.1', 'localhost', '[::1]'],
    log_group: NAMES.log_group,
    auth: 'none',
    owner: 'local',
    behind_load_balancer: false,
  };
}
