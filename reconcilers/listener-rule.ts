import type { Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isPriorityTaken, isRuleGone } from '../aws/errors.ts';
import { resourceKey, resourceTags } from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import { canonicalJson } from '../preview/spec.ts';
import { previewHost, previewLabel } from '../preview/urls.ts';
import type { AlbConfig } from './config.ts';
import { done, type Outcome, wait } from './outcome.ts';
import { nameConflict, ownedArns } from './ownership.ts';
import type { Ensuring, Work } from './pass.ts';
import { type RulePlan, ruleName, rulePriorities } from './plan.ts';

async function observe(work: Work, listenerArn: string): Promise<Rule[]> {
  const rules: Rule[] = [];
  let Marker: string | undefined;
  do {
    const page = await work.ports.elbv2.describeRules({
      ListenerArn: listenerArn,
      ...(Marker ? { Marker } : {}),
    });
    rules.push(...(page.Rules ?? []));
    Marker = page.NextMarker;
  } while (Marker);
  return rules;
}

/** What a rule does, in a form that compares: which requests, to which target group, rewritten how. */
function essence(
  conditions: Rule['Conditions'],
  targetGroupArn: string | undefined,
  transforms: Rule['Transforms'],
) {
  return canonicalJson([
    (conditions ?? []).map(({ Field, HostHeaderConfig, PathPatternConfig, Values }) => [
      Field,
      HostHeaderConfig?.Values ?? PathPatternConfig?.Values ?? Values,
    ]),
    targetGroupArn,
    (transforms ?? []).map(({ Type, UrlRewriteConfig }) => [
      Type,
      UrlRewriteConfig?.Rewrites?.map(({ Regex, Replace }) => [Regex, Replace]),
    ]),
  ]);
}

function forwardsTo(rule: Rule): string | undefined {
  const action = rule.Actions?.[0];
  return action?.TargetGroupArn ?? action?.ForwardConfig?.TargetGroups?.[0]?.TargetGroupArn;
}

function differs(rule: Rule, plan: RulePlan, targetGroupArn: string): boolean {
  return (
    essence(rule.Conditions, forwardsTo(rule), rule.Transforms) !==
    essence(plan.conditions, targetGroupArn, plan.transforms)
  );
}

export async function ensureListenerRules(pass: Ensuring): Promise<Outcome> {
  const { plan, targetGroupArn } = pass;
  if (!targetGroupArn) throw new Error('the target group step has not run');
  const rules = await observe(pass, plan.alb.listener_arn);
  const standing = new Map(rules.map((rule) => [rule.Priority, rule]));
  const mine = plan.rules.flatMap(({ priority }) => standing.get(String(priority))?.RuleArn ?? []);
  const owned = await ownedArns(mine, pass);
  for (const rule of plan.rules) {
    const observed = standing.get(String(rule.priority));
    if (observed && !owned.has(observed.RuleArn ?? '')) {
      return nameConflict(`a listener rule at priority ${rule.priority}`, pass);
    }
    const outcome = observed
      ? await modify(pass, rule, observed, targetGroupArn)
      : await create(pass, rule, targetGroupArn);
    if (outcome.kind !== 'done') return outcome;
    pass.draft.present(resourceKey('listener-rule', rule.name));
  }
  return done;
}

async function create(pass: Ensuring, rule: RulePlan, targetGroupArn: string): Promise<Outcome> {
  const { plan, ports, config, log } = pass;
  try {
    await ports.elbv2.createRule({
      ListenerArn: plan.alb.listener_arn,
      Priority: rule.priority,
      Conditions: rule.conditions,
      Actions: [{ Type: 'forward', TargetGroupArn: targetGroupArn }],
      ...(rule.transforms.length > 0 ? { Transforms: rule.transforms } : {}),
      Tags: resourceTags(config.install, pass.row, 'listener-rule'),
    });
  } catch (error) {
    // CreateRule is not idempotent: the priority is taken by our own earlier call that the read did not show yet, or by
    // a stranger. The next pass reads the tags and knows.
    if (isPriorityTaken(error))
      return wait('PriorityInUse', 'another rule holds the priority', config.poll_ms);
    throw error;
  }
  log.info({ rule: rule.name, priority: rule.priority }, 'created listener rule');
  return done;
}

async function modify(
  { ports, log }: Ensuring,
  rule: RulePlan,
  observed: Rule,
  targetGroupArn: string,
): Promise<Outcome> {
  if (!differs(observed, rule, targetGroupArn)) return done;
  await ports.elbv2.modifyRule({
    RuleArn: observed.RuleArn,
    Conditions: rule.conditions,
    Actions: [{ Type: 'forward', TargetGroupArn: targetGroupArn }],
    ...(rule.transforms.length > 0 ? { Transforms: rule.transforms } : { ResetTransforms: true }),
  });
  log.info({ rule: rule.name, priority: rule.priority }, 'modified listener rule');
  return done;
}

/** The trace name of a rule that serves this preview or stands in its slot, or undefined for any other rule. */
function nameOf(rule: Rule, { id, status: { slot } }: PreviewRow, alb: AlbConfig): string | undefined {
  const values = (field: string) =>
    (rule.Conditions ?? [])
      .filter(({ Field }) => Field === field)
      .flatMap(({ HostHeaderConfig, PathPatternConfig, Values }) => [
        ...(HostHeaderConfig?.Values ?? PathPatternConfig?.Values ?? Values ?? []),
      ]);
  const held = slot?.alb === alb.name ? rulePriorities(slot.n) : undefined;
  const priority = Number(rule.Priority);
  const matchesHost = alb.host_domain && values('host-header').includes(previewHost(id, alb.host_domain));
  if (matchesHost || priority === held?.host) return ruleName(id, 'host');
  const matchesPath = values('path-pattern').includes(`/${previewLabel(id)}`);
  return matchesPath || priority === held?.path ? ruleName(id, 'path') : undefined;
}

/** Found by what they match or by the slot, since a hand may have edited either; the tags decide whose they are. */
export async function removeListenerRules(work: Work): Promise<Outcome | 'absent'> {
  let outcome: Outcome | 'absent' = 'absent';
  for (const alb of work.config.albs) {
    const found = (await observe(work, alb.listener_arn)).flatMap((rule) => {
      const name = nameOf(rule, work.row, alb);
      return name && rule.RuleArn ? [{ name, arn: rule.RuleArn }] : [];
    });
    const owned = await ownedArns(
      found.map(({ arn }) => arn),
      work,
    );
    for (const { name, arn } of found.filter((rule) => owned.has(rule.arn))) {
      try {
        await work.ports.elbv2.deleteRule({ RuleArn: arn });
      } catch (error) {
        if (!isRuleGone(error)) throw error;
      }
      work.draft.deleted(resourceKey('listener-rule', name));
      work.log.info({ rule: name }, 'deleted listener rule');
      outcome = done;
    }
  }
  return outcome;
}
