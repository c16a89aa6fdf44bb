import type { ComposeSource, Path } from './source.ts';

type Env = Readonly<Record<string, string | undefined>>;

const VARIABLE = /\$(?:\$|\{([A-Za-z_]\w*)(?:(:?[-+?])([^}]*))?\}|([A-Za-z_]\w*)|)/g;

/**
 * A file's values with the variables of whoever calls in them, as Compose has it: `${A}`, `${A:-default}`, `${A-default}`,
 * `${A:+other}`, `${A:?message}`, `$A`, and `$$` for a dollar. Compose makes an unset one empty and only warns; here it is
 * a fault, because a preview with an empty password is nobody's wish.
 */
export function interpolate(value: unknown, env: Env, source: ComposeSource, path: Path = []): unknown {
  if (typeof value === 'string') return fill(value, env, (message) => source.fault(path, message));
  if (Array.isArray(value)) return value.map((one, i) => interpolate(one, env, source, [...path, i]));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    interpolate(one, env, source, [...path, key]),
  ]);
  return Object.fromEntries(entries) as unknown;
}

function fill(text: string, env: Env, fault: (message: string) => void): string {
  return text.replaceAll(
    VARIABLE,
    (all, braced?: string, operator?: string, word = '', plain?: string): string => {
      if (all === '$$') return '$';
      const name = braced ?? plain;
      if (name === undefined) return all;
      const value = env[name];
      const empty = operator?.startsWith(':') ? !value : value === undefined;
      switch (operator?.at(-1)) {
        case '-':
          return empty ? word : (value ?? '');
        case '+':
          return empty ? '' : word;
        case '?':
          if (empty) fault(`needs ${name} in the environment: ${word || 'it is not set'}`);
          return value ?? '';
        case undefined:
        default:
          if (value === undefined)
            fault(`needs ${name} in the environment; set it, or write \${${name}:-default}`);
          return value ?? '';
      }
    },
  );
}
