import type {
  Action,
  CreateRuleCommandInput,
  CreateRuleCommandOutput,
  DeleteRuleCommandInput,
  DescribeRulesCommandInput,
  DescribeRulesCommandOutput,
  ModifyRuleCommandInput,
  ModifyRuleCommandOutput,
  Rule,
  SetRulePrioritiesCommandInput,
  SetRulePrioritiesCommandOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Elbv2Context } from './context.ts';
import {
  invalid,
  listenerNotFound,
  notPermitted,
  oneLoadBalancer,
  priorityInUse,
  ruleNotFound,
  targetGroupNotFound,
  tooManyRules,
  tooManyTargetGroups,
} from './errors.ts';
import { paged } from './paging.ts';
import type { RoutingRule } from './routing-view.ts';
import { checkActions, checkConditions, checkTransforms } from './rule-checks.ts';
import { LIMITS, type ListenerRecord, loadBalancersOf, type RuleRecord, targetGroupsOf } from './state.ts';
import { checkTags, type ResourceTags } from './tags.ts';

type Answer<T> = Omit<T, '$metadata'>;

const MAX_PRIORITY = 50_000;

export interface RulesDeps {
  context: Elbv2Context;
  tags: ResourceTags;
  /** Which target groups are used has changed. */
  changed: () => void;
}

/** Listener rules. The lowest priority wins; a listener's default rule comes last and has none. */
export class Rules {
  readonly #deps: RulesDeps;

  constructor(deps: RulesDeps) {
    this.#deps = deps;
  }

  create(input: CreateRuleCommandInput): Answer<CreateRuleCommandOutput> {
    const { context, tags, changed } = this.#deps;
    const listener = this.#listener(input.ListenerArn);
    const priority = checkPriority(input.Priority);
    const conditions = checkConditions(input.Conditions);
    const actions = checkActions(input.Actions);
    const transforms = checkTransforms(input.Transforms);
    const checkedTags = checkTags(input.Tags);
    if (this.#of(listener.arn).some((rule) => rule.priority === priority)) throw priorityInUse(priority);
    if (this.#ofLoadBalancer(listener).filter((rule) => rule.priority !== undefined).length >= LIMITS.rules) {
      throw tooManyRules();
    }
    this.#checkTargetGroups(listener, actions);
    const path = listener.arn.split('listener/')[1];
    const arn = context.arn(`listener-rule/${path}`);
    const rule = { arn, listenerArn: listener.arn, priority, conditions, actions, transforms };
    context.state.rules.push(rule);
    tags.set(rule.arn, checkedTags);
    context.save();
    changed();
    return { Rules: [view(rule)] };
  }

  /** Replaces whole lists, those that are given. */
  modify(input: ModifyRuleCommandInput): Answer<ModifyRuleCommandOutput> {
    const rule = this.#rule(input.RuleArn);
    if (rule.priority === undefined && (input.Conditions || input.Transforms)) {
      throw notPermitted('The default rule takes neither conditions nor transforms');
    }
    if (input.Transforms && input.ResetTransforms)
      throw invalid('Transforms and ResetTransforms exclude each other');
    const conditions = input.Conditions ? checkConditions(input.Conditions) : rule.conditions;
    const actions = input.Actions ? checkActions(input.Actions) : rule.actions;
    const transforms = input.Transforms ? checkTransforms(input.Transforms) : rule.transforms;
    if (input.Actions) this.#checkTargetGroups(this.#listener(rule.listenerArn), actions, rule);
    Object.assign(rule, { conditions, actions, transforms: input.ResetTransforms ? [] : transforms });
    this.#deps.context.save();
    this.#deps.changed();
    return { Rules: [view(rule)] };
  }

  /** All at once, so that two rules can trade places. */
  setPriorities({
    RulePriorities = [],
  }: SetRulePrioritiesCommandInput): Answer<SetRulePrioritiesCommandOutput> {
    const wanted = new Map(
      RulePriorities.map(({ RuleArn, Priority }) => [this.#rule(RuleArn), checkPriority(Priority)] as const),
    );
    for (const [rule, priority] of wanted) {
      if (rule.priority === undefined) throw notPermitted('The default rule has no priority');
      const taken = this.#of(rule.listenerArn).some(
        (other) => other !== rule && (wanted.get(other) ?? other.priority) === priority,
      );
      if (taken) throw priorityInUse(priority);
    }
    for (const [rule, priority] of wanted) rule.priority = priority;
    this.#deps.context.save();
    return { Rules: [...wanted.keys()].map(view) };
  }

  delete({ RuleArn }: DeleteRuleCommandInput): object {
    const { context, tags, changed } = this.#deps;
    const rule = this.#rule(RuleArn);
    if (rule.priority === undefined) throw notPermitted('Default rule cannot be deleted');
    context.state.rules = context.state.rules.filter((other) => other !== rule);
    tags.forget(rule.arn);
    context.save();
    changed();
    return {};
  }

  describe(input: DescribeRulesCommandInput): Answer<DescribeRulesCommandOutput> {
    const { ListenerArn, RuleArns } = input;
    if ((ListenerArn === undefined) === !RuleArns?.length) {
      throw invalid('Exactly one of ListenerArn and RuleArns must be specified');
    }
    const found = RuleArns?.length
      ? [...new Set(RuleArns)].map((arn) => this.#rule(arn))
      : this.#of(this.#listener(ListenerArn).arn);
    const { items, next } = paged(found, input, positionOf);
    return { Rules: items.map(view), ...next };
  }

  /** The rule that a listener is made with. */
  addDefault(listener: ListenerRecord, defaultActions: readonly Action[]): void {
    const { context } = this.#deps;
    const actions = checkActions(defaultActions);
    this.#checkTargetGroups(listener, actions);
    const arn = context.arn(`listener-rule/${listener.arn.split('listener/')[1]}`);
    context.state.rules.push({ arn, listenerArn: listener.arn, conditions: [], actions, transforms: [] });
  }

  defaultActions(listenerArn: string): Action[] {
    return this.#of(listenerArn).find(({ priority }) => priority === undefined)?.actions ?? [];
  }

  /** What the load balancer goes by. */
  routing(listenerArn: string): RoutingRule[] {
    return sorted(this.#of(listenerArn)).map(({ arn, conditions, actions, transforms }) => ({
      ruleArn: arn,
      conditions,
      actions,
      transforms,
    }));
  }

  /** What the rule that is `replaced` sends requests to no longer counts. */
  #checkTargetGroups(listener: ListenerRecord, actions: readonly Action[], replaced?: RuleRecord): void {
    const { state } = this.#deps.context;
    const named = targetGroupsOf(actions);
    for (const arn of named) {
      if (!state.targetGroups.some((group) => group.arn === arn)) throw targetGroupNotFound();
      if (loadBalancersOf(state, arn).some((other) => other !== listener.loadBalancerArn))
        throw oneLoadBalancer();
    }
    const others = this.#ofLoadBalancer(listener).filter((rule) => rule !== replaced);
    const used = new Set([...others.flatMap((rule) => targetGroupsOf(rule.actions)), ...named]);
    if (used.size > LIMITS.targetGroups) throw tooManyTargetGroups();
  }

