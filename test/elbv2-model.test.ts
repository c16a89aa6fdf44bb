import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Elbv2Model } from '../localcloud/elbv2/model.ts';
import type { Elbv2State } from '../localcloud/elbv2/state.ts';
import { memoryState, type StateStore } from '../localcloud/state.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { ManualClock } from './fakes/clock.ts';

const TARGET = { Id: '127.0.0.1', Port: 3000 };
const WELL = { ok: true } as const;
const FAILING = {
  ok: false,
  reason: 'Target.ResponseCodeMismatch',
  description: 'Health checks failed with these codes: [500]',
} as const;

let clock: ManualClock;
let state: StateStore<Elbv2State>;
let model: Elbv2Model;
let answer: typeof WELL | typeof FAILING;
let asked: number;
/** How long a target takes to answer. */
let answerMs: number;
let group: string;
let listener: string;
let balancer: string;

const open = () =>
  new Elbv2Model({
    clock,
    random,
    log,
    state,
    checkTarget: async () => {
      asked += 1;
      if (answerMs > 0) await clock.sleep(answerMs);
      return answer;
    },
  });

const groupInput = (Name: string) => ({
  Name,
  Protocol: 'HTTP' as const,
  Port: 80,
  VpcId: 'v',
  TargetType: 'ip' as const,
  HealthCheckIntervalSeconds: 5,
  HealthCheckTimeoutSeconds: 2,
  HealthyThresholdCount: 3,
  UnhealthyThresholdCount: 2,
});

async function makeGroup(name: string): Promise<string> {
  return (await model.createTargetGroup(groupInput(name))).TargetGroups![0]!.TargetGroupArn!;
}

beforeEach(async () => {
  clock = new ManualClock();
  state = memoryState();
  answer = FAILING;
  asked = 0;
  answerMs = 0;
  model = open();
  const { LoadBalancers } = await model.createLoadBalancer({ Name: 'a', Subnets: ['s1', 's2'] });
  balancer = LoadBalancers![0]!.LoadBalancerArn!;
  const { Listeners } = await model.createListener({
    LoadBalancerArn: balancer,
    Protocol: 'HTTP',
    Port: 80,
    DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
  });
  listener = Listeners![0]!.ListenerArn!;
  group = await makeGroup('g');
});
afterEach(async () => {
  model.stop();
  await clock.advance(answerMs);
  expect(clock.pending).toBe(0);
});

const forward = (TargetGroupArn: string) => [{ Type: 'forward' as const, TargetGroupArn }];
const host = (name: string) => [{ Field: 'host-header', Values: [name] }];

async function use(Priority = 1, target = group) {
  const rule = { ListenerArn: listener, Priority, Conditions: host('a.localhost'), Actions: forward(target) };
  return (await model.createRule(rule)).Rules![0]!.RuleArn!;
}

const register = () => model.registerTargets({ TargetGroupArn: group, Targets: [TARGET] });
const deregister = () => model.deregisterTargets({ TargetGroupArn: group, Targets: [TARGET] });
const setDelay = (Value: string) =>
  model.modifyTargetGroupAttributes({
    TargetGroupArn: group,
    Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value }],
  });
const health = async () => {
  const { TargetHealthDescriptions } = await model.describeTargetHealth({
    TargetGroupArn: group,
    Targets: [TARGET],
  });
  return TargetHealthDescriptions![0]!.TargetHealth!;
};

