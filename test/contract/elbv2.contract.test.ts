import type {
  CreateRuleCommandInput,
  ElasticLoadBalancingV2,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { describeCoverage } from './coverage.ts';
import { SUBNETS, uniqueName, useContract, VPC } from './endpoint.ts';

const contract = useContract();
let elbv2: ElasticLoadBalancingV2;
let ListenerArn: string;
let LoadBalancerArn: string;
let port = 80;

const NOT_FOUND = { StatusCode: '404', ContentType: 'text/plain', MessageBody: 'nothing here' };
const ABSENT = 'arn:aws:elasticloadbalancing:us-east-1:000000000000';

async function makeBalancer() {
  const { LoadBalancers } = await elbv2.createLoadBalancer({ Name: uniqueName(), Subnets: SUBNETS });
  const arn = LoadBalancers![0]!.LoadBalancerArn!;
  contract.undo(() => elbv2.deleteLoadBalancer({ LoadBalancerArn: arn }));
  port += 1;
  const { Listeners } = await elbv2.createListener({
    LoadBalancerArn: arn,
    Port: port,
    Protocol: 'HTTP',
    DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: NOT_FOUND }],
  });
  return { LoadBalancerArn: arn, ListenerArn: Listeners![0]!.ListenerArn! };
}

const groupInput = (Name = uniqueName()) => ({
  Name,
  Protocol: 'HTTP' as const,
  Port: 80,
  VpcId: VPC,
  TargetType: 'ip' as const,
});

async function makeGroup(Name?: string): Promise<string> {
  const { TargetGroups } = await elbv2.createTargetGroup(groupInput(Name));
  const { TargetGroupArn } = TargetGroups![0]!;
  contract.undo(() => elbv2.deleteTargetGroup({ TargetGroupArn }));
  return TargetGroupArn!;
}

const host = (value: string) => [{ Field: 'host-header', HostHeaderConfig: { Values: [value] } }];
const forward = (TargetGroupArn: string) => [{ Type: 'forward' as const, TargetGroupArn }];

async function createRule(input: CreateRuleCommandInput): Promise<string> {
  const { RuleArn } = (await elbv2.createRule(input)).Rules![0]!;
  contract.undo(() => elbv2.deleteRule({ RuleArn }));
  return RuleArn!;
}

async function makeRule(
  Priority: number,
  group: string,
  value = `${uniqueName()}.localhost`,
): Promise<string> {
  const input = { ListenerArn, Priority, Conditions: host(value), Actions: forward(group) };
  return createRule(input);
}

beforeAll(() => {
  ({ elbv2 } = contract.clients);
});

// The first to be made is the last to go, and takes its listeners and rules with it.
beforeEach(async () => {
  ({ ListenerArn, LoadBalancerArn } = await makeBalancer());
});

describe('load balancers and listeners', () => {
  test('are found by name and by ARN, and one unknown name refuses the call', async () => {
    const { LoadBalancers } = await elbv2.describeLoadBalancers({ LoadBalancerArns: [LoadBalancerArn] });
    expect(LoadBalancers).toMatchObject([
      { LoadBalancerArn, Type: 'application', State: { Code: 'active' } },
    ]);
    const unknown = elbv2.describeLoadBalancers({ Names: ['absent'] });
    await expect(unknown).rejects.toMatchObject({ name: 'LoadBalancerNotFoundException' });
    const { Listeners } = await elbv2.describeListeners({ LoadBalancerArn });
    expect(Listeners).toMatchObject([
      { ListenerArn, Protocol: 'HTTP', DefaultActions: [{ Type: 'fixed-response' }] },
    ]);
  });

  test('a second listener on one port is refused', async () => {
    const again = elbv2.createListener({
      LoadBalancerArn,
      Port: port,
      Protocol: 'HTTP',
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: NOT_FOUND }],
    });
    await expect(again).rejects.toMatchObject({ name: 'DuplicateListenerException' });
  });

  test('a deleted listener takes its rules with it', async () => {
    const group = await makeGroup();
    const rule = await makeRule(1, group);
    await elbv2.deleteListener({ ListenerArn });
    await expect(elbv2.describeRules({ RuleArns: [rule] })).rejects.toMatchObject({
      name: 'RuleNotFoundException',
    });
    await expect(elbv2.describeRules({ ListenerArn })).rejects.toMatchObject({
      name: 'ListenerNotFoundException',
    });
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
  });
});

