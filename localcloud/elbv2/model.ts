import type * as sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import { describeAccountLimits } from './account-limits.ts';
import { type ContextDeps, Elbv2Context } from './context.ts';
import { type ListenerEvent, LoadBalancers } from './load-balancers.ts';
import type { RoutingRule, RoutingTarget, RoutingView } from './routing-view.ts';
import { Rules } from './rules.ts';
import { ResourceTags } from './tags.ts';
import { type CheckTarget, TargetHealth } from './target-health.ts';
import { TargetGroups } from './target-groups.ts';

type Answer<T> = Promise<Omit<T, '$metadata'>>;

export interface Elbv2ModelDeps extends ContextDeps {
  checkTarget: CheckTarget;
  /** What a load balancer calls itself in DNS. */
  dnsName?: string;
  initialCheckMs?: number;
  /** Opens what really listens; awaited by CreateListener, which a rejection refuses. */
  onListener?: (listener: ListenerEvent) => void | Promise<void>;
  onListenerDeleted?: (listener: ListenerEvent) => void | Promise<void>;
}

const INITIAL_CHECK_MS = 100;

/**
 * Elastic Load Balancing v2: application load balancers with HTTP listeners, rules with transforms, target groups and
 * the health of their targets. Names and shapes are those of the SDK's client. Call `start` before the first call.
 *
 * Not modelled, and refused: other load balancer types and protocols, other conditions and actions than those that the
 * load balancer serves. Not modelled, and left out: attributes of load balancers. Late
 * reads and throttling come from around the model.
 */
export class Elbv2Model implements RoutingView {
  readonly #context: Elbv2Context;
  readonly #tags: ResourceTags;
  readonly #rules: Rules;
  readonly #balancers: LoadBalancers;
  readonly #groups: TargetGroups;
  readonly #health: TargetHealth;
  readonly #onListener: NonNullable<Elbv2ModelDeps['onListener']>;

