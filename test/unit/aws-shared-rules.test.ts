import type { DescribeRulesCommandInput, Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AwsPorts } from '../../aws/ports.ts';
import { sharedRules } from '../../aws/shared-rules.ts';
import { ManualClock } from '../fakes/clock.ts';

const SHARED_MS = 2_000;
const LATENCY_MS = 30;
/** Few, so that paging happens. AWS answers up to 400 rules a page, and a load balancer has 100. */
const PAGE = 2;
const ONE_PAGE = 400;

/** One load balancer: reads see the rules at the moment in which they arrive, writes take effect then. */
function world(size = PAGE) {
  const clock = new ManualClock();
  const rules: Rule[] = [{ RuleArn: 'r0', Priority: '0', Conditions: [{ Field: 'path-pattern' }] }];
  const asked: DescribeRulesCommandInput[] = [];
  const aws = { fails: (): 'before' | 'after' | undefined => undefined };
  const travel = () => clock.sleep(LATENCY_MS);
  const elbv2 = {
    describeRules: async (input: DescribeRulesCommandInput) => {
      asked.push(input);
      await travel();
      if (aws.fails()) throw new Error('no answer');
      const from = Number(input.Marker ?? 0);
      const page = input.RuleArns
        ? rules.filter(({ RuleArn = '' }) => input.RuleArns?.includes(RuleArn))
        : rules.slice(from, from + size);
      const more = !input.RuleArns && from + size < rules.length;
      await travel();
      return { Rules: page, ...(more ? { NextMarker: String(from + size) } : {}) };
    },
    createRule: async ({ Priority }: { Priority: number }) => {
      await travel();
      const failure = aws.fails();
      if (failure !== 'before') rules.push({ RuleArn: `r${Priority}`, Priority: String(Priority) });
      await travel();
      if (failure) throw new Error('no answer');
      return {};
    },
    deleteRule: async ({ RuleArn }: { RuleArn: string }) => {
      await travel();
      const at = rules.findIndex((rule) => rule.RuleArn === RuleArn);
      if (at !== -1) rules.splice(at, 1);
      await travel();
      return {};
    },
  };
  const shared = sharedRules({ elbv2 } as unknown as AwsPorts, { clock, rules_shared_ms: SHARED_MS }).elbv2;
  const look = async (ListenerArn = 'l') => (await shared.describeRules({ ListenerArn })).Rules ?? [];
  const create = (Priority: number) => shared.createRule({ Priority } as never);
  return { clock, rules, asked, aws, shared, look, create };
}

test('a hundred who ask together, and whoever asks within the two seconds after, are one call', async () => {
  const { clock, asked, look } = world();
  const together = Array.from({ length: 100 }, () => look());
  await clock.advance(1_000);
  const later = look();
  await clock.advance(0);
  expect(new Set([...(await Promise.all(together)), await later].map(({ length }) => length))).toEqual(
    new Set([1]),
  );
  expect(asked).toHaveLength(1);
  await clock.advance(SHARED_MS);
  void look();
  expect(asked).toHaveLength(2);
});

test('a list that is long on its way is still one for all who wait for it', async () => {
  const { clock, rules, asked, look } = world();
  for (let n = 1; n < 200; n += 1) rules.push({ RuleArn: `r${n}`, Priority: String(n) });
  const first = look();
  await clock.advance(SHARED_MS + 1_000);
  const second = look();
  await clock.advance(10_000);
  expect((await first).map(({ RuleArn }) => RuleArn)).toEqual(rules.map(({ RuleArn }) => RuleArn));
  expect(await second).toBe(await first);
  expect(asked.filter(({ Marker }) => Marker === undefined)).toHaveLength(1);
});

test('listeners share nothing', async () => {
  const { clock, asked, look } = world();
  const both = [look('l'), look('m')];
  await clock.advance(100);
  await Promise.all(both);
  expect(asked.map(({ ListenerArn }) => ListenerArn)).toEqual(['l', 'm']);
});

test('any other question goes to AWS as it is', async () => {
  const { clock, asked, look, shared } = world();
  void look();
  await clock.advance(100);
  const questions = [
    { RuleArns: ['r0'] },
    { ListenerArn: 'l', PageSize: 1 },
    { ListenerArn: 'l', Marker: '0' },
  ];
  const answers = questions.map((input) => shared.describeRules(input));
  await clock.advance(100);
  await Promise.all(answers);
  expect(asked.slice(1)).toEqual(questions);
});

test.each(['before', 'after', undefined] as const)(
  'a write drops the list, also one that fails (%s its effect)',
  async (failure) => {
    const { clock, rules, aws, look, create } = world();
    void look();
    await clock.advance(100);
    aws.fails = () => failure;
    const write = create(1).catch(() => undefined);
    await clock.advance(100);
    await write;
    aws.fails = () => undefined;
    const after = look();
    await clock.advance(100);
    expect(await after).toHaveLength(rules.length);
  },
);

test('a failure reaches all who waited, and the next one asks anew', async () => {
  const { clock, aws, look } = world();
  aws.fails = () => 'before';
  const outcomes = Promise.allSettled([look(), look()]);
  await clock.advance(100);
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  aws.fails = () => undefined;
  const next = look();
  await clock.advance(100);
  expect(await next).toHaveLength(1);
});

test('nobody can change what others read, and what AWS answered stays its own', async () => {
  const { clock, rules, look } = world();
  const reading = look();
  await clock.advance(100);
  const [rule] = await reading;
  expect(() => rule!.Conditions!.push({ Field: 'host-header' })).toThrow(TypeError);
  rules[0]!.Conditions!.push({ Field: 'host-header' });
  expect(rule?.Conditions).toHaveLength(1);
});

test('nobody ever reads a list that is older than their own last write', async () => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 120 }),
    act: fc.constantFrom('look', 'look', 'look', 'create', 'delete'),
    hold: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 4 }), async (people) => {
      // A delete between two pages moves a rule past the reader; that is no matter of sharing.
      const { clock, shared, look, create } = world(ONE_PAGE);
      const live = async (who: number) => {
        const own = new Set<number>();
        for (const [n, { ms, act, hold }] of people[who]!.entries()) {
          await clock.sleep(ms);
          if (act === 'create') {
            const priority = 1_000 * (who + 1) + n;
            await create(priority);
            own.add(priority);
          } else if (act === 'delete') {
            const [priority] = own;
            if (priority === undefined) continue;
            await shared.deleteRule({ RuleArn: `r${priority}` });
            own.delete(priority);
          } else {
            const seen = (await look()).map(({ Priority }) => Number(Priority));
            const mine = seen.filter((priority) => Math.floor(priority / 1_000) === who + 1);
            expect(new Set(mine)).toEqual(own);
            if (hold) await clock.sleep(LATENCY_MS);
          }
        }
      };
      const all = Promise.all(people.map((_, who) => live(who)));
      let over = false;
      void all.finally(() => (over = true)).catch(() => undefined);
      for (let n = 0; n < 50 && !over; n += 1) await clock.advance(1_000);
      await all;
    }),
    { numRuns: 40 },
  );
}, 30_000);