describe('target groups', () => {
  test('creating one again with the same settings answers the same one, with others it is refused', async () => {
    const name = uniqueName();
    const first = await makeGroup(name);
    expect(await makeGroup(name)).toBe(first);
    const other = elbv2.createTargetGroup({ ...groupInput(name), HealthCheckPath: '/other' });
    await expect(other).rejects.toMatchObject({ name: 'DuplicateTargetGroupNameException' });
    await elbv2.deleteTargetGroup({ TargetGroupArn: first });
  });

  test.each(['-a', 'a-', 'a_b', 'a'.repeat(33), ''])('the name %j is refused', async (name) => {
    const created = elbv2.createTargetGroup(groupInput(name));
    await expect(created).rejects.toMatchObject({ name: expect.stringMatching(/^ValidationError/) });
  });

  test.each<[string, object]>([
    ['an interval under 5 s', { HealthCheckIntervalSeconds: 4, HealthCheckTimeoutSeconds: 2 }],
    ['a timeout not below the interval', { HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 5 }],
    ['a threshold of 1', { HealthyThresholdCount: 1 }],
    ['a matcher beyond 499', { Matcher: { HttpCode: '200-599' } }],
    ['a path without a slash', { HealthCheckPath: 'health' }],
  ])('%s is refused', async (_what, settings) => {
    const created = elbv2.createTargetGroup({ ...groupInput(), ...settings });
    await expect(created).rejects.toMatchObject({ name: expect.stringMatching(/^ValidationError/) });
  });

  test('an unknown name or ARN refuses the whole description, and deleting an unknown one succeeds', async () => {
    const known = uniqueName();
    const group = await makeGroup(known);
    const gone = { name: 'TargetGroupNotFoundException' };
    await expect(elbv2.describeTargetGroups({ Names: [known, 'absent'] })).rejects.toMatchObject(gone);
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
    await expect(elbv2.describeTargetGroups({ TargetGroupArns: [group] })).rejects.toMatchObject(gone);
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
  });

  test('one that a rule refers to is in use, and says which load balancer uses it', async () => {
    const group = await makeGroup();
    const rule = await makeRule(1, group);
    const { TargetGroups } = await elbv2.describeTargetGroups({ TargetGroupArns: [group] });
    expect(TargetGroups![0]!.LoadBalancerArns).toEqual([LoadBalancerArn]);
    const deleted = elbv2.deleteTargetGroup({ TargetGroupArn: group });
    await expect(deleted).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await elbv2.deleteRule({ RuleArn: rule });
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
  });

  test('the health check can be modified, what is not given stays', async () => {
    const group = await makeGroup();
    await elbv2.modifyTargetGroup({
      TargetGroupArn: group,
      HealthCheckPath: '/up',
      Matcher: { HttpCode: '200-299' },
    });
    const { TargetGroups } = await elbv2.describeTargetGroups({ TargetGroupArns: [group] });
    expect(TargetGroups).toMatchObject([
      { HealthCheckPath: '/up', Matcher: { HttpCode: '200-299' }, HealthCheckIntervalSeconds: 30 },
    ]);
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
  });

  test('the deregistration delay is 300 s until it is modified, and takes 0 to 3600', async () => {
    const group = await makeGroup();
    const delay = async () =>
      (await elbv2.describeTargetGroupAttributes({ TargetGroupArn: group })).Attributes!.find(
        ({ Key }) => Key === 'deregistration_delay.timeout_seconds',
      )?.Value;
    const set = (Value: string) =>
      elbv2.modifyTargetGroupAttributes({
        TargetGroupArn: group,
        Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value }],
      });
    expect(await delay()).toBe('300');
    await set('5');
    expect(await delay()).toBe('5');
    await expect(set('3601')).rejects.toMatchObject({
      name: expect.stringMatching(/^ValidationError|Invalid/),
    });
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
  });

  test('targets of a group that no rule uses are unused', async () => {
    const group = await makeGroup();
    await elbv2.registerTargets({ TargetGroupArn: group, Targets: [{ Id: '127.0.0.1', Port: 9 }] });
    const { TargetHealthDescriptions } = await elbv2.describeTargetHealth({ TargetGroupArn: group });
    expect(TargetHealthDescriptions).toMatchObject([
      { Target: { Id: '127.0.0.1', Port: 9 }, TargetHealth: { State: 'unused', Reason: 'Target.NotInUse' } },
    ]);
    await elbv2.deregisterTargets({ TargetGroupArn: group, Targets: [{ Id: '127.0.0.1', Port: 9 }] });
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
  });
});