  constructor(deps: Elbv2ModelDeps) {
    const { checkTarget, dnsName = '127.0.0.1', initialCheckMs = INITIAL_CHECK_MS } = deps;
    const { onListener = () => undefined, onListenerDeleted = () => undefined } = deps;
    const context = new Elbv2Context(deps);
    const tags = new ResourceTags(context);
    const health = new TargetHealth({ context, checkTarget, initialCheckMs });
    const changed = () => health.usesChanged();
    const rules = new Rules({ context, tags, changed });
    this.#context = context;
    this.#tags = tags;
    this.#health = health;
    this.#rules = rules;
    this.#groups = new TargetGroups({ context, tags, health });
    this.#balancers = new LoadBalancers({
      context,
      tags,
      rules,
      changed,
      dnsName,
      onListener,
      onListenerDeleted,
    });
    this.#onListener = onListener;
  }

  /** Takes up what an earlier run left: its listeners listen again, its targets are checked again. */
  async start(): Promise<void> {
    for (const { arn, port } of this.#context.state.listeners) await this.#onListener({ arn, port });
    this.#groups.start();
  }

  /** No timer is left. */
  stop(): void {
    this.#health.stop();
  }

  rulesOf(listenerArn: string): readonly RoutingRule[] {
    return this.#rules.routing(listenerArn);
  }

  targetsOf(targetGroupArn: string): readonly RoutingTarget[] {
    return this.#groups.routing(targetGroupArn);
  }

  async describeAccountLimits(
    input: sdk.DescribeAccountLimitsCommandInput,
  ): Answer<sdk.DescribeAccountLimitsCommandOutput> {
    return describeAccountLimits(input);
  }

  async createLoadBalancer(
    input: sdk.CreateLoadBalancerCommandInput,
  ): Answer<sdk.CreateLoadBalancerCommandOutput> {
    return this.#balancers.create(input);
  }

  async describeLoadBalancers(
    input: sdk.DescribeLoadBalancersCommandInput,
  ): Answer<sdk.DescribeLoadBalancersCommandOutput> {
    return this.#balancers.describe(input);
  }

  async deleteLoadBalancer(
    input: sdk.DeleteLoadBalancerCommandInput,
  ): Answer<sdk.DeleteLoadBalancerCommandOutput> {
    return this.#balancers.delete(input);
  }

  async createListener(input: sdk.CreateListenerCommandInput): Answer<sdk.CreateListenerCommandOutput> {
    return this.#balancers.createListener(input);
  }

  async describeListeners(
    input: sdk.DescribeListenersCommandInput,
  ): Answer<sdk.DescribeListenersCommandOutput> {
    return this.#balancers.describeListeners(input);
  }

  async deleteListener(input: sdk.DeleteListenerCommandInput): Answer<sdk.DeleteListenerCommandOutput> {
    return this.#balancers.deleteListener(input);
  }

  async createRule(input: sdk.CreateRuleCommandInput): Answer<sdk.CreateRuleCommandOutput> {
    return this.#rules.create(input);
  }

  async modifyRule(input: sdk.ModifyRuleCommandInput): Answer<sdk.ModifyRuleCommandOutput> {
    return this.#rules.modify(input);
  }

  async setRulePriorities(
    input: sdk.SetRulePrioritiesCommandInput,
  ): Answer<sdk.SetRulePrioritiesCommandOutput> {
    return this.#rules.setPriorities(input);
  }

  async deleteRule(input: sdk.DeleteRuleCommandInput): Answer<sdk.DeleteRuleCommandOutput> {
    return this.#rules.delete(input);
  }

  async describeRules(input: sdk.DescribeRulesCommandInput): Answer<sdk.DescribeRulesCommandOutput> {
    return this.#rules.describe(input);
  }

  async createTargetGroup(
    input: sdk.CreateTargetGroupCommandInput,
  ): Answer<sdk.CreateTargetGroupCommandOutput> {
    return this.#groups.create(input);
  }

  async modifyTargetGroup(
    input: sdk.ModifyTargetGroupCommandInput,
  ): Answer<sdk.ModifyTargetGroupCommandOutput> {
    return this.#groups.modify(input);
  }

  async modifyTargetGroupAttributes(
    input: sdk.ModifyTargetGroupAttributesCommandInput,
  ): Answer<sdk.ModifyTargetGroupAttributesCommandOutput> {
    return this.#groups.modifyAttributes(input);
  }

  async describeTargetGroups(
    input: sdk.DescribeTargetGroupsCommandInput,
  ): Answer<sdk.DescribeTargetGroupsCommandOutput> {
    return this.#groups.describe(input);
  }

  async describeTargetGroupAttributes(
    input: sdk.DescribeTargetGroupAttributesCommandInput,
  ): Answer<sdk.DescribeTargetGroupAttributesCommandOutput> {
    return this.#groups.describeAttributes(input);
  }

  async deleteTargetGroup(
    input: sdk.DeleteTargetGroupCommandInput,
  ): Answer<sdk.DeleteTargetGroupCommandOutput> {
    return this.#groups.delete(input);
  }

  async registerTargets(input: sdk.RegisterTargetsCommandInput): Answer<sdk.RegisterTargetsCommandOutput> {
    return this.#groups.register(input);
  }

  async deregisterTargets(
    input: sdk.DeregisterTargetsCommandInput,
  ): Answer<sdk.DeregisterTargetsCommandOutput> {
    return this.#groups.deregister(input);
  }

  async describeTargetHealth(
    input: sdk.DescribeTargetHealthCommandInput,
  ): Answer<sdk.DescribeTargetHealthCommandOutput> {
    return this.#groups.describeHealth(input);
  }

  async addTags(input: sdk.AddTagsCommandInput): Answer<sdk.AddTagsCommandOutput> {
    return this.#tags.add(input);
  }

  async removeTags(input: sdk.RemoveTagsCommandInput): Answer<sdk.RemoveTagsCommandOutput> {
    return this.#tags.remove(input);
  }

  async describeTags(input: sdk.DescribeTagsCommandInput): Answer<sdk.DescribeTagsCommandOutput> {
    return this.#tags.describe(input);
  }
}
