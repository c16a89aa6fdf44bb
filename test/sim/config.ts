import type { ApiConfig } from '../../api/config.ts';
import { AWS_PACE, CONTROLLER_TIMES } from '../../controller/config.ts';
import type { ControllerTimes } from '../../controller/controller.ts';
import type { LeaseTimes } from '../../controller/lease.ts';
import type { AlbConfig, ReconcilerConfig } from '../../reconcilers/config.ts';
import { IMAGES } from './tasks.ts';

export const TABLES = {
  previews: 'tempus-previews',
  coordination: 'tempus-coordination',
  events: 'tempus-events',
} as const;
export const EXPIRE_FUNCTION = 'tempus-expire';

/** The pace of AWS, with fewer health checks, which change nothing but the number of events. */
export const CONFIG: ReconcilerConfig = {
  ...AWS_PACE,
  install: 'sim',
  cluster: 'tempus',
  vpc_id: 'vpc-1',
  subnets: ['subnet-1', 'subnet-2'],
  security_groups: ['sg-1'],
  assign_public_ip: true,
  log_group: '/tempus/previews',
  region: 'us-east-1',
  schedule_group: 'tempus',
  execution_role_arn: 'arn:aws:iam::000000000000:role/tempus-preview-execution',
  fuse_role_arn: 'arn:aws:iam::000000000000:role/tempus-fuse',
  albs: [],
  probe: 'public',
  health_interval_s: 30,
  max_ttl_hours: 336,
  allow_workdir: false,
};

export interface Pace {
  times: ControllerTimes;
  lease: LeaseTimes | undefined;
}

/** How often a controller looks: as on AWS; or seldom, which changes nothing but the number of events. */
export const PACES = {
  aws: { times: CONTROLLER_TIMES, lease: undefined },
  seldom: {
    times: { ...CONTROLLER_TIMES, stream_poll_ms: 30_000 },
    lease: { leaseMs: 80_000, renewMs: 20_000, retryMs: 15_000 },
  },
} as const satisfies Record<string, Pace>;

export const API_CONFIG: ApiConfig = {
  version: '0.0.0',
  min_ttl_seconds: 60,
  max_ttl_hours: CONFIG.max_ttl_hours,
  default_ttl_hours: 24,
  allow_workdir: false,
  default_image: IMAGES.good,
  default_arch: 'X86_64',
  default_capacity: 'on_demand',
  routing: { scheme: 'http', primary: 'host', host_domain: 'sim.test' },
  allowed_hosts: ['localhost'],
  log_group: CONFIG.log_group,
  auth: 'none',
  owner: 'local',
  behind_load_balancer: false,
};

export function albOf(name: string, listener_arn: string, slots: number, paths: boolean): AlbConfig {
  return {
    name,
    listener_arn,
    // The simulated probe dials the listener itself.
    probe_address: listener_arn,
    slots,
    scheme: 'http',
    primary: 'host',
    host_domain: 'sim.test',
    ...(paths ? { path_authority: 'alb.sim.test' } : {}),
  };
}
