import type { Routing } from '../preview/urls.ts';

/** One application load balancer that carries previews, made by whoever set the install up. */
export interface AlbConfig extends Routing {
  name: string;
  listener_arn: string;
  /** host:port under which the controller reaches the listener, whatever name the preview has. */
  probe_address: string;
  /** The target group of the waiting room, to which a preview's requests go until it is Ready. Absent: there is none. */
  waiting_target_group?: string | undefined;
  /** How many public containers it takes: AWS allows 100 target groups, and 100 rules over all its listeners. */
  slots: number;
}

/** What an install decides for all of its previews. Durations carry their unit in the name. */
export interface ReconcilerConfig {
  install: string;
  cluster: string;
  vpc_id: string;
  subnets: string[];
  security_groups: string[];
  assign_public_ip: boolean;
  execution_role_arn?: string | undefined;
  log_group: string;
  region: string;
  schedule_group: string;
  fuse_role_arn: string;
  /** How long after expiry the fuse fires: late enough never to race a Tempus that works. */
  fuse_delay_minutes: number;
  albs: AlbConfig[];
  /** public: through the preview's own URL; target: where the controller cannot reach the public side. */
  probe: 'public' | 'target';
  health_interval_s: number;
  health_timeout_s: number;
  /** How long a new task may fail health checks before ECS stops it. */
  health_grace_s: number;
  /** How long an old target finishes its open requests. */
  deregistration_delay_s: number;
  /** Failed tasks after which the circuit breaker rejects a deployment. */
  breaker_failures: number;
  progress_deadline_ms: number;
  /** Two sightings of absence lie at least this far apart: AWS reads are eventually consistent. */
  absence_grace_ms: number;
  /** How soon to look again at something that is under way. */
  poll_ms: number;
  /** The first look at what AWS is likely to show in a moment; each later one waits longer, up to `poll_ms`. */
  first_look_ms: number;
  /** The same for a rollout, of which lambda/observe tells as soon as it moves on; without it as soon as for anything. */
  rollout_poll_ms: number;
  /** How soon to look again at something that only time or a person can change. */
  retry_ms: number;
  /** How soon a spec is tried again that was rejected for a reason which time can cure. */
  rejected_retry_ms: number;
  /** How often a settled preview is compared with AWS. */
  drift_ms: number;
  /** How often the leader looks for resources that no record knows. */
  sweep_ms: number;
  /** How long an orphan has to be one, by the sweeper's own watch, before it is deleted. */
  orphan_age_ms: number;
  max_ttl_hours: number;
  allow_workdir: boolean;
  /** How long a tombstone stays readable. */
  keep_deleted_days: number;
}
