import { resolve } from 'node:path';
import * as z from 'zod';
import { ConfigError, type Env, parseConfig } from '../platform/config.ts';
import { LOG_LEVELS, type LogLevel } from '../platform/log.ts';

const port = z.coerce.number().int().min(1).max(65535);
/** Everything listens on IPv4 loopback, and so do the tasks: `localhost` is another word for it. */
const LOOPBACK = '127.0.0.1';

const schema = z.object({
  TEMPUS_HOST: z
    .string()
    .default(LOOPBACK)
    .transform((host) => (host === 'localhost' ? LOOPBACK : host))
    .refine((host) => host === LOOPBACK, {
      error: `must be ${LOOPBACK} or localhost: this API starts processes and asks for no token`,
    }),
  TEMPUS_API_PORT: port.optional(),
  TEMPUS_ROUTER_PORT: port.optional(),
  TEMPUS_AWS_PORT: port.optional(),
  TEMPUS_HOME: z.string().default('.tempus'),
  TEMPUS_ROUTING: z.enum(['host', 'path']).default('host'),
  TEMPUS_RUNTIME: z.enum(['auto', 'process', 'docker']).default('auto'),
  TEMPUS_REALISM: z.coerce.number().min(0).max(1).default(0),
  TEMPUS_CALL_JOURNAL: z.string().optional(),
  TEMPUS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** A port: the one that was asked for, or the default one, which may give way to the next that is free. */
export interface PortWish {
  setting: string;
  port: number;
  asked: boolean;
}

export interface LaptopSettings {
  host: string;
  api: PortWish;
  router: PortWish;
  aws: PortWish;
  /** Absolute folder of everything that outlives a run. */
  home: string;
  routing: 'host' | 'path';
  runtime: 'auto' | 'process' | 'docker';
  /** How much of AWS's delays localcloud has, with all of AWS's rates and quotas; undefined: none of it. */
  realism: number | undefined;
  /** Absolute name of a file to which split mode writes every call that its parts make. */
  call_journal?: string;
  log_level: LogLevel;
}

/** Settings of laptop mode from the environment. Throws ConfigError that names every setting that is wrong. */
export function readSettings(env: Env, folder: string): LaptopSettings {
  const parsed = parseConfig(schema, env);
  const wish = (
    setting: 'TEMPUS_API_PORT' | 'TEMPUS_ROUTER_PORT' | 'TEMPUS_AWS_PORT',
    standard: number,
  ): PortWish => ({
    setting,
    port: parsed[setting] ?? standard,
    asked: parsed[setting] !== undefined,
  });
  const ports = {
    api: wish('TEMPUS_API_PORT', 4000),
    router: wish('TEMPUS_ROUTER_PORT', 8080),
    aws: wish('TEMPUS_AWS_PORT', 4566),
  };
  rejectTwice(Object.values(ports).filter(({ asked }) => asked));
  return {
    host: parsed.TEMPUS_HOST,
    ...ports,
    home: resolve(folder, parsed.TEMPUS_HOME),
    routing: parsed.TEMPUS_ROUTING,
    runtime: parsed.TEMPUS_RUNTIME,
    realism: parsed.TEMPUS_REALISM === 0 ? undefined : parsed.TEMPUS_REALISM,
    ...(parsed.TEMPUS_CALL_JOURNAL === undefined
      ? {}
      : { call_journal: resolve(folder, parsed.TEMPUS_CALL_JOURNAL) }),
    log_level: parsed.TEMPUS_LOG_LEVEL,
  };
}

function rejectTwice(wishes: readonly PortWish[]): void {
  for (const [at, { setting, port: number }] of wishes.entries()) {
    const twin = wishes.slice(at + 1).find((other) => other.port === number);
    if (twin)
      throw new ConfigError(`${setting} and ${twin.setting} are both ${number}; give each its own port`);
  }
}
