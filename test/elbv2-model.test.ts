import { beforeEach, describe, expect, test } from 'vitest';
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
let group: string;
let listener: string;

const open = () =>
  new Elbv2Model({
    clock,
    random,
    log,
    state,
    checkTarget: async () => {
      asked += 1;
      return answer;
    },
  });

beforeEach(async () => {
  clock = new ManualClock();
  state = memoryState();
  answer = FAILING;
  asked = 0;
  model = open();
  const { LoadBalancers } = await model.createLoadBalancer({ Name: 'a', Subnets: ['s1', 's2'] });
  const { Listeners } = await model.createListener({
    LoadBalancerArn: LoadBalancers![0]!.LoadBalancerArn,
    Protocol: 'HTTP',
    Port: 80,
    DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
  });
  listener = Listeners![0]!.ListenerArn!;
  const { TargetGroups } = await model.createTargetGroup({
    Name: 'g',
    Protocol: 'HTTP',
    Port: 80,
    VpcId: 'v',
    TargetType: 'ip',
    HealthCheckIntervalSeconds: 5,
    HealthCheckTimeoutSeconds: 2,
    HealthyThresholdCount: 3,
    UnhealthyThresholdCount: 2,
  });
  group = TargetGroups![0]!.TargetGroupArn!;
});

async function use() {
  const { Rules } = await model.createRule({
    ListenerArn: listener,
    Priority: 1,
    Conditions: [{ Field: 'host-header', Values: ['a.localhost'] }],
    Actions: [{ Type: 'forward', TargetGroupArn: group }],
  });
  return Rules![0]!.RuleArn!;
}

const register = () => model.registerTargets({ TargetGroupArn: group, Targets: [TARGET] });
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

  test('one that was never healthy is called unhealthy only after threshold times interval, in words of AWS', async () => {
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
    await model.modifyTargetGroupAttributes({
      TargetGroupArn: group,
      Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '20' }],
    });
    await model.deregisterTargets({ TargetGroupArn: group, Targets: [TARGET] });
    expect(await health()).toMatchObject({ State: 'draining', Reason: 'Target.DeregistrationInProgress' });
    await clock.advance(19_999);
    expect((await health()).State).toBe('draining');
    await clock.advance(1);
    expect(await health()).toMatchObject({ State: 'unused', Reason: 'Target.NotRegistered' });
    await register();
    await clock.advance(0);
    expect((await health()).State).toBe('healthy');
    await model.deregisterTargets({ TargetGroupArn: group, Targets: [TARGET] });
    await register();
    await clock.advance(30_000);
    expect((await health()).State).toBe('healthy');
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
  model.stop();
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