  #of(listenerArn: string): RuleRecord[] {
    return this.#deps.context.state.rules.filter((rule) => rule.listenerArn === listenerArn);
  }

  #ofLoadBalancer({ loadBalancerArn }: ListenerRecord): RuleRecord[] {
    const { listeners, rules } = this.#deps.context.state;
    const own = new Set(
      listeners.filter((other) => other.loadBalancerArn === loadBalancerArn).map(({ arn }) => arn),
    );
    return rules.filter((rule) => own.has(rule.listenerArn));
  }

  #listener(listenerArn: string | undefined): ListenerRecord {
    const listener = this.#deps.context.state.listeners.find(({ arn }) => arn === listenerArn);
    if (!listener) throw listenerNotFound();
    return listener;
  }

  #rule(ruleArn: string | undefined): RuleRecord {
    const rule = this.#deps.context.state.rules.find(({ arn }) => arn === ruleArn);
    if (!rule) throw ruleNotFound();
    return rule;
  }
}

function checkPriority(priority: number | undefined): number {
  if (priority === undefined || !Number.isInteger(priority) || priority < 1 || priority > MAX_PRIORITY) {
    throw invalid(`Priority must be between 1 and ${MAX_PRIORITY}`);
  }
  return priority;
}

function sorted(rules: readonly RuleRecord[]): RuleRecord[] {
  return rules.toSorted((a, b) => (a.priority ?? Infinity) - (b.priority ?? Infinity));
}

/** Sorts as text in the order of priorities, the default last. */
function positionOf({ arn, priority }: RuleRecord): string {
  return `${String(priority ?? MAX_PRIORITY + 1).padStart(5, '0')} ${arn}`;
}

function view({ arn, priority, conditions, actions, transforms }: RuleRecord): Rule {
  return {
    RuleArn: arn,
    Priority: priority === undefined ? 'default' : String(priority),
    Conditions: conditions,
    Actions: actions,
    Transforms: transforms,
    IsDefault: priority === undefined,
  };
}
