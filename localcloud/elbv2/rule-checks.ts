import type { Action, RuleCondition, RuleTransform } from '@aws-sdk/client-elastic-load-balancing-v2';
import { invalid, misconfigured } from './errors.ts';

const MAX_VALUES = 5;
const MAX_VALUES_OF_CONDITION = 3;
const MAX_WILDCARDS = 5;
const MAX_LENGTH = 128;
const MAX_PATTERN = 1024;
/** RE2, which AWS uses, has neither. */
const NOT_IN_RE2 = /\(\?(?:<?[=!])|\\[1-9]|\\k</;

/** The values of a condition, in either of the two forms in which AWS takes them; other fields are not served. */
function valuesOf(condition: RuleCondition): string[] {
  const { Field, Values, HostHeaderConfig, PathPatternConfig, HttpRequestMethodConfig } = condition;
  const regexes = [condition.RegexValues, HostHeaderConfig?.RegexValues, PathPatternConfig?.RegexValues];
  if (regexes.some((values) => values?.length)) {
    throw misconfigured('Conditions with regular expressions are not modelled');
  }
  switch (Field) {
    case 'host-header':
      return HostHeaderConfig?.Values ?? Values ?? [];
    case 'path-pattern':
      return PathPatternConfig?.Values ?? Values ?? [];
    case 'http-request-method':
      return HttpRequestMethodConfig?.Values ?? Values ?? [];
    case undefined:
      throw invalid('A condition must have a field');
    default:
      throw misconfigured(`Conditions on ${Field} are not modelled`);
  }
}

/** The conditions of a rule, each in the form with a config, as AWS answers them. */
export function checkConditions(conditions: readonly RuleCondition[] | undefined): RuleCondition[] {
  if (!conditions || conditions.length === 0) throw invalid('A rule must have at least one condition');
  const fields = conditions.map(({ Field }) => Field);
  if (new Set(fields).size < fields.length) throw misconfigured('A rule may have one condition per field');
  const all = conditions.flatMap(valuesOf);
  if (all.length > MAX_VALUES) throw invalid(`A rule may have at most ${MAX_VALUES} condition values`);
  if (all.join('').replace(/[^*?]/g, '').length > MAX_WILDCARDS) {
    throw invalid(`A rule may have at most ${MAX_WILDCARDS} wildcards`);
  }
  return conditions.map((condition) => {
    const Values = valuesOf(condition);
    if (Values.length > MAX_VALUES_OF_CONDITION) {
      throw invalid(`A condition may have at most ${MAX_VALUES_OF_CONDITION} values`);
    }
    if (Values.length === 0) throw invalid(`The condition on ${condition.Field} must have values`);
    for (const value of Values) checkValue(condition.Field, value);
    const { Field } = condition;
    if (Field === 'host-header') return { Field, Values, HostHeaderConfig: { Values } };
    if (Field === 'path-pattern') return { Field, Values, PathPatternConfig: { Values } };
    return { Field, HttpRequestMethodConfig: { Values } };
  });
}

function checkValue(field: string | undefined, value: string): void {
  const shape =
    field === 'host-header'
      ? /^[A-Za-z0-9.*?_-]+$/
      : field === 'path-pattern'
        ? /^\/?[A-Za-z0-9_\-.$/~"'@:+&*?()!,;=%]*$/
        : /^[A-Z_-]{1,40}$/;
  if (value.length === 0 || value.length > MAX_LENGTH || !shape.test(value)) {
    throw invalid(`'${value}' is not a valid value for a condition on ${field}`);
  }
}

/** The actions of a rule: one that ends it. What needs an identity provider is not modelled. */
export function checkActions(actions: readonly Action[] | undefined): Action[] {
  const [action, ...more] = actions ?? [];
  if (!action || more.length > 0) throw invalid('A rule must have exactly one action');
  switch (action.Type) {
    case 'forward':
      if (!action.TargetGroupArn && !action.ForwardConfig?.TargetGroups?.length) {
        throw invalid('A forward action must name a target group');
      }
      break;
    case 'fixed-response':
      if (!/^[245]\d\d$/.test(action.FixedResponseConfig?.StatusCode ?? '')) {
        throw invalid('A fixed-response action must have a 2XX, 4XX or 5XX status code');
      }
      break;
    case 'redirect':
      if (!/^HTTP_30[12]$/.test(action.RedirectConfig?.StatusCode ?? '')) {
        throw invalid('A redirect action must have the status code HTTP_301 or HTTP_302');
      }
      break;
    case 'authenticate-cognito':
    case 'authenticate-oidc':
    case 'jwt-validation':
    case undefined:
      throw misconfigured(`Actions of type ${action.Type} are not modelled`);
  }
  return [action];
}

/** The transforms of a rule, one of each type, with patterns that AWS would take. */
export function checkTransforms(transforms: readonly RuleTransform[] | undefined): RuleTransform[] {
  const given = transforms ?? [];
  if (new Set(given.map(({ Type }) => Type)).size < given.length) {
    throw misconfigured('A rule may have one transform of each type');
  }
  for (const { Type, UrlRewriteConfig, HostHeaderRewriteConfig } of given) {
    if (Type !== 'url-rewrite' && Type !== 'host-header-rewrite') {
      throw invalid(`'${Type}' is not a type of transform`);
    }
    const config = Type === 'url-rewrite' ? UrlRewriteConfig : HostHeaderRewriteConfig;
    const rewrites = config?.Rewrites ?? [];
    if (rewrites.length !== 1) throw invalid('A transform must have exactly one rewrite');
    for (const { Regex = '', Replace = '' } of rewrites) checkPattern(Regex, Replace);
  }
  return [...given];
}

function checkPattern(regex: string, replace: string): void {
  if (regex === '' || regex.length > MAX_PATTERN || replace.length > MAX_PATTERN) {
    throw invalid(`A rewrite's regex and replacement must be at most ${MAX_PATTERN} characters long`);
  }
  if (NOT_IN_RE2.test(regex)) throw invalid(`'${regex}': lookaround and backreferences are not supported`);
  try {
    RegExp(regex);
  } catch {
    throw invalid(`'${regex}' is not a valid regular expression`);
  }
}
