import type * as z from 'zod';

export type Env = Readonly<Record<string, string | undefined>>;

/** The only door to the environment. */
export function processEnv(): Env {
  return process.env;
}

/** One or more settings are wrong. The message names every one of them, not only the first. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Parses settings from `env`: an empty value counts as unset, all mistakes are reported together, and the result
 * is frozen. Throws ConfigError.
 */
export function parseConfig<S extends z.ZodType<object>>(schema: S, env: Env): Readonly<z.output<S>> {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(set);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`these settings are wrong:\n${lines.join('\n')}`);
  }
  return Object.freeze(parsed.data);
}
