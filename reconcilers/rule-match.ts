import type { Rule, RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2';

/** A request as listener rules see it. */
export interface RuleRequest {
  host: string;
  path: string;
}

/**
 * Whether a rule takes this request, as far as hosts and paths tell; `*` and `?` are wildcards, and all conditions have
 * to hold (rule-condition-types). A rule that also asks for a header, a method or an address takes some requests at
 * most: it counts as not matching.
 */
export function takesRequest({ Conditions = [] }: Rule, request: RuleRequest): boolean {
  return Conditions.length > 0 && Conditions.every((condition) => holds(condition, request));
}

/** The values of a condition, in whichever of its two forms it was given. */
export function valuesOf({ HostHeaderConfig, PathPatternConfig, Values }: RuleCondition): readonly string[] {
  return HostHeaderConfig?.Values ?? PathPatternConfig?.Values ?? Values ?? [];
}

function holds(condition: RuleCondition, { host, path }: RuleRequest): boolean {
  const values = valuesOf(condition);
  if (condition.Field === 'host-header')
    return values.some((pattern) => matches(pattern.toLowerCase(), host.toLowerCase()));
  return condition.Field === 'path-pattern' && values.some((pattern) => matches(pattern, path));
}

function matches(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === text;
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(text);
}
