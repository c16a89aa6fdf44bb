import type { RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2';

export interface Matchable {
  method: string;
  /** The Host header as it came. */
  host: string;
  /** The path without the query. */
  path: string;
}

/** Whether a rule takes a request: all its conditions hold. The default rule has none and takes everything. */
export function matches(conditions: readonly RuleCondition[], request: Matchable): boolean {
  return conditions.every((condition) => holds(condition, request));
}

/** A kind of condition that is not modelled never holds: its rule must not catch what AWS would not give it. */
function holds(condition: RuleCondition, { method, host, path }: Matchable): boolean {
  switch (condition.Field ?? '') {
    case 'host-header': {
      const name = hostName(host);
      return values(condition, condition.HostHeaderConfig).some((p) => fits(p.toLowerCase(), name));
    }
    case 'path-pattern':
      return values(condition, condition.PathPatternConfig).some((pattern) => fits(pattern, path));
    case 'http-request-method':
      return values(condition, condition.HttpRequestMethodConfig).includes(method);
    default:
      return false;
  }
}

/** A condition has its values in the config of its kind, or in the older `Values` of its own. */
function values(condition: RuleCondition, config: { Values?: string[] | undefined } | undefined): string[] {
  return config?.Values ?? condition.Values ?? [];
}

/** The name alone, as conditions see it: in lower case, without port and without the root's trailing dot. */
export function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
}

/** `*` is any run of characters and `?` is exactly one; in linear space and without a regular expression's traps. */
function fits(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p;
      resume = t;
      p += 1;
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      resume += 1;
      p = star + 1;
      t = resume;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(p));
}