describe('target health', () => {
  test('without a rule a target is unused and is not asked', async () => {
    await register();
    await clock.advance(60_000);
    expect(await health()).toMatchObject({ State: 'unused', Reason: 'Target.NotInUse' });
    expect(asked).toBe(0);
    await use();
    await clock.advance(0);
    expect(asked).toBe(1);
  });

  test('one success makes a new target healthy, whatever the threshold', async () => {
    await use();
    await register();
    expect(await health()).toMatchObject({ State: 'initial', Reason: 'Elb.RegistrationInProgress' });
    await clock.advance(1_000);
    expect(await health()).toMatchObject({ State: 'initial', Reason: 'Elb.InitialHealthChecking' });
    answer = WELL;
    await clock.advance(100);
    expect(await health()).toEqual({ State: 'healthy' });
    expect(model.targetsOf(group)).toMatchObject([{ state: 'healthy', everHealthy: true }]);
  });

  test('one that was never healthy is called unhealthy only when its failures lie intervals apart, in words of AWS', async () => {
    await use();
    await register();
    await clock.advance(4_900);
    expect((await health()).State).toBe('initial');
    await clock.advance(300);
    expect(await health()).toEqual({
      State: 'unhealthy',
      Reason: 'Target.ResponseCodeMismatch',
      Description: 'Health checks failed with these codes: [500]',
    });
    answer = WELL;
    await clock.advance(200);
    expect((await health()).State).toBe('healthy');
  });

  test('afterwards both thresholds count, an interval apart', async () => {
    await use();
    answer = WELL;
    await register();
    await clock.advance(0);
    answer = FAILING;
    await clock.advance(5_000);
    expect((await health()).State).toBe('healthy');
    await clock.advance(5_000);
    expect((await health()).State).toBe('unhealthy');
    answer = WELL;
    await clock.advance(10_000);
    expect((await health()).State).toBe('unhealthy');
    await clock.advance(5_000);
    expect((await health()).State).toBe('healthy');
  });

  test('a deregistered target drains for its delay, and can come back before that', async () => {
    await use();
    answer = WELL;
    await register();
    await clock.advance(0);
    await setDelay('20');
    await deregister();
    expect(await health()).toMatchObject({ State: 'draining', Reason: 'Target.DeregistrationInProgress' });
    await clock.advance(19_999);
    expect((await health()).State).toBe('draining');
    await clock.advance(1);
    expect(await health()).toMatchObject({ State: 'unused', Reason: 'Target.NotRegistered' });
    await register();
    await clock.advance(0);
    expect((await health()).State).toBe('healthy');
    await deregister();
    await register();
    await clock.advance(30_000);
    expect((await health()).State).toBe('healthy');
  });

  test('with a delay of 0, or where no rule uses the group, a deregistered target is gone at once', async () => {
    await register();
    await deregister();
    expect(await health()).toMatchObject({ State: 'unused', Reason: 'Target.NotRegistered' });
    await use();
    await setDelay('0');
    await register();
    await clock.advance(0);
    await deregister();
    expect(await health()).toMatchObject({ State: 'unused', Reason: 'Target.NotRegistered' });
    expect(model.targetsOf(group)).toEqual([]);
  });

  test('rules that come and go while a check is under way do not multiply the checks', async () => {
    answerMs = 50;
    await use();
    await register();
    await clock.advance(10);
    for (const priority of [2, 3, 4]) await model.deleteRule({ RuleArn: await use(priority) });
    await clock.advance(140);
    asked = 0;
    await clock.advance(1_500);
    expect(asked).toBe(10);
  });

  test('an answer that comes after its target has left, or after the stop, changes nothing', async () => {
    answerMs = 50;
    answer = WELL;
    await use();
    await register();
    await clock.advance(10);
    await deregister();
    await clock.advance(100);
    expect((await health()).State).toBe('draining');
    await register();
    await clock.advance(10);
    model.stop();
    await clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  test('a group that went out of use and comes back begins again', async () => {
    const rule = await use();
    answer = WELL;
    await register();
    await clock.advance(0);
    expect((await health()).State).toBe('healthy');
    await model.deleteRule({ RuleArn: rule });
    expect(model.targetsOf(group)).toMatchObject([{ state: 'unused' }]);
    answer = FAILING;
    await use();
    expect(model.targetsOf(group)).toMatchObject([{ state: 'initial', everHealthy: false }]);
    await clock.advance(1_000);
    expect((await health()).State).toBe('initial');
  });

  test("a listener's default action is a use from the moment that the listener is there", async () => {
    await register();
    const { Listeners } = await model.createListener({
      LoadBalancerArn: balancer,
      Protocol: 'HTTP',
      Port: 81,
      DefaultActions: forward(group),
    });
    await clock.advance(0);
    expect(asked).toBe(1);
    const inUse = { name: 'ResourceInUseException' };
    await expect(model.deleteTargetGroup({ TargetGroupArn: group })).rejects.toMatchObject(inUse);
    await model.deleteListener({ ListenerArn: Listeners![0]!.ListenerArn });
    expect((await health()).State).toBe('unused');
    await clock.advance(60_000);
    expect(asked).toBe(1);
    await model.deleteTargetGroup({ TargetGroupArn: group });
  });

  test('a health check that is modified is used from the next check on', async () => {
    answer = WELL;
    await use();
    await register();
    await clock.advance(0);
    await model.modifyTargetGroup({ TargetGroupArn: group, HealthCheckIntervalSeconds: 10 });
    await clock.advance(5_000);
    asked = 0;
    await clock.advance(30_000);
    expect(asked).toBe(3);
  });
});

describe('what the wire does not show', () => {
  test('pages neither skip nor repeat what stays, whatever is deleted in between', async () => {
    const rules = [await use(10), await use(20), await use(30), await use(40)];
    const first = await model.describeRules({ ListenerArn: listener, PageSize: 2 });
    await model.deleteRule({ RuleArn: rules[1] });
    const second = await model.describeRules({
      ListenerArn: listener,
      PageSize: 2,
      Marker: first.NextMarker,
    });
    expect(second.Rules!.map(({ Priority }) => Priority)).toEqual(['30', '40']);
    const third = await model.describeRules({
      ListenerArn: listener,
      PageSize: 2,
      Marker: second.NextMarker,
    });
    expect(third.Rules!.map(({ Priority }) => Priority)).toEqual(['default']);
    expect(third.NextMarker).toBeUndefined();
  });

  test('the load balancer sees the rules by priority, the default last', async () => {
    for (const priority of [200, 9, 50_000, 10]) await use(priority);
    const seen = model.rulesOf(listener).map(({ ruleArn }) => ruleArn);
    const { Rules } = await model.describeRules({ ListenerArn: listener });
    expect(Rules!.map(({ Priority }) => Priority)).toEqual(['9', '10', '200', '50000', 'default']);
    expect(seen).toEqual(Rules!.map(({ RuleArn }) => RuleArn));
  });

  test('a full load balancer lets a rule change over to another target group', async () => {
    const rules: string[] = [];
    for (let n = 1; n <= 100; n += 1) rules.push(await use(n, await makeGroup(`g-${n}`)));
    const modified = await model.modifyRule({ RuleArn: rules[0], Actions: forward(group) });
    expect(modified.Rules).toMatchObject([{ Actions: [{ TargetGroupArn: group }] }]);
    const shared = model.modifyRule({
      RuleArn: rules[1],
      Actions: [
        {
          Type: 'forward',
          ForwardConfig: {
            TargetGroups: [
              { TargetGroupArn: await makeGroup('x') },
              { TargetGroupArn: await makeGroup('y') },
            ],
          },
        },
      ],
    });
    await expect(shared).rejects.toMatchObject({
      name: 'TooManyUniqueTargetGroupsPerLoadBalancerException',
    });
  });

  test('tags that are too many for one resource are added to none', async () => {
    const tags = (n: number, prefix: string) =>
      Array.from({ length: n }, (_, i) => ({ Key: `${prefix}${i}`, Value: '' }));
    await model.addTags({ ResourceArns: [group], Tags: tags(49, 'a') });
    const added = model.addTags({ ResourceArns: [listener, group], Tags: tags(2, 'b') });
    await expect(added).rejects.toMatchObject({ name: 'TooManyTagsException' });
    const { TagDescriptions } = await model.describeTags({ ResourceArns: [listener, group] });
    expect(TagDescriptions!.map(({ Tags }) => Tags!.length)).toEqual([0, 49]);
  });

  test('a name that is asked for twice is found once', async () => {
    const { TargetGroups } = await model.describeTargetGroups({ Names: ['g', 'g'] });
    expect(TargetGroups).toHaveLength(1);
  });

  test.each<[string, () => Promise<unknown>]>([
    [
      'an attribute that nothing acts on',
      () =>
        model.modifyTargetGroupAttributes({
          TargetGroupArn: group,
          Attributes: [{ Key: 'stickiness.enabled', Value: 'true' }],
        }),
    ],
    [
      'a target group without health checks',
      () => model.modifyTargetGroup({ TargetGroupArn: group, HealthCheckEnabled: false }),
    ],
    [
      'health checks over TLS',
      () => model.modifyTargetGroup({ TargetGroupArn: group, HealthCheckProtocol: 'HTTPS' }),
    ],
    ['gRPC', () => model.createTargetGroup({ ...groupInput('h'), ProtocolVersion: 'GRPC' })],
    [
      'a condition with a regular expression',
      () =>
        model.createRule({
          ListenerArn: listener,
          Priority: 1,
          Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: ['a'], RegexValues: ['^a'] } }],
          Actions: forward(group),
        }),
    ],
    [
      'a condition on a field that the load balancer does not serve',
      () =>
        model.createRule({
          ListenerArn: listener,
          Priority: 1,
          Conditions: [{ Field: 'source-ip', SourceIpConfig: { Values: ['10.0.0.0/8'] } }],
          Actions: forward(group),
        }),
    ],
  ])('%s is refused, not ignored', async (_what, call) => {
    await expect(call()).rejects.toMatchObject({ $fault: 'client' });
  });
});

