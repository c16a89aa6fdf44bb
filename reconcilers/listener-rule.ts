import type { Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isPriorityTaken } from '../aws/errors.ts';
import { resourceKey, resourceTags } from '../preview/names.ts';
import { deleteRule, listRules, nameOf, servedBy } from './listener.ts';
import { done, type Outcome, waitSoon } from './outcome.ts';
import { nameConflict, ownedArns, unproven } from './ownership.ts';
import type { Ensuring, StandingRules, Work } from './pass.ts';
import type { RulePlan } from './plan-endpoint.ts';
import { bodyOf, formsWanted, leadsTo, type RuleForm, says } from './rule-form.ts';
import { takesRequest } from './rule-match.ts';

const rulesOf = ({ plan }: Ensuring): RulePlan[] => plan.endpoints.flatMap(({ rules }) => rules);

function groupsOf({ plan, targetGroups }: Ensuring, { suffix }: RulePlan) {
  const own = targetGroups?.get(suffix);
  if (!own) throw new Error('the target group step has not run');
  const waiting = plan.alb.waiting_target_group;
  return { own, ...(waiting === undefined ? {} : { waiting }) };
}

export async function ensureListenerRules(pass: Ensuring): Promise<Outcome> {
  return ensureRules(pass, formsWanted(pass));
}

/** Leads requests to the preview itself: not before a target is healthy, for until then nobody would answer them. */
export async function openRoute(pass: Ensuring): Promise<Outcome> {
  const shut = pass.plan.alb.waiting_target_group !== undefined && pass.draft.status.ready_at === undefined;
  return shut ? ensureRules(pass, ['open']) : done;
}

/** Looks which rules stand, for those who make or open them. */
export async function lookAtRules(pass: Ensuring): Promise<Outcome> {
  pass.standingRules = await standingRules(pass);
  return done;
}

async function standingRules(pass: Ensuring): Promise<StandingRules> {
  const { plan } = pass;
  const plans = rulesOf(pass);
  const planned = new Set(plans.map(({ priority }) => priority));
  const all = await listRules(pass.ports.elbv2, plan.alb.listener_arn);
  const mine = all.filter(
    (rule) =>
      planned.has(Number(rule.Priority)) ||
      nameOf(rule, pass.row, plan.alb) !== undefined ||
      takesOurs(rule, plans),
  );
  const arns = mine.map(({ RuleArn = '' }) => RuleArn);
  return { all, mine, owned: await ownedArns(arns, pass) };
}

async function ensureRules(pass: Ensuring, forms: readonly RuleForm[]): Promise<Outcome> {
  const plans = rulesOf(pass);
  const { all, mine, owned } = pass.standingRules ?? (await standingRules(pass));
  const standing = new Map(all.map((rule) => [Number(rule.Priority), rule]));
  const planned = new Map(plans.map((rule) => [rule.priority, rule]));
  const strangers = mine.filter((rule) => !owned.has(rule.RuleArn ?? ''));
  const hijacker = strangers.find((rule) => takesOurs(rule, plans));
  if (hijacker)
    return nameConflict(`a listener rule at priority ${hijacker.Priority} that takes its requests`, pass);
  const stranger = strangers.find(({ Priority }) => planned.has(Number(Priority)));
  const place = planned.get(Number(stranger?.Priority));
  if (stranger && place) {
    // What leads to our own target group has only lost its tags: from another slot it would take our requests.
    if (!leadsTo(stranger, groupsOf(pass, place).own)) pass.slotTaken = place.suffix;
    return nameConflict(`a listener rule at priority ${stranger.Priority}`, pass);
  }
  for (const rule of plans) {
    const observed = standing.get(rule.priority);
    const outcome = observed ? await modify(pass, rule, observed, forms) : await create(pass, rule, forms);
    if (outcome.kind !== 'done') return outcome;
    pass.draft.present(resourceKey('listener-rule', rule.name));
  }
  // Moved by a hand, made by a call that came late, or of an address that is not wanted any more.
  const spare = mine.filter(
    ({ RuleArn, Priority }) => owned.has(RuleArn ?? '') && !planned.has(Number(Priority)),
  );
  for (const { RuleArn, Priority } of spare) {
    changes(pass);
    await deleteRule(pass.ports.elbv2, RuleArn);
    pass.log.info({ priority: Priority }, 'deleted spare listener rule');
  }
  return done;
}

/** What was seen of the rules, and what the address has answered by them, is of before. */
function changes(pass: Ensuring): void {
  pass.standingRules = undefined;
  pass.answers = false;
}

/** Whether a rule takes the requests of one of ours, because it is asked first. */
function takesOurs(rule: Rule, plans: readonly RulePlan[]): boolean {
  const priority = Number(rule.Priority);
  return plans.some((own) => priority < own.priority && takesRequest(rule, own.request));
}

/** Takes our rules out of a slot that a stranger's rule stands in, so that it can be given back. */
export async function clearSlot(pass: Ensuring, suffix: string): Promise<void> {
  const { plan, ports, log, claim } = pass;
  const here = rulesOf(pass).filter((rule) => rule.suffix === suffix);
  const planned = new Set(here.map(({ priority }) => priority));
  const rules = await listRules(ports.elbv2, plan.alb.listener_arn);
  const arns = rules.flatMap(({ Priority, RuleArn }) => (planned.has(Number(Priority)) && RuleArn) || []);
  for (const arn of await ownedArns(arns, pass)) {
    await deleteRule(ports.elbv2, arn);
    log.info({ slot: claim.slots.get(suffix) }, 'deleted listener rule of a slot that a stranger stands in');
  }
}

async function create(
  pass: Ensuring,
  rule: RulePlan,
  [form = 'open']: readonly RuleForm[],
): Promise<Outcome> {
  const { plan, ports, config, log } = pass;
  changes(pass);
  try {
    await ports.elbv2.createRule({
      ListenerArn: plan.alb.listener_arn,
      Priority: rule.priority,
      ...bodyOf(rule, form, groupsOf(pass, rule)),
      Tags: resourceTags(config.install, pass.row, 'listener-rule'),
    });
  } catch (error) {
    // CreateRule is not idempotent: the priority is taken by our own earlier call that the read did not show yet, or by
    // a stranger. The next pass reads the tags and knows.
    if (isPriorityTaken(error))
      return waitSoon('PriorityInUse', 'another rule holds the priority', config.poll_ms);
    throw error;
  }
  log.info({ rule: rule.name, priority: rule.priority }, 'created listener rule');
  return done;
}

async function modify(
  pass: Ensuring,
  rule: RulePlan,
  observed: Rule,
  forms: readonly RuleForm[],
): Promise<Outcome> {
  const bodies = forms.map((form) => bodyOf(rule, form, groupsOf(pass, rule)));
  const [wanted] = bodies;
  if (!wanted || bodies.some((body) => says(observed, body))) return done;
  changes(pass);
  await pass.ports.elbv2.modifyRule({
    RuleArn: observed.RuleArn,
    ...wanted,
    ...(wanted.Transforms ? {} : { ResetTransforms: true }),
  });
  pass.log.info({ rule: rule.name, priority: rule.priority }, 'modified listener rule');
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
