import type { Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isPriorityTaken } from '../aws/errors.ts';
import { resourceKey, resourceTags } from '../preview/names.ts';
import { canonicalJson } from '../preview/spec.ts';
import { deleteRule, listRules, nameOf, servedBy } from './listener.ts';
import { done, type Outcome, wait } from './outcome.ts';
import { nameConflict, ownedArns, unproven } from './ownership.ts';
import type { Ensuring, Work } from './pass.ts';
import type { Plan, RulePlan } from './plan.ts';
import { takesRequest, valuesOf } from './rule-match.ts';

/** What a rule does, in a form that compares: which requests, to which target group, rewritten how. */
function essence(
  conditions: Rule['Conditions'],
  targetGroupArn: string | undefined,
  transforms: Rule['Transforms'],
) {
  return canonicalJson([
    (conditions ?? []).map((condition) => [condition.Field, valuesOf(condition)]),
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
  const rules = await listRules(pass.ports.elbv2, plan.alb.listener_arn);
  const standing = new Map(rules.map((rule) => [Number(rule.Priority), rule]));
  const planned = new Set(plan.rules.map(({ priority }) => priority));
  const mine = rules.filter(
    (rule) =>
      planned.has(Number(rule.Priority)) ||
      nameOf(rule, pass.row, plan.alb) !== undefined ||
      takesOurs(rule, plan),
  );
  const owned = await ownedArns(
    mine.map(({ RuleArn = '' }) => RuleArn),
    pass,
  );
  const strangers = mine.filter((rule) => !owned.has(rule.RuleArn ?? ''));
  const hijacker = strangers.find((rule) => takesOurs(rule, plan));
  if (hijacker)
    return nameConflict(`a listener rule at priority ${hijacker.Priority} that takes its requests`, pass);
  const stranger = strangers.find(({ Priority }) => planned.has(Number(Priority)));
  if (stranger) {
    // What leads to our own target group has only lost its tags: from another slot it would take our requests.
    pass.slotTaken = forwardsTo(stranger) !== targetGroupArn;
    return nameConflict(`a listener rule at priority ${stranger.Priority}`, pass);
  }
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
    await deleteRule(pass.ports.elbv2, RuleArn);
    pass.log.info({ priority: Priority }, 'deleted spare listener rule');
  }
  return done;
}

/** Whether a rule takes the requests of one of ours, because it is asked first. */
function takesOurs(rule: Rule, { rules }: Plan): boolean {
  const priority = Number(rule.Priority);
  return rules.some((own) => priority < own.priority && takesRequest(rule, own.request));
}

/** Takes our rules out of a slot that a stranger's rule stands in, so that it can be given back. */
export async function clearSlot(pass: Ensuring): Promise<void> {
  const { plan, ports, log } = pass;
  const planned = new Set(plan.rules.map(({ priority }) => priority));
  const rules = await listRules(ports.elbv2, plan.alb.listener_arn);
  const here = rules.flatMap(({ Priority, RuleArn }) => (planned.has(Number(Priority)) && RuleArn) || []);
  for (const arn of await ownedArns(here, pass)) {
    await deleteRule(ports.elbv2, arn);
    log.info({ slot: pass.row.status.slot?.n }, 'deleted listener rule of a slot that a stranger stands in');
  }
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

/** Found by what they match or by the slot, since a hand may have edited either; the tags decide whose they are. */
export async function removeListenerRules(work: Work): Promise<Outcome | 'absent'> {
  let outcome: Outcome | 'absent' = 'absent';
  for (const alb of work.config.albs) {
    const found = (await listRules(work.ports.elbv2, alb.listener_arn)).flatMap((rule) => {
      const name = nameOf(rule, work.row, alb);
      const serves = servedBy(rule, work.row.id, alb) !== undefined;
      return name && rule.RuleArn ? [{ name, serves, arn: rule.RuleArn }] : [];
    });
    const owned = await ownedArns(
      found.map(({ arn }) => arn),
      work,
    );
    for (const { name, arn } of found.filter((rule) => owned.has(rule.arn))) {
      await deleteRule(work.ports.elbv2, arn);
      work.draft.deleted(resourceKey('listener-rule', name));
      work.log.info({ rule: name }, 'deleted listener rule');
      outcome = done;
    }
    const lost = found.find((rule) => rule.serves && !owned.has(rule.arn));
    if (lost && outcome === 'absent') outcome = unproven(resourceKey('listener-rule', lost.name), work);
  }
  return outcome;
}
