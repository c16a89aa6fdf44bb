import { isDeepStrictEqual } from 'node:util';
import type {
  CreateTargetGroupCommandInput,
  CreateTargetGroupCommandOutput,
  DeleteTargetGroupCommandInput,
  DeregisterTargetsCommandInput,
  DescribeTargetGroupAttributesCommandInput,
  DescribeTargetGroupAttributesCommandOutput,
  DescribeTargetGroupsCommandInput,
  DescribeTargetGroupsCommandOutput,
  DescribeTargetHealthCommandInput,
  DescribeTargetHealthCommandOutput,
  ModifyTargetGroupAttributesCommandInput,
  ModifyTargetGroupAttributesCommandOutput,
  ModifyTargetGroupCommandInput,
  ModifyTargetGroupCommandOutput,
  RegisterTargetsCommandInput,
  TargetDescription,
  TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { checkArn, type Elbv2Context } from './context.ts';
import {
  duplicateTargetGroup,
  inUse,
  invalid,
  loadBalancerNotFound,
  targetGroupNotFound,
  tooManyTargetGroupsOfRegion,
  tooManyTargets,
} from './errors.ts';
import { paged } from './paging.ts';
import type { RoutingTarget } from './routing-view.ts';
import { LIMITS, loadBalancersOf, type TargetGroupRecord, type TargetRecord } from './state.ts';
import { checkTags, type ResourceTags } from './tags.ts';
import {
  checkAttribute,
  checkName,
  createSettings,
  DEFAULT_ATTRIBUTES,
  modifySettings,
} from './target-group-settings.ts';
import type { TargetHealth } from './target-health.ts';

type Answer<T> = Omit<T, '$metadata'>;

export interface TargetGroupsDeps {
  context: Elbv2Context;
  tags: ResourceTags;
  health: TargetHealth;
}

/** Target groups, their attributes and their registered targets. */
export class TargetGroups {
  readonly #deps: TargetGroupsDeps;

  constructor(deps: TargetGroupsDeps) {
    this.#deps = deps;
  }

  /** Takes up the registered targets of an earlier run; each is checked anew. */
  start(): void {
    const { context, health } = this.#deps;
    for (const group of context.state.targetGroups)
      for (const target of group.targets) health.add(group, target);
  }

  create(input: CreateTargetGroupCommandInput): Answer<CreateTargetGroupCommandOutput> {
    const { context, tags } = this.#deps;
    const name = checkName(input.Name);
    const settings = createSettings(input);
    const checkedTags = checkTags(input.Tags);
    const before = context.state.targetGroups.find((group) => group.name === name);
    if (before) {
      if (!isDeepStrictEqual(before.settings, settings)) throw duplicateTargetGroup(name);
      return { TargetGroups: [this.#view(before)] };
    }
    if (context.state.targetGroups.length >= LIMITS.targetGroupsOfRegion) throw tooManyTargetGroupsOfRegion();
    const arn = context.arn(`targetgroup/${name}`);
    const group: TargetGroupRecord = {
      arn,
      name,
      settings,
      attributes: { ...DEFAULT_ATTRIBUTES },
      targets: [],
    };
    context.state.targetGroups.push(group);
    tags.set(arn, checkedTags);
    context.save();
    return { TargetGroups: [this.#view(group)] };
  }

  modify(input: ModifyTargetGroupCommandInput): Answer<ModifyTargetGroupCommandOutput> {
    const group = this.#group(input.TargetGroupArn);
    group.settings = modifySettings(group.settings, input);
    this.#deps.context.save();
    return { TargetGroups: [this.#view(group)] };
  }

  describe(input: DescribeTargetGroupsCommandInput): Answer<DescribeTargetGroupsCommandOutput> {
    const { state } = this.#deps.context;
    const { LoadBalancerArn, Names = [], TargetGroupArns = [] } = input;
    if (LoadBalancerArn !== undefined && !state.loadBalancers.some(({ arn }) => arn === LoadBalancerArn)) {
      throw loadBalancerNotFound();
    }
    const found = state.targetGroups.filter(
      ({ arn, name }) =>
        (Names.length === 0 || Names.includes(name)) &&
        (TargetGroupArns.length === 0 || TargetGroupArns.includes(arn)) &&
        (LoadBalancerArn === undefined || loadBalancersOf(state, arn).includes(LoadBalancerArn)),
    );
    if (found.length < Math.max(new Set(Names).size, new Set(TargetGroupArns).size)) {
      throw targetGroupNotFound();
    }
    const { items, next } = paged(found, input);
    return { TargetGroups: items.map((group) => this.#view(group)), ...next };
  }

  /** Only a reference stands in the way. One that is not there is as good as deleted. */
  delete({ TargetGroupArn }: DeleteTargetGroupCommandInput): object {
    const { context, tags, health } = this.#deps;
    checkArn('targetgroup', TargetGroupArn);
    const group = context.state.targetGroups.find(({ arn }) => arn === TargetGroupArn);
    if (!group) return {};
    if (loadBalancersOf(context.state, group.arn).length > 0) throw inUse(`Target group '${group.arn}'`);
    context.state.targetGroups = context.state.targetGroups.filter((other) => other !== group);
    tags.forget(group.arn);
    health.forgetGroup(group);
    context.save();
    return {};
  }

  modifyAttributes(
    input: ModifyTargetGroupAttributesCommandInput,
  ): Answer<ModifyTargetGroupAttributesCommandOutput> {
    const group = this.#group(input.TargetGroupArn);
    const given = (input.Attributes ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const);
    for (const [key, value] of given) checkAttribute(key, value);
    group.attributes = { ...group.attributes, ...Object.fromEntries(given) };
    this.#deps.context.save();
    return { Attributes: viewAttributes(group) };
  }

  describeAttributes({
    TargetGroupArn,
  }: DescribeTargetGroupAttributesCommandInput): Answer<DescribeTargetGroupAttributesCommandOutput> {
    return { Attributes: viewAttributes(this.#group(TargetGroupArn)) };
  }

  register({ TargetGroupArn, Targets }: RegisterTargetsCommandInput): object {
    const { context, health } = this.#deps;
    const group = this.#group(TargetGroupArn);
    const asked = readTargets(Targets, group);
    this.#checkRoom(
      group,
      asked.filter((target) => !group.targets.some((known) => sameTarget(known, target))),
    );
    for (const target of asked) {
      if (!group.targets.some((known) => sameTarget(known, target))) group.targets.push(target);
      health.add(group, target);
    }
    context.save();
    return {};
  }

  /** Throws where the targets do not fit into the group, or into the load balancer that uses it. */
  #checkRoom(group: TargetGroupRecord, added: readonly TargetRecord[]): void {
    if (group.targets.length + added.length > LIMITS.targetsOfGroup) throw tooManyTargets('target group');
    const { state } = this.#deps.context;
    const count = (groups: readonly TargetGroupRecord[]) =>
      groups.reduce((sum, { targets }) => sum + targets.length, added.length);
    if (count(state.targetGroups) <= LIMITS.targets) return;
    const [loadBalancer] = loadBalancersOf(state, group.arn);
    const behind = state.targetGroups.filter(
      ({ arn }) => loadBalancer !== undefined && loadBalancersOf(state, arn).includes(loadBalancer),
    );
    if (behind.length > 0 && count(behind) > LIMITS.targets) throw tooManyTargets('load balancer');
  }

  deregister({ TargetGroupArn, Targets }: DeregisterTargetsCommandInput): object {
    const { context, health } = this.#deps;
    const group = this.#group(TargetGroupArn);
    for (const target of readTargets(Targets, group)) {
      group.targets = group.targets.filter((known) => !sameTarget(known, target));
      health.remove(group, target);
    }
    context.save();
    return {};
  }

  describeHealth(input: DescribeTargetHealthCommandInput): Answer<DescribeTargetHealthCommandOutput> {
    const group = this.#group(input.TargetGroupArn);
    const targets = input.Targets?.length
      ? readTargets(input.Targets, group)
      : this.#deps.health.targetsOf(group).map(({ id, port }) => ({ id, port }));
    const TargetHealthDescriptions = targets.map((target) => ({
      Target: { Id: target.id, Port: target.port },
      HealthCheckPort: String(target.port),
      TargetHealth: this.#deps.health.describe(group, target),
    }));
    return { TargetHealthDescriptions };
  }

  /** What the load balancer goes by; a group that is gone has no targets. */
  routing(targetGroupArn: string): RoutingTarget[] {
    const group = this.#deps.context.state.targetGroups.find(({ arn }) => arn === targetGroupArn);
    return group ? this.#deps.health.targetsOf(group) : [];
  }

  #group(targetGroupArn: string | undefined): TargetGroupRecord {
    const group = this.#deps.context.state.targetGroups.find(({ arn }) => arn === targetGroupArn);
    if (!group) throw targetGroupNotFound();
    return group;
  }

  #view({ arn, name, settings }: TargetGroupRecord): TargetGroup {
    const { healthCheck } = settings;
    return {
      TargetGroupArn: arn,
      TargetGroupName: name,
      Protocol: 'HTTP',
      ProtocolVersion: 'HTTP1',
      Port: settings.port,
      VpcId: settings.vpcId,
      TargetType: settings.targetType === 'ip' ? 'ip' : 'instance',
      HealthCheckEnabled: healthCheck.enabled,
      HealthCheckProtocol: 'HTTP',
      HealthCheckPort: healthCheck.port,
      HealthCheckPath: healthCheck.path,
      HealthCheckIntervalSeconds: healthCheck.intervalSeconds,
      HealthCheckTimeoutSeconds: healthCheck.timeoutSeconds,
      HealthyThresholdCount: healthCheck.healthyThreshold,
      UnhealthyThresholdCount: healthCheck.unhealthyThreshold,
      Matcher: { HttpCode: healthCheck.codes },
      LoadBalancerArns: loadBalancersOf(this.#deps.context.state, arn),
      IpAddressType: 'ipv4',
    };
  }
}

function viewAttributes({ attributes }: TargetGroupRecord) {
  return Object.entries(attributes).map(([Key, Value]) => ({ Key, Value }));
}

function readTargets(
  targets: readonly TargetDescription[] | undefined,
  group: TargetGroupRecord,
): TargetRecord[] {
  if (!targets || targets.length === 0) throw invalid('At least one target must be specified');
  return targets.map(({ Id, Port = group.settings.port }) => {
    if (!Id) throw invalid('A target must have an ID');
    if (!Number.isInteger(Port) || Port < 1 || Port > 65_535)
      throw invalid('A target port must be between 1 and 65535');
    return { id: Id, port: Port };
  });
}

function sameTarget(a: TargetRecord, b: TargetRecord): boolean {
  return a.id === b.id && a.port === b.port;
}
