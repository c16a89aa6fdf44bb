import * as z from 'zod';
import { LOG_LEVELS } from '../platform/log.ts';
import { type Arch, ARCHES, CAPACITIES, type Capacity, UNSAID } from '../preview/spec-fields.ts';
import type { Routing } from '../preview/urls.ts';

/** What an install decides about the requests that it takes. */
export interface ApiConfig {
  version: string;
  min_ttl_seconds: number;
  max_ttl_hours: number;
  default_ttl_hours: number;
  /** Whether a preview may run in a folder of this machine: laptop mode. */
  allow_workdir: boolean;
  /** What runs when a request names neither image nor command. */
  default_image: string;
  /** What a command without an image runs in; absent where commands need an image. */
  process_image?: string;
  /** Where a preview runs when its request does not say it. */
  default_arch: Arch;
  default_capacity: Capacity;
  routing: Routing;
  /** Names under which the API may be asked, without port. */
  allowed_hosts: readonly string[];
  log_group: string;
  /** none: whoever reaches it may do everything; for loopback addresses only. */
  auth: 'token' | 'none';
  /** Who owns what is created without authentication. */
  owner: string;
  /** Whether what it is told of a request's origin comes from a load balancer of ours. */
  behind_load_balancer: boolean;
}

/** What only this machine reaches when it is listened on. */
const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];
/** The same as a request's Host header writes it. */
const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/** Settings of an API that runs on its own. */
export const apiSchema = z
  .object({
    AWS_REGION: z.string(),
    TEMPUS_AWS_ENDPOINT: z.url().optional(),
    TEMPUS_TABLE_PREVIEWS: z.string().default('tempus-previews'),
    TEMPUS_TABLE_COORDINATION: z.string().default('tempus-coordination'),
    TEMPUS_TABLE_EVENTS: z.string().default('tempus-events'),
    TEMPUS_LOG_GROUP: z.string(),
    TEMPUS_DEFAULT_IMAGE: z.string(),
    TEMPUS_DEFAULT_ARCH: z.enum(ARCHES).default(UNSAID.arch),
    TEMPUS_DEFAULT_CAPACITY: z.enum(CAPACITIES).default(UNSAID.capacity),
    TEMPUS_SCHEME: z.enum(['http', 'https']).default('http'),
    TEMPUS_ROUTING: z.enum(['host', 'path']).default('host'),
    TEMPUS_HOST_DOMAIN: z.string().optional(),
    TEMPUS_PATH_AUTHORITY: z.string().optional(),
    TEMPUS_HOST: z
      .string()
      .regex(/^[^[\]]+$/, 'must be an address without brackets: ::1, or 127.0.0.1')
      .default('127.0.0.1'),
    TEMPUS_AUTH: z.enum(['token', 'none']).default('token'),
    // Names, beside loopback, under which it may be asked: those of its load balancer.
    TEMPUS_API_HOSTS: z
      .string()
      .default('')
      .transform((text) => text.split(',').flatMap((name) => name.trim().toLowerCase() || [])),
    TEMPUS_API_PORT: z.coerce.number().int().min(1).max(65535).default(4000),
    // The load balancer sends a preview's requests here until the preview is Ready. Absent: there is no waiting room.
    TEMPUS_WAITING_PORT: z.coerce.number().int().min(1).max(65535).optional(),
    // Whoever has a preview's address may then read what it wrote before it failed. No z.stringbool: where that is wrong,
    // nobody is told of what is refined below.
    TEMPUS_WAITING_LOGS: z
      .enum(['true', 'false'])
      .default('false')
      .transform((text) => text === 'true'),
    TEMPUS_MIN_TTL_SECONDS: z.coerce.number().int().positive().default(300),
    TEMPUS_MAX_TTL_HOURS: z.coerce.number().positive().default(336),
    TEMPUS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  })
  .refine(({ TEMPUS_AUTH, TEMPUS_HOST }) => TEMPUS_AUTH !== 'none' || LOOPBACK.includes(TEMPUS_HOST), {
    path: ['TEMPUS_AUTH'],
    // Also where another setting is wrong: all are told together.
    when: () => true,
    error: 'must be token where TEMPUS_HOST is not a loopback address: everybody could create previews',
  });

export function apiConfig(env: z.output<typeof apiSchema>, version: string): ApiConfig {
  return {
    version,
    min_ttl_seconds: env.TEMPUS_MIN_TTL_SECONDS,
    max_ttl_hours: env.TEMPUS_MAX_TTL_HOURS,
    // An install may allow less than a day.
    default_ttl_hours: Math.min(24, env.TEMPUS_MAX_TTL_HOURS),
    allow_workdir: false,
    default_image: env.TEMPUS_DEFAULT_IMAGE,
    default_arch: env.TEMPUS_DEFAULT_ARCH,
    default_capacity: env.TEMPUS_DEFAULT_CAPACITY,
    routing: {
      scheme: env.TEMPUS_SCHEME,
      primary: env.TEMPUS_ROUTING,
      host_domain: env.TEMPUS_HOST_DOMAIN,
      path_authority: env.TEMPUS_PATH_AUTHORITY,
    },
    allowed_hosts: [...LOOPBACK_NAMES, ...env.TEMPUS_API_HOSTS],
    log_group: env.TEMPUS_LOG_GROUP,
    auth: env.TEMPUS_AUTH,
    owner: 'local',
    behind_load_balancer: !LOOPBACK.includes(env.TEMPUS_HOST),
  };
}
