import type { Action, CreateRuleCommandInput, Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { canonicalJson } from '../preview/spec.ts';
import type { Ensuring } from './pass.ts';
import type { RulePlan } from './plan-endpoint.ts';
import { valuesOf } from './rule-match.ts';

/**
 * The two forms of a preview's rule. Open, it leads to the preview. Shut, it leads to the waiting room, which tells
 * people how far the preview is; the preview's own group is in it with weight 0, because ECS refuses a service whose
 * target group no rule uses, and health checks run only for a group that one does.
 */
export type RuleForm = 'open' | 'shut';

export type RuleBody = Pick<CreateRuleCommandInput, 'Conditions' | 'Actions' | 'Transforms'>;

/** What a rule shall say in a form. Shut it rewrites nothing: the waiting room reads the address as it was asked. */
export function bodyOf(rule: RulePlan, form: RuleForm, groups: { own: string; waiting?: string }): RuleBody {
  const { own, waiting } = groups;
  if (form === 'open' || waiting === undefined) {
    return {
      Conditions: rule.conditions,
      Actions: [{ Type: 'forward', TargetGroupArn: own }],
      ...(rule.transforms.length > 0 ? { Transforms: rule.transforms } : {}),
    };
  }
  const TargetGroups = [
    { TargetGroupArn: waiting, Weight: 1 },
    { TargetGroupArn: own, Weight: 0 },
  ];
  return { Conditions: rule.conditions, Actions: [{ Type: 'forward', ForwardConfig: { TargetGroups } }] };
}

/**
 * The forms that will do now. What has been Ready once stays open, whatever becomes of it; what does not run is shut, so
 * that people learn why. In between a rule is shut when it is made and opened once: only openRoute asks for more.
 */
export function formsWanted({ draft, plan }: Ensuring): readonly RuleForm[] {
  if (draft.status.ready_at !== undefined) return ['open'];
  return plan.service.desiredCount > 0 ? ['shut', 'open'] : ['shut'];
}

/** Whether a rule does what a body says, in a form that compares: which requests, whither, rewritten how. */
export function says(rule: Rule, body: RuleBody): boolean {
  return essence(rule) === essence(body);
}

function essence({ Conditions, Actions, Transforms }: RuleBody | Rule): string {
  return canonicalJson([
    (Conditions ?? []).map((condition) => [condition.Field, valuesOf(condition)]),
    weights(Actions?.[0]),
    (Transforms ?? []).map(({ Type, UrlRewriteConfig }) => [
      Type,
      UrlRewriteConfig?.Rewrites?.map(({ Regex, Replace }) => [Regex, Replace]),
    ]),
  ]);
}

/** AWS answers a single group in both of its forms, whichever it was given. */
function weights(action: Action | undefined): [string | undefined, number][] {
  const groups = action?.ForwardConfig?.TargetGroups ?? [];
  if (groups.length <= 1) return [[groups[0]?.TargetGroupArn ?? action?.TargetGroupArn, 1]];
  return groups
    .map(({ TargetGroupArn, Weight = 1 }): [string | undefined, number] => [TargetGroupArn, Weight])
    .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

/** Whether a rule leads to a group, be it with weight 0. */
export function leadsTo(rule: Rule, targetGroupArn: string | undefined): boolean {
  const action = rule.Actions?.[0];
  const groups = action?.ForwardConfig?.TargetGroups ?? [];
  return [action?.TargetGroupArn, ...groups.map((group) => group.TargetGroupArn)].includes(targetGroupArn);
}