test('after a restart rules, tags and targets are there, and every target is checked anew', async () => {
  const rule = await use();
  await model.addTags({ ResourceArns: [rule], Tags: [{ Key: 'k', Value: 'v' }] });
  answer = WELL;
  await register();
  await clock.advance(0);
  model.stop();
  expect(clock.pending).toBe(0);

  const opened: number[] = [];
  model = new Elbv2Model({
    clock,
    random,
    log,
    state,
    checkTarget: async () => FAILING,
    onListener: ({ port }) => void opened.push(port),
  });
  await model.start();
  expect(opened).toEqual([80]);
  expect((await model.describeRules({ RuleArns: [rule] })).Rules).toHaveLength(1);
  expect((await model.describeTags({ ResourceArns: [rule] })).TagDescriptions![0]!.Tags).toEqual([
    { Key: 'k', Value: 'v' },
  ]);
  expect((await health()).State).toBe('initial');
});

test('a target that was draining when the process died does not come back', async () => {
  await use();
  await register();
  await deregister();
  expect((await health()).State).toBe('draining');
  model.stop();
  model = open();
  await model.start();
  expect((await health()).Reason).toBe('Target.NotRegistered');
});

test('a listener whose port cannot be opened is refused whole', async () => {
  const refusing = new Elbv2Model({
    clock,
    random,
    log,
    state: memoryState(),
    checkTarget: async () => WELL,
    onListener: () => Promise.reject(new Error('taken')),
  });
  const { LoadBalancers } = await refusing.createLoadBalancer({ Name: 'a', Subnets: ['s1', 's2'] });
  const { LoadBalancerArn } = LoadBalancers![0]!;
  const created = refusing.createListener({
    LoadBalancerArn,
    Protocol: 'HTTP',
    Port: 80,
    DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
  });
  await expect(created).rejects.toThrow('taken');
  expect((await refusing.describeListeners({ LoadBalancerArn })).Listeners).toEqual([]);
});
