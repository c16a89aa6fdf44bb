import { ResourceInUseException } from '@aws-sdk/client-elastic-load-balancing-v2';
import fc from 'fast-check';
import { describe, test } from 'vitest';

import { Elbv2Model } from '../localcloud/elbv2/model.ts';
import type { Elbv2State } from '../localcloud/elbv2/state.ts';
import { memoryState, type StateStore } from '../localcloud/state.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { ManualClock } from './fakes/clock.ts';

describe('any sequence of calls about rules and target groups', () => {
  test('is answered as a table of names and priorities would answer it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { size: 'medium' }), async (sequence) => {
        const real = await openReal();
        try {
          await fc.asyncModelRun(() => ({ model: { groups: new Map(), rules: [] }, real }), sequence);
        } finally {
          real.elbv2.stop();
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** What should be there: target groups by name with their ARN, and rules. */
interface Expected {
  groups: Map<string, string>;
  rules: ExpectedRule[];
}
interface ExpectedRule {
  arn: string;
  priority: number;
  host: string;
  group: string;
}

class Real {
  readonly state: StateStore<Elbv2State>;
  readonly listener: string;
  elbv2: Elbv2Model;

  constructor(state: StateStore<Elbv2State>, elbv2: Elbv2Model, listener: string) {
    this.state = state;
    this.elbv2 = elbv2;
    this.listener = listener;
  }

  async restart(): Promise<void> {
    this.elbv2.stop();
    this.elbv2 = openModel(this.state);
    await this.elbv2.start();
  }
}

function openModel(state: StateStore<Elbv2State>): Elbv2Model {
  return new Elbv2Model({
    clock: new ManualClock(),
    random,
    log,
    state,
    checkTarget: async () => ({ ok: true }),
  });
}

async function openReal(): Promise<Real> {
  const state = memoryState<Elbv2State>();
  const elbv2 = openModel(state);
  const { LoadBalancers } = await elbv2.createLoadBalancer({ Name: 'alb', Subnets: ['a', 'b'] });
  const { Listeners } = await elbv2.createListener({
    LoadBalancerArn: LoadBalancers![0]!.LoadBalancerArn,
    Port: 80,
    Protocol: 'HTTP',
    DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
  });
  return new Real(state, elbv2, Listeners![0]!.ListenerArn!);
}

const NAMES = ['one', 'two', 'three', 'four'];
const ABSENT_GROUP = 'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/absent/0';

/** What a call must do: be answered, or be refused under this name. */
async function outcome<T>(call: Promise<T>, refusal: string | undefined): Promise<T | undefined> {
  try {
    const answer = await call;
    if (refusal !== undefined) throw new Error(`answered, where ${refusal} was due`);
    return answer;
  } catch (error) {
    if ((error as Error).name !== refusal) throw error;
    return undefined;
  }
}

type Command = fc.AsyncCommand<Expected, Real>;

/** A command that is always possible, and after which everything must be described as it should be. */
function command(name: string, act: (expected: Expected, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    toString: () => name,
    run: async (expected, real) => {
      await act(expected, real);
      await compare(expected, real);
    },
  };
}

const host = (value: string) => [{ Field: 'host-header', HostHeaderConfig: { Values: [value] } }];
const forward = (TargetGroupArn: string) => [{ Type: 'forward' as const, TargetGroupArn }];

async function compare({ groups, rules }: Expected, { elbv2, listener }: Real): Promise<void> {
  const { TargetGroups } = await elbv2.describeTargetGroups({});
  const described = new Map(TargetGroups!.map((group) => [group.TargetGroupName!, group]));
  equal([...described.keys()].toSorted(), [...groups.keys()].toSorted());
  for (const [name, arn] of groups) {
    const { TargetGroupArn, LoadBalancerArns } = described.get(name)!;
    equal(
      [TargetGroupArn, LoadBalancerArns!.length],
      [arn, rules.some(({ group }) => group === arn) ? 1 : 0],
    );
  }
  const { Rules } = await elbv2.describeRules({ ListenerArn: listener });
  const seen = Rules!.map(({ RuleArn, Priority, Conditions, Actions, IsDefault }) =>
    IsDefault
      ? 'default'
      : {
          arn: RuleArn,
          priority: Number(Priority),
          host: Conditions![0]!.Values![0],
          group: Actions![0]!.TargetGroupArn,
        },
  );
  equal(seen, [...rules.toSorted((a, b) => a.priority - b.priority), 'default']);
}

function equal(found: unknown, due: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(due)];
  if (a !== b) throw new Error(`found ${a}, where ${b} was due`);
}

/** One of the rules or groups that there are, by an index that means something however many there are. */
const pick = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(list.length, 1)];

const name = fc.constantFrom(...NAMES);
const index = fc.nat(7);
const priority = fc.integer({ min: 1, max: 6 });
const hostName = fc.constantFrom('a.localhost', 'b.localhost');

const commands = [
  fc.tuple(name, fc.constantFrom('/', '/up')).map(([Name, HealthCheckPath]) =>
    command(`create target group ${Name} ${HealthCheckPath}`, async ({ groups }, { elbv2 }) => {
      const known = groups.get(Name);
      const described =
        known && (await elbv2.describeTargetGroups({ TargetGroupArns: [known] })).TargetGroups![0];
      const differs = described && described.HealthCheckPath !== HealthCheckPath;
      const created = await outcome(
        elbv2.createTargetGroup({
          Name,
          Protocol: 'HTTP',
          Port: 80,
          VpcId: 'v',
          TargetType: 'ip',
          HealthCheckPath,
        }),
        differs ? 'DuplicateTargetGroupNameException' : undefined,
      );
      const arn = created?.TargetGroups![0]!.TargetGroupArn;
      if (arn !== undefined && known !== undefined) equal(arn, known);
      if (arn !== undefined) groups.set(Name, arn);
    }),
  ),
  name.map((Name) =>
    command(`delete target group ${Name}`, async ({ groups, rules }, { elbv2 }) => {
      const arn = groups.get(Name);
      const used = rules.some(({ group }) => group === arn);
      await outcome(
        elbv2.deleteTargetGroup({ TargetGroupArn: arn ?? ABSENT_GROUP }),
        used ? ResourceInUseException.name : undefined,
      );
      if (!used) groups.delete(Name);
    }),
  ),
  fc.tuple(priority, name, hostName).map(([Priority, group, value]) =>
    command(`create rule ${Priority} ${value} to ${group}`, async ({ groups, rules }, real) => {
      const arn = groups.get(group);
      const taken = rules.some((rule) => rule.priority === Priority);
      const refusal = taken
        ? 'PriorityInUseException'
        : arn === undefined
          ? 'TargetGroupNotFoundException'
          : undefined;
      const created = await outcome(
        real.elbv2.createRule({
          ListenerArn: real.listener,
          Priority,
          Conditions: host(value),
          Actions: forward(arn ?? ABSENT_GROUP),
        }),
        refusal,
      );
      const RuleArn = created?.Rules![0]!.RuleArn;
      if (RuleArn && arn) rules.push({ arn: RuleArn, priority: Priority, host: value, group: arn });
    }),
  ),
  fc.tuple(index, name, hostName).map(([which, group, value]) =>
    command(`modify rule ${which} to ${value} ${group}`, async ({ groups, rules }, { elbv2 }) => {
      const rule = pick(rules, which);
      const arn = groups.get(group);
      const refusal = !rule
        ? 'RuleNotFoundException'
        : arn === undefined
          ? 'TargetGroupNotFoundException'
          : undefined;
      const RuleArn = rule?.arn ?? 'absent';
      const Actions = forward(arn ?? ABSENT_GROUP);
      await outcome(elbv2.modifyRule({ RuleArn, Conditions: host(value), Actions }), refusal);
      if (rule && arn !== undefined) Object.assign(rule, { host: value, group: arn });
    }),
  ),
  fc.tuple(index, index, priority).map(([which, other, own]) =>
    command(`set priorities of rules ${which} and ${other}`, async ({ rules }, { elbv2 }) => {
      const [first, second] = [pick(rules, which), pick(rules, other)];
      if (!first || !second || first === second) return;
      // The first takes what is asked for, the second what the first had.
      const wanted = new Map([
        [first, own],
        [second, first.priority],
      ]);
      const after = rules.map((rule) => wanted.get(rule) ?? rule.priority);
      const clash = new Set(after).size < after.length;
      await outcome(
        elbv2.setRulePriorities({
          RulePriorities: [...wanted].map(([{ arn }, Priority]) => ({ RuleArn: arn, Priority })),
        }),
        clash ? 'PriorityInUseException' : undefined,
      );
      if (!clash) for (const [rule, next] of wanted) rule.priority = next;
    }),
  ),
  index.map((which) =>
    command(`delete rule ${which}`, async ({ rules }, { elbv2 }) => {
      const rule = pick(rules, which);
      await outcome(
        elbv2.deleteRule({ RuleArn: rule?.arn ?? 'absent' }),
        rule ? undefined : 'RuleNotFoundException',
      );
      if (rule) rules.splice(rules.indexOf(rule), 1);
    }),
  ),
  fc.constant(command('restart', (_expected, real) => real.restart())),
];
