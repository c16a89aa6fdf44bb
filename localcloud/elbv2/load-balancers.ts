import type {
  CreateListenerCommandInput,
  CreateListenerCommandOutput,
  CreateLoadBalancerCommandInput,
  CreateLoadBalancerCommandOutput,
  DeleteListenerCommandInput,
  DeleteLoadBalancerCommandInput,
  DescribeListenersCommandInput,
  DescribeListenersCommandOutput,
  DescribeLoadBalancersCommandInput,
  DescribeLoadBalancersCommandOutput,
  Listener,
  LoadBalancer,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { checkArn, type Elbv2Context } from './context.ts';
import {
  duplicateListener,
  duplicateLoadBalancer,
  invalid,
  listenerNotFound,
  loadBalancerNotFound,
  tooManyListeners,
} from './errors.ts';
import { paged } from './paging.ts';
import type { Rules } from './rules.ts';
import { LIMITS, type ListenerRecord, type LoadBalancerRecord } from './state.ts';
import { checkTags, type ResourceTags } from './tags.ts';

type Answer<T> = Omit<T, '$metadata'>;

export interface ListenerEvent {
  arn: string;
  port: number;
}

export interface LoadBalancersDeps {
  context: Elbv2Context;
  tags: ResourceTags;
  rules: Rules;
  /** Which target groups are used has changed. */
  changed: () => void;
  dnsName: string;
  /** Opens what really listens; a rejection refuses the listener. */
  onListener: (listener: ListenerEvent) => void | Promise<void>;
  onListenerDeleted: (listener: ListenerEvent) => void | Promise<void>;
}

const NAME = /^(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?$/;

/** The zone of every application load balancer in us-east-1. */
const HOSTED_ZONE = 'Z35SXDOTRQ7X7K';
/** Subnets are only names here, so they all lie in one network. */
const VPC = 'vpc-00000000000000000';

/** Load balancers and their listeners. */
export class LoadBalancers {
  readonly #deps: LoadBalancersDeps;

  constructor(deps: LoadBalancersDeps) {
    this.#deps = deps;
  }

  create(input: CreateLoadBalancerCommandInput): Answer<CreateLoadBalancerCommandOutput> {
    const { context, tags } = this.#deps;
    const {
      Name = '',
      Subnets = [],
      SubnetMappings = [],
      SecurityGroups = [],
      Scheme = 'internet-facing',
    } = input;
    if (!NAME.test(Name)) throw invalid(`'${Name}' is not a valid load balancer name`);
    if ((input.Type ?? 'application') !== 'application')
      throw invalid('Only application load balancers are modelled');
    const subnets = [...Subnets, ...SubnetMappings.flatMap(({ SubnetId }) => SubnetId ?? [])];
    if (subnets.length < 2)
      throw invalid('At least two subnets in two different Availability Zones must be specified');
    const checked = checkTags(input.Tags);
    const before = context.state.loadBalancers.find(({ name }) => name === Name);
    if (before) {
      if (before.scheme !== Scheme || before.subnets.join() !== subnets.join())
        throw duplicateLoadBalancer(Name);
      return { LoadBalancers: [this.#view(before)] };
    }
    const record: LoadBalancerRecord = {
      arn: context.arn(`loadbalancer/app/${Name}`),
      name: Name,
      scheme: Scheme,
      subnets,
      securityGroups: SecurityGroups,
      createdAt: context.clock.now().toISOString(),
    };
    context.state.loadBalancers.push(record);
    tags.set(record.arn, checked);
    context.save();
    return { LoadBalancers: [this.#view(record)] };
  }

  describe(input: DescribeLoadBalancersCommandInput): Answer<DescribeLoadBalancersCommandOutput> {
    const { LoadBalancerArns = [], Names = [] } = input;
    const found = this.#deps.context.state.loadBalancers.filter(
      ({ arn, name }) =>
        (LoadBalancerArns.length === 0 || LoadBalancerArns.includes(arn)) &&
        (Names.length === 0 || Names.includes(name)),
    );
    if (found.length < Math.max(new Set(LoadBalancerArns).size, new Set(Names).size)) {
      throw loadBalancerNotFound();
    }
    const { items, next } = paged(found, input);
    return { LoadBalancers: items.map((record) => this.#view(record)), ...next };
  }

  async delete({ LoadBalancerArn }: DeleteLoadBalancerCommandInput): Promise<object> {
    const { context, tags } = this.#deps;
    checkArn('loadbalancer', LoadBalancerArn);
    for (const { arn } of context.state.listeners.filter(
      (listener) => listener.loadBalancerArn === LoadBalancerArn,
    )) {
      await this.deleteListener({ ListenerArn: arn });
    }
    context.state.loadBalancers = context.state.loadBalancers.filter(({ arn }) => arn !== LoadBalancerArn);
    tags.forget(LoadBalancerArn ?? '');
    context.save();
    return {};
  }

  async createListener(input: CreateListenerCommandInput): Promise<Answer<CreateListenerCommandOutput>> {
    const { context, tags, rules, changed, onListener } = this.#deps;
    const { LoadBalancerArn, Port, Protocol = 'HTTP', DefaultActions = [] } = input;
    const balancer = context.state.loadBalancers.find(({ arn }) => arn === LoadBalancerArn);
    if (!balancer) throw loadBalancerNotFound();
    if (Port === undefined || !Number.isInteger(Port) || Port < 1 || Port > 65_535)
      throw invalid('Port must be between 1 and 65535');
    if (Protocol !== 'HTTP') throw invalid('Only HTTP listeners are modelled');
    const siblings = context.state.listeners.filter((listener) => listener.loadBalancerArn === balancer.arn);
    if (siblings.some(({ port }) => port === Port)) throw duplicateListener(Port);
    if (siblings.length >= LIMITS.listeners) throw tooManyListeners();
    const checked = checkTags(input.Tags);
    const path = balancer.arn.split('loadbalancer/')[1];
    const record = {
      arn: context.arn(`listener/${path}`),
      loadBalancerArn: balancer.arn,
      port: Port,
      protocol: Protocol,
    };
    rules.addDefault(record, DefaultActions);
    context.state.listeners.push(record);
    try {
      await onListener({ arn: record.arn, port: Port });
    } catch (error) {
      this.#drop(record);
      throw error;
    }
    tags.set(record.arn, checked);
    context.save();
    changed();
    return { Listeners: [this.#viewListener(record)] };
  }

  describeListeners(input: DescribeListenersCommandInput): Answer<DescribeListenersCommandOutput> {
    const { state } = this.#deps.context;
    const { LoadBalancerArn, ListenerArns = [] } = input;
    if ((LoadBalancerArn === undefined) === (ListenerArns.length === 0)) {
      throw invalid('Exactly one of LoadBalancerArn and ListenerArns must be specified');
    }
    if (LoadBalancerArn !== undefined && !state.loadBalancers.some(({ arn }) => arn === LoadBalancerArn)) {
      throw loadBalancerNotFound();
    }
    const found = state.listeners.filter(
      ({ arn, loadBalancerArn }) => ListenerArns.includes(arn) || loadBalancerArn === LoadBalancerArn,
    );
    if (found.length < new Set(ListenerArns).size) throw listenerNotFound();
    const { items, next } = paged(found, input);
    return { Listeners: items.map((record) => this.#viewListener(record)), ...next };
  }

  async deleteListener({ ListenerArn }: DeleteListenerCommandInput): Promise<object> {
    const { context, onListenerDeleted } = this.#deps;
    const record = context.state.listeners.find(({ arn }) => arn === ListenerArn);
    if (!record) throw listenerNotFound();
    this.#drop(record);
    context.save();
    await onListenerDeleted({ arn: record.arn, port: record.port });
    return {};
  }

  #drop(listener: ListenerRecord): void {
    const { context, tags, changed } = this.#deps;
    for (const rule of context.state.rules) if (rule.listenerArn === listener.arn) tags.forget(rule.arn);
    context.state.rules = context.state.rules.filter((rule) => rule.listenerArn !== listener.arn);
    context.state.listeners = context.state.listeners.filter((other) => other !== listener);
    tags.forget(listener.arn);
    changed();
  }

  #view({ arn, name, scheme, subnets, securityGroups, createdAt }: LoadBalancerRecord): LoadBalancer {
    return {
      LoadBalancerArn: arn,
      LoadBalancerName: name,
      DNSName: this.#deps.dnsName,
      CanonicalHostedZoneId: HOSTED_ZONE,
      Scheme: scheme,
      VpcId: VPC,
      Type: 'application',
      IpAddressType: 'ipv4',
      State: { Code: 'active' },
      AvailabilityZones: subnets.map((SubnetId) => ({ SubnetId })),
      SecurityGroups: securityGroups,
      CreatedTime: new Date(createdAt),
    };
  }

  #viewListener({ arn, loadBalancerArn, port }: ListenerRecord): Listener {
    const DefaultActions = this.#deps.rules.defaultActions(arn);
    return {
      ListenerArn: arn,
      LoadBalancerArn: loadBalancerArn,
      Port: port,
      Protocol: 'HTTP',
      DefaultActions,
    };
  }
}