describe('rules', () => {
  let group: string;
  beforeEach(async () => {
    group = await makeGroup();
  });

  test('are listed by priority, the default last, page by page', async () => {
    for (const priority of [30, 10, 20]) await makeRule(priority, group);
    const all = await elbv2.describeRules({ ListenerArn });
    expect(all.Rules!.map(({ Priority }) => Priority)).toEqual(['10', '20', '30', 'default']);
    const first = await elbv2.describeRules({ ListenerArn, PageSize: 3 });
    const second = await elbv2.describeRules({ ListenerArn, PageSize: 3, Marker: first.NextMarker });
    expect([...first.Rules!, ...second.Rules!]).toHaveLength(4);
    expect(second.NextMarker).toBeUndefined();
  });

  test('a taken priority is refused; identical conditions at another one are not', async () => {
    await makeRule(1, group, 'a.localhost');
    await expect(makeRule(1, group, 'b.localhost')).rejects.toMatchObject({ name: 'PriorityInUseException' });
    await makeRule(2, group, 'a.localhost');
  });

  test('a rewrite is kept with the rule, replaced by a modification and taken away by a reset', async () => {
    const rewrite = (Regex: string) => [
      { Type: 'url-rewrite' as const, UrlRewriteConfig: { Rewrites: [{ Regex, Replace: '/$1' }] } },
    ];
    const RuleArn = await createRule({
      ListenerArn,
      Priority: 1,
      Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/p', '/p/*'] } }],
      Actions: forward(group),
      Transforms: rewrite('^/p/?(.*)$'),
    });
    const now = async () => (await elbv2.describeRules({ RuleArns: [RuleArn] })).Rules![0]!;
    expect((await now()).Transforms).toMatchObject(rewrite('^/p/?(.*)$'));
    await elbv2.modifyRule({ RuleArn, Conditions: host('c.localhost'), Transforms: rewrite('^/q/?(.*)$') });
    expect(await now()).toMatchObject({ Conditions: host('c.localhost'), Transforms: rewrite('^/q/?(.*)$') });
    await elbv2.modifyRule({ RuleArn, ResetTransforms: true });
    expect((await now()).Transforms ?? []).toEqual([]);
  });

  test('two rules can trade their priorities at once, but not take one that is held', async () => {
    const [one, two, three] = [await makeRule(1, group), await makeRule(2, group), await makeRule(3, group)];
    await elbv2.setRulePriorities({
      RulePriorities: [
        { RuleArn: one, Priority: 2 },
        { RuleArn: two, Priority: 1 },
      ],
    });
    const { Rules } = await elbv2.describeRules({ ListenerArn });
    expect(Rules!.slice(0, 2).map(({ RuleArn }) => RuleArn)).toEqual([two, one]);
    const taken = elbv2.setRulePriorities({ RulePriorities: [{ RuleArn: three, Priority: 1 }] });
    await expect(taken).rejects.toMatchObject({ name: 'PriorityInUseException' });
  });

  test('the default rule can be neither deleted nor narrowed', async () => {
    const { Rules } = await elbv2.describeRules({ ListenerArn });
    const { RuleArn } = Rules!.at(-1)!;
    const denied = { name: 'OperationNotPermittedException' };
    await expect(elbv2.deleteRule({ RuleArn })).rejects.toMatchObject(denied);
    await expect(elbv2.modifyRule({ RuleArn, Conditions: host('a.localhost') })).rejects.toMatchObject(
      denied,
    );
  });

  test('a rule that is gone is not found a second time', async () => {
    const RuleArn = await makeRule(1, group);
    await elbv2.deleteRule({ RuleArn });
    const gone = { name: 'RuleNotFoundException' };
    await expect(elbv2.deleteRule({ RuleArn })).rejects.toMatchObject(gone);
    await expect(elbv2.modifyRule({ RuleArn, Actions: forward(group) })).rejects.toMatchObject(gone);
  });

  test('an unknown listener or target group is named as such', async () => {
    const rule = { Priority: 1, Conditions: host('a.localhost'), Actions: forward(group) };
    const noListener = elbv2.createRule({ ...rule, ListenerArn: `${ABSENT}:listener/app/x/1/2` });
    await expect(noListener).rejects.toMatchObject({ name: 'ListenerNotFoundException' });
    const noGroup = elbv2.createRule({ ...rule, ListenerArn, Actions: forward(`${ABSENT}:targetgroup/x/1`) });
    await expect(noGroup).rejects.toMatchObject({ name: 'TargetGroupNotFoundException' });
  });

  test('a target group serves one load balancer only', async () => {
    await makeRule(1, group);
    const other = await makeBalancer();
    const second = elbv2.createRule({
      ListenerArn: other.ListenerArn,
      Priority: 1,
      Conditions: host('a.localhost'),
      Actions: forward(group),
    });
    await expect(second).rejects.toMatchObject({ name: 'TargetGroupAssociationLimitException' });
    await elbv2.deleteLoadBalancer({ LoadBalancerArn: other.LoadBalancerArn });
  });

  test.each<[string, object]>([
    ['priority 0', { Priority: 0 }],
    ['a priority beyond 50,000', { Priority: 50_001 }],
    ['no condition', { Conditions: [] }],
    [
      'six values',
      { Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: 'abcdef'.split('') } }] },
    ],
    ['six wildcards', { Conditions: host('*.*.*.*.*.*') }],
    ['a host that is too long', { Conditions: host('a'.repeat(129)) }],
    ['no action', { Actions: [] }],
    [
      'a pattern with lookaround',
      {
        Transforms: [
          { Type: 'url-rewrite', UrlRewriteConfig: { Rewrites: [{ Regex: '^(?=a)', Replace: '/' }] } },
        ],
      },
    ],
  ])('%s is refused', async (_what, wrong) => {
    const rule = {
      ListenerArn,
      Priority: 1,
      Conditions: host('a.localhost'),
      Actions: forward(group),
      ...wrong,
    };
    await expect(elbv2.createRule(rule)).rejects.toMatchObject({ $fault: 'client' });
    expect((await elbv2.describeRules({ ListenerArn })).Rules).toHaveLength(1);
  });

  test('the hundred-and-first rule of a load balancer is one too many, over all its listeners', async () => {
    for (let priority = 1; priority <= 100; priority += 1)
      await makeRule(priority, group, `h${priority}.localhost`);
    await expect(makeRule(101, group)).rejects.toMatchObject({ name: 'TooManyRulesException' });
  });

  test('the hundred-and-first target group of a load balancer is one too many', async () => {
    const groups = [group];
    for (let n = 1; n <= 100; n += 1) groups.push(await makeGroup());
    const rules: string[] = [];
    for (let n = 0; n < 99; n += 1) rules.push(await makeRule(n + 1, groups[n]!, `h${n}.localhost`));
    const weighted = (arns: string[]) => [
      {
        Type: 'forward' as const,
        ForwardConfig: { TargetGroups: arns.map((arn) => ({ TargetGroupArn: arn })) },
      },
    ];
    const last = { ListenerArn, Priority: 100, Conditions: host('last.localhost') };
    const over = elbv2.createRule({ ...last, Actions: weighted([groups[99]!, groups[100]!]) });
    await expect(over).rejects.toMatchObject({ name: 'TooManyUniqueTargetGroupsPerLoadBalancerException' });
    rules.push(await createRule({ ...last, Actions: weighted([groups[99]!]) }));
    for (const RuleArn of rules) await elbv2.deleteRule({ RuleArn });
    for (const TargetGroupArn of groups.slice(1)) await elbv2.deleteTargetGroup({ TargetGroupArn });
  });
});

describe('tags', () => {
  test('are given at creation, added, removed and described, for twenty resources a call', async () => {
    const group = await makeGroup();
    await elbv2.addTags({ ResourceArns: [group, LoadBalancerArn], Tags: [{ Key: 'a', Value: '1' }] });
    await elbv2.addTags({
      ResourceArns: [group],
      Tags: [
        { Key: 'b', Value: '2' },
        { Key: 'a', Value: '3' },
      ],
    });
    await elbv2.removeTags({ ResourceArns: [group], TagKeys: ['b'] });
    const { TagDescriptions } = await elbv2.describeTags({ ResourceArns: [group, LoadBalancerArn] });
    expect(TagDescriptions).toEqual([
      { ResourceArn: group, Tags: [{ Key: 'a', Value: '3' }] },
      { ResourceArn: LoadBalancerArn, Tags: [{ Key: 'a', Value: '1' }] },
    ]);
    const many = elbv2.describeTags({ ResourceArns: Array.from({ length: 21 }, () => group) });
    await expect(many).rejects.toMatchObject({ $fault: 'client' });
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
    const gone = elbv2.describeTags({ ResourceArns: [group] });
    await expect(gone).rejects.toMatchObject({ name: 'TargetGroupNotFoundException' });
  });

  test('keys that begin with aws: are refused', async () => {
    const created = elbv2.createTargetGroup({ ...groupInput(), Tags: [{ Key: 'aws:x', Value: '1' }] });
    await expect(created).rejects.toMatchObject({ $fault: 'client' });
  });
});

describe('what exists already', () => {
  test('a load balancer is created once: again with the same settings it is the same one', async () => {
    const Name = uniqueName();
    const first = await elbv2.createLoadBalancer({ Name, Subnets: SUBNETS });
    const { LoadBalancerArn: arn } = first.LoadBalancers![0]!;
    contract.undo(() => elbv2.deleteLoadBalancer({ LoadBalancerArn: arn }));
    const second = await elbv2.createLoadBalancer({ Name, Subnets: SUBNETS });
    expect(second.LoadBalancers![0]!.LoadBalancerArn).toBe(arn);
    const other = elbv2.createLoadBalancer({ Name, Subnets: SUBNETS, Scheme: 'internal' });
    await expect(other).rejects.toMatchObject({ name: 'DuplicateLoadBalancerNameException' });
  });

  test.each<[string, object]>([
    ['no name', { Name: '' }],
    ['a name that ends in a hyphen', { Name: 'a-' }],
    ['a name that AWS keeps to itself', { Name: 'internal-a' }],
    ['one subnet', { Subnets: SUBNETS.slice(0, 1) }],
  ])('a load balancer with %s is refused', async (_what, wrong) => {
    const created = elbv2.createLoadBalancer({ Name: uniqueName(), Subnets: SUBNETS, ...wrong });
    await expect(created).rejects.toMatchObject({ $fault: 'client' });
  });
});

describe('what does not exist', () => {
  const group = `${ABSENT}:targetgroup/x/1`;
  const listener = `${ABSENT}:listener/app/x/1/2`;
  const rule = `${ABSENT}:listener-rule/app/x/1/2/3`;
  const balancer = `${ABSENT}:loadbalancer/app/x/1`;
  const Targets = [{ Id: '127.0.0.1', Port: 9 }];

  test.each<[string, string, () => Promise<unknown>]>([
    ['ModifyTargetGroup', 'TargetGroup', () => elbv2.modifyTargetGroup({ TargetGroupArn: group })],
    [
      'ModifyTargetGroupAttributes',
      'TargetGroup',
      () => elbv2.modifyTargetGroupAttributes({ TargetGroupArn: group, Attributes: [] }),
    ],
    [
      'DescribeTargetGroupAttributes',
      'TargetGroup',
      () => elbv2.describeTargetGroupAttributes({ TargetGroupArn: group }),
    ],
    ['RegisterTargets', 'TargetGroup', () => elbv2.registerTargets({ TargetGroupArn: group, Targets })],
    ['DeregisterTargets', 'TargetGroup', () => elbv2.deregisterTargets({ TargetGroupArn: group, Targets })],
    ['DescribeTargetHealth', 'TargetGroup', () => elbv2.describeTargetHealth({ TargetGroupArn: group })],
    ['DescribeTargetGroups', 'LoadBalancer', () => elbv2.describeTargetGroups({ LoadBalancerArn: balancer })],
    ['DescribeListeners', 'LoadBalancer', () => elbv2.describeListeners({ LoadBalancerArn: balancer })],
    ['DescribeListeners', 'Listener', () => elbv2.describeListeners({ ListenerArns: [listener] })],
    ['DeleteListener', 'Listener', () => elbv2.deleteListener({ ListenerArn: listener })],
    [
      'CreateListener',
      'LoadBalancer',
      () =>
        elbv2.createListener({ LoadBalancerArn: balancer, Port: 80, Protocol: 'HTTP', DefaultActions: [] }),
    ],
    [
      'SetRulePriorities',
      'Rule',
      () => elbv2.setRulePriorities({ RulePriorities: [{ RuleArn: rule, Priority: 1 }] }),
    ],
    ['AddTags', 'Rule', () => elbv2.addTags({ ResourceArns: [rule], Tags: [{ Key: 'a', Value: '' }] })],
    ['RemoveTags', 'Listener', () => elbv2.removeTags({ ResourceArns: [listener], TagKeys: ['a'] })],
    ['DescribeTags', 'LoadBalancer', () => elbv2.describeTags({ ResourceArns: [balancer] })],
  ])('is named by %s: %sNotFoundException', async (_operation, kind, call) => {
    await expect(call()).rejects.toMatchObject({ name: `${kind}NotFoundException`, $fault: 'client' });
  });

  test('is deleted as often as one likes, unless the ARN is none', async () => {
    await elbv2.deleteLoadBalancer({ LoadBalancerArn: balancer });
    await elbv2.deleteTargetGroup({ TargetGroupArn: group });
    const wrong = { name: expect.stringMatching(/^ValidationError/) as string };
    await expect(elbv2.deleteLoadBalancer({ LoadBalancerArn: group })).rejects.toMatchObject(wrong);
    await expect(elbv2.deleteTargetGroup({ TargetGroupArn: 'x' })).rejects.toMatchObject(wrong);
  });

  test('as a target is unused, and can be deregistered', async () => {
    const known = await makeGroup();
    await elbv2.deregisterTargets({ TargetGroupArn: known, Targets });
    const { TargetHealthDescriptions } = await elbv2.describeTargetHealth({ TargetGroupArn: known, Targets });
    expect(TargetHealthDescriptions).toMatchObject([
      { TargetHealth: { State: 'unused', Reason: 'Target.NotRegistered' } },
    ]);
  });
});

describe('targets', () => {
  test.each([
    ['no target', []],
    ['a port of 0', [{ Id: '127.0.0.1', Port: 0 }]],
    ['a port beyond 65,535', [{ Id: '127.0.0.1', Port: 65_536 }]],
  ])('%s is refused, to come and to go', async (_what, Targets) => {
    const TargetGroupArn = await makeGroup();
    const client = { $fault: 'client' };
    await expect(elbv2.registerTargets({ TargetGroupArn, Targets })).rejects.toMatchObject(client);
    await expect(elbv2.deregisterTargets({ TargetGroupArn, Targets })).rejects.toMatchObject(client);
  });

  test('begin as initial once a rule uses their group, drain for its delay, and are gone after it', async () => {
    const TargetGroupArn = await makeGroup();
    await elbv2.modifyTargetGroupAttributes({
      TargetGroupArn,
      Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '1' }],
    });
    await makeRule(1, TargetGroupArn);
    const Targets = [{ Id: '127.0.0.1', Port: 9 }];
    const health = async () =>
      (await elbv2.describeTargetHealth({ TargetGroupArn })).TargetHealthDescriptions?.map(
        ({ TargetHealth }) => `${TargetHealth?.State} ${TargetHealth?.Reason}`,
      );
    await elbv2.registerTargets({ TargetGroupArn, Targets });
    expect((await health())?.[0]).toMatch(/^initial Elb\./);
    await elbv2.deregisterTargets({ TargetGroupArn, Targets });
    expect(await health()).toEqual(['draining Target.DeregistrationInProgress']);
    await vi.waitFor(async () => expect(await health()).toEqual([]), 5_000);
  });
});

describe('lists', () => {
  test('tell what the account may have of each thing', async () => {
    const { Limits = [] } = await elbv2.describeAccountLimits({});
    const limits = new Map(Limits.map(({ Name, Max }) => [Name, Number(Max)]));
    for (const name of ['target-groups', 'rules-per-application-load-balancer']) {
      expect(limits.get(name)).toBeGreaterThanOrEqual(100);
    }
    expect(limits.get('target-groups-per-application-load-balancer')).toBe(100);
  });

  test.each<[string, (page: object) => Promise<unknown>]>([
    ['DescribeAccountLimits', (page) => elbv2.describeAccountLimits(page)],
    ['DescribeLoadBalancers', (page) => elbv2.describeLoadBalancers(page)],
    ['DescribeTargetGroups', (page) => elbv2.describeTargetGroups(page)],
    ['DescribeListeners', (page) => elbv2.describeListeners({ LoadBalancerArn, ...page })],
    ['DescribeRules', (page) => elbv2.describeRules({ ListenerArn, ...page })],
  ])(
    '%s refuses a marker that it did not give, and a page that is too small or too large',
    async (_name, list) => {
      const invalid = { name: expect.stringMatching(/^ValidationError/) as string };
      await expect(list({ Marker: 'AAAA' })).rejects.toMatchObject(invalid);
      await expect(list({ PageSize: 0 })).rejects.toMatchObject(invalid);
      await expect(list({ PageSize: 401 })).rejects.toMatchObject(invalid);
    },
  );

  test('of target groups go on page by page, and come to an end', async () => {
    const made = [await makeGroup(), await makeGroup(), await makeGroup()];
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await elbv2.describeTargetGroups({ PageSize: 2, Marker });
      seen.push(...page.TargetGroups!.map(({ TargetGroupArn }) => TargetGroupArn!));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    expect(seen.filter((arn) => made.includes(arn)).toSorted()).toEqual(made.toSorted());
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('are asked for in one way only', async () => {
    const both = { LoadBalancerArn, ListenerArns: [ListenerArn] };
    await expect(elbv2.describeListeners(both)).rejects.toMatchObject({ $fault: 'client' });
    await expect(elbv2.describeRules({})).rejects.toMatchObject({ $fault: 'client' });
  });
});

describe('too many tags', () => {
  const tags = (count: number) => Array.from({ length: count }, (_, n) => ({ Key: `k${n}`, Value: 'v' }));

  test('fifty fit on a resource; the fifty-first changes nothing on any', async () => {
    const [full, empty] = [await makeGroup(), await makeGroup()];
    await elbv2.addTags({ ResourceArns: [full], Tags: tags(50) });
    const one = { ResourceArns: [empty, full], Tags: [{ Key: 'one-more', Value: 'v' }] };
    await expect(elbv2.addTags(one)).rejects.toMatchObject({ name: 'TooManyTagsException' });
    const { TagDescriptions } = await elbv2.describeTags({ ResourceArns: [empty] });
    expect(TagDescriptions![0]!.Tags).toEqual([]);
  });

  test('one key given twice is refused', async () => {
    const Tags = [...tags(1), ...tags(1)];
    const twice = elbv2.addTags({ ResourceArns: [LoadBalancerArn], Tags });
    await expect(twice).rejects.toMatchObject({ name: 'DuplicateTagKeysException' });
  });
});

describeCoverage('elbv2', contract);
