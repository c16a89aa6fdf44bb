import type { Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isListenerGone, isPriorityTaken, isRuleGone } from '../aws/errors.ts';
import type { Elbv2Port } from '../aws/ports.ts';
import { resourceKey, resourceTags } from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import { canonicalJson } from '../preview/spec.ts';
import { previewHost, previewLabel } from '../preview/urls.ts';
import type { AlbConfig } from './config.ts';
import { done, type Outcome, wait } from './outcome.ts';
import { nameConflict, ownedArns, unproven } from './ownership.ts';
import type { Ensuring, Work } from './pass.ts';
import { type RulePlan, ruleName, rulePriorities } from './plan.ts';
import type { Slot } from './slots.ts';

/** Every rule of a listener, over all pages; none where the listener is gone. */
async function observe(elbv2: Elbv2Port, listenerArn: string): Promise<Rule[]> {
  const rules: Rule[] = [];
  let Marker: string | undefined;
  try {
    do {
      const page = await elbv2.describeRules({ ListenerArn: listenerArn, ...(Marker ? { Marker } : {}) });
      rules.push(...(page.Rules ?? []));
      Marker = page.NextMarker;
    } while (Marker);
  } catch (error) {
    if (!isListenerGone(error)) throw error;
    return [];
  }
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
  const rules = await observe(pass.ports.elbv2, plan.alb.listener_arn);
  const standing = new Map(rules.map((rule) => [Number(rule.Priority), rule]));
  const planned = new Set(plan.rules.map(({ priority }) => priority));
  const mine = rules.filter(
    (rule) => planned.has(Number(rule.Priority)) || nameOf(rule, pass.row, plan.alb) !== undefined,
  );
  const owned = await ownedArns(
    mine.map(({ RuleArn = '' }) => RuleArn),
    pass,
  );
  const stranger = mine.find((rule) => !owned.has(rule.RuleArn ?? '') && isInTheWay(rule, pass, planned));
  if (stranger) return nameConflict(`a listener rule at priority ${stranger.Priority}`, pass);
  for (const rule of plan.rules) {
    const observed = standing.get(rule.priority);
    const outcome = observed
      ? await modify(pass, rule, observed, targetGroupArn)
      : await create(pass, rule, targetGroupArn);
    if (outcome.kind !== 'done') return outcome;
    pass.draft.present(resourceKey('listener-rule', rule.name));
  }
  // Moved by a hand, or made by a call that came late: what stands in the slot serves already.
  const spare = mine.filter(
    ({ RuleArn, Priority }) => owned.has(RuleArn ?? '') && !planned.has(Number(Priority)),
  );
  for (const { RuleArn, Priority } of spare) {
    await remove(pass.ports.elbv2, RuleArn);
    pass.log.info({ priority: Priority }, 'deleted spare listener rule');
  }
  return done;
}

/** A stranger's rule that holds our priority, or takes our requests because it is asked before ours. */
function isInTheWay({ Priority }: Rule, { plan }: Ensuring, planned: ReadonlySet<number>): boolean {
  const priority = Number(Priority);
  return planned.has(priority) || plan.rules.some((rule) => priority < rule.priority);
}

async function remove(elbv2: Elbv2Port, RuleArn: string | undefined): Promise<void> {
  try {
    await elbv2.deleteRule({ RuleArn });
  } catch (error) {
    if (!isRuleGone(error)) throw error;
  }
}

/** Those of the free slots whose priorities nobody's rule holds: a stranger's place is passed over, not fought for. */
export async function withoutStrangers(free: readonly Slot[], elbv2: Elbv2Port): Promise<Slot[]> {
  const taken = new Map<string, ReadonlySet<number>>();
  for (const { listener_arn } of new Set(free.map(({ alb }) => alb))) {
    const rules = await observe(elbv2, listener_arn);
    taken.set(listener_arn, new Set(rules.map(({ Priority }) => Number(Priority))));
  }
  return free.filter(({ alb, n }) => {
    const { host, path } = rulePriorities(n);
    const here = taken.get(alb.listener_arn);
    return !here?.has(host) && !here?.has(path);
  });
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

/** The trace name of a rule that serves this preview, by what it matches. */
function servedBy(rule: Rule, id: string, alb: AlbConfig): string | undefined {
  const values = (field: string) =>
    (rule.Conditions ?? [])
      .filter(({ Field }) => Field === field)
      .flatMap(({ HostHeaderConfig, PathPatternConfig, Values }) => [
        ...(HostHeaderConfig?.Values ?? PathPatternConfig?.Values ?? Values ?? []),
      ]);
  const matchesHost = alb.host_domain && values('host-header').includes(previewHost(id, alb.host_domain));
  if (matchesHost) return ruleName(id, 'host');
  return values('path-pattern').includes(`/${previewLabel(id)}`) ? ruleName(id, 'path') : undefined;
}

/** The trace name of a rule that serves this preview or stands in its slot, or undefined for any other rule. */
function nameOf(rule: Rule, { id, status: { slot } }: PreviewRow, alb: AlbConfig): string | undefined {
  const served = servedBy(rule, id, alb);
  if (served !== undefined || slot?.alb !== alb.name) return served;
  const held = rulePriorities(slot.n);
  const priority = Number(rule.Priority);
  if (priority === held.host) return ruleName(id, 'host');
  return priority === held.path ? ruleName(id, 'path') : undefined;
}

/** Found by what they match or by the slot, since a hand may have edited either; the tags decide whose they are. */
export async function removeListenerRules(work: Work): Promise<Outcome | 'absent'> {
  let outcome: Outcome | 'absent' = 'absent';
  for (const alb of work.config.albs) {
    const found = (await observe(work.ports.elbv2, alb.listener_arn)).flatMap((rule) => {
      const name = nameOf(rule, work.row, alb);
      const serves = servedBy(rule, work.row.id, alb) !== undefined;
      return name && rule.RuleArn ? [{ name, serves, arn: rule.RuleArn }] : [];
    });
    const owned = await ownedArns(
      found.map(({ arn }) => arn),
      work,
    );
    for (const { name, arn } of found.filter((rule) => owned.has(rule.arn))) {
      await remove(work.ports.elbv2, arn);
      work.draft.deleted(resourceKey('listener-rule', name));
      work.log.info({ rule: name }, 'deleted listener rule');
      outcome = done;
    }
    const lost = found.find((rule) => rule.serves && !owned.has(rule.arn));
    if (lost && outcome === 'absent') outcome = unproven(resourceKey('listener-rule', lost.name), work);
  }
  return outcome;
}
