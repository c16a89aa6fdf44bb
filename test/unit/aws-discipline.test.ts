import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batched } from '../../aws/batch.ts';
import { Bucket, BUCKETS } from '../../aws/buckets.ts';
import { gated } from '../../aws/gate.ts';
import type { AwsPorts } from '../../aws/ports.ts';
import { sharedRules } from '../../aws/shared-rules.ts';
import { ManualClock, settle } from '../fakes/clock.ts';

type Call = (input: never) => Promise<unknown>;

/** Ports of which only the given calls answer; what is asked of them is noted. */
function portsOf(calls: { ecs?: Record<string, Call>; elbv2?: Record<string, Call> }): AwsPorts {
  return { ecs: {}, elbv2: {}, scheduler: {}, logs: {}, ...calls } as unknown as AwsPorts;
}

describe('a bucket', () => {
  test('never lets more go in any window than its burst and its rate allow', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(gaps, fc.constantFrom(0.1, 0.5, 1), (steps, share) => {
        const size = BUCKETS.elb_modify;
        const bucket = new Bucket(size, share);
        const gone: number[] = [];
        let now = 0;
        for (const step of steps) {
          now += step;
          while (bucket.take(now)) gone.push(now);
        }
        for (const [n, from] of gone.entries()) {
          for (const [more, to] of gone.slice(n).entries()) {
            const most = Math.max(1, size.burst * share) + ((to - from) / 1000) * size.perSecond * share;
            expect(more + 1).toBeLessThanOrEqual(most + 1e-6);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('slows down by half at each throttle, and is itself again after a minute of peace', () => {
    const bucket = new Bucket({ burst: 1, perSecond: 10 }, 1);
    bucket.throttled(0);
    expect(bucket.nextIn(0)).toBe(200);
    bucket.throttled(0);
    expect(bucket.nextIn(0)).toBe(400);
    expect(bucket.take(61_000)).toBe(true);
    expect(bucket.nextIn(61_000)).toBe(100);
  });
});

describe('the gate', () => {
  const clock = () => new ManualClock();

  test('holds calls back to the rate, in their order, and lets deletes go first', async () => {
    const time = clock();
    const seen: string[] = [];
    const note = (name: string) => async () => seen.push(name);
    const { elbv2 } = gated(portsOf({ elbv2: { createRule: note('create'), deleteRule: note('delete') } }), {
      clock: time,
      rate_share: 0.05,
    });
    const calls = [
      elbv2.createRule({} as never),
      elbv2.createRule({} as never),
      elbv2.deleteRule({} as never),
    ];
    await settle();
    expect(seen).toEqual(['create']);
    await time.advance(30_000);
    expect(seen).toEqual(['create', 'delete', 'create']);
    await Promise.all(calls);
  });

  test('one throttle slows down everybody who draws from the bucket', async () => {
    const time = clock();
    let refusals = 1;
    let calls = 0;
    const createRule = async () => {
      calls += 1;
      refusals -= 1;
      if (refusals >= 0) throw Object.assign(new Error('Rate exceeded'), { name: 'Throttling' });
    };
    const { elbv2 } = gated(portsOf({ elbv2: { createRule } }), { clock: time, rate_share: 1 });
    await expect(elbv2.createRule({} as never)).rejects.toThrow('Rate exceeded');
    const later = [1, 2, 3].map(() => elbv2.createRule({} as never));
    await settle();
    expect(calls).toBe(1);
    await time.advance(2_000);
    expect(calls).toBeGreaterThan(1);
    await time.advance(5_000);
    await Promise.all(later);
  });
});

describe('batches', () => {
  test('everybody gets exactly what they asked for, ten services a call', async () => {
    const time = new ManualClock();
    const sizes: number[] = [];
    const describeServices = async ({ services }: { services: string[] }) => {
      sizes.push(services.length);
      return { services: services.filter((name) => name !== 'none').map((serviceName) => ({ serviceName })) };
    };
    const { ecs } = batched(portsOf({ ecs: { describeServices: describeServices as Call } }), {
      clock: time,
      batch_window_ms: 50,
    });
    const names = Array.from({ length: 25 }, (_, n) => (n === 7 ? 'none' : `s${n}`));
    const answers = names.map((name) => ecs.describeServices({ cluster: 'c', services: [name] }));
    await time.advance(50);
    for (const [n, answer] of (await Promise.all(answers)).entries()) {
      const name = names[n]!;
      if (name === 'none')
        expect(answer).toEqual({ services: [], failures: [{ arn: 'none', reason: 'MISSING' }] });
      else expect(answer.services).toEqual([{ serviceName: name }]);
    }
    expect(sizes).toEqual([10, 10, 5]);
  });

  test('a resource that is gone fails only whoever asked for it', async () => {
    const time = new ManualClock();
    const describeTags = async ({ ResourceArns }: { ResourceArns: string[] }) => {
      if (ResourceArns.includes('gone'))
        throw Object.assign(new Error('gone'), { name: 'RuleNotFoundException' });
      return { TagDescriptions: ResourceArns.map((ResourceArn) => ({ ResourceArn })) };
    };
    const { elbv2 } = batched(portsOf({ elbv2: { describeTags: describeTags as Call } }), {
      clock: time,
      batch_window_ms: 50,
    });
    const answers = ['a', 'gone', 'b'].map((arn) => elbv2.describeTags({ ResourceArns: [arn] }));
    const settled = Promise.allSettled(answers);
    await time.advance(50);
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});

describe('shared rules', () => {
  test('one list serves all for a while, and never one that is older than the own last write', async () => {
    const time = new ManualClock();
    let version = 0;
    let lists = 0;
    const describeRules = async () => {
      lists += 1;
      const Priority = String(version);
      await settle();
      return { Rules: [{ Priority }] };
    };
    const createRule = async () => {
      version += 1;
      return {};
    };
    const ports = sharedRules(portsOf({ elbv2: { describeRules, createRule } }), {
      clock: time,
      rules_shared_ms: 2_000,
    });
    const look = async () => (await ports.elbv2.describeRules({ ListenerArn: 'l' })).Rules?.[0]?.Priority;
    expect(await Promise.all([look(), look(), look()])).toEqual(['0', '0', '0']);
    expect(lists).toBe(1);
    const before = look();
    const slow = ports.elbv2.createRule({} as never);
    await slow;
    expect(await look()).toBe('1');
    await before;
    expect(await look()).toBe('1');
    version = 9;
    await time.advance(2_000);
    expect(await look()).toBe('9');
  });
});
