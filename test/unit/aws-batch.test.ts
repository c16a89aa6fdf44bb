import {
  InvalidConfigurationRequestException,
  RuleNotFoundException,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batched } from '../../aws/batched.ts';
import type { AwsPorts } from '../../aws/ports.ts';
import { ManualClock, settle } from '../fakes/clock.ts';

const WINDOW_MS = 50;
const cluster = 'c';

function gone(): RuleNotFoundException {
  return new RuleNotFoundException({ $metadata: {}, message: 'One or more rules not found' });
}

/** AWS with services and tags that tests change, the limits of its calls, and a note of each. */
function world() {
  const clock = new ManualClock();
  const calls: string[][] = [];
  const services = new Map<string, number>();
  const tags = new Map<string, string>();
  const aws = { fails: (): Error | undefined => undefined, latency: 0 };
  const answer = async <T>(keys: string[], read: () => T): Promise<T> => {
    calls.push(keys);
    const failure = aws.fails();
    const seen = failure ? undefined : read();
    if (aws.latency > 0) await clock.sleep(aws.latency);
    if (failure) throw failure;
    return seen as T;
  };
  const arnOf = (name: string) => `arn:aws:ecs:us-east-1:000000000000:service/${cluster}/${name}`;
  const describeServices = ({ services: names = [] as string[], include = [] as string[] }) => {
    if (names.length > 10) throw new Error('too many services');
    return answer(names, () => ({
      services: names
        .filter((name) => services.has(name))
        .map((name) => ({
          serviceName: name,
          serviceArn: arnOf(name),
          desiredCount: services.get(name),
          ...(include.includes('TAGS') ? { tags: [] } : {}),
        }))
        .toReversed(),
      failures: names
        .filter((name) => !services.has(name))
        .map((name) => ({ arn: arnOf(name), reason: 'MISSING' })),
    }));
  };
  const describeTags = ({ ResourceArns = [] as string[] }) => {
    if (ResourceArns.length > 20) throw new Error('too many ARNs');
    if (new Set(ResourceArns).size < ResourceArns.length) throw new Error('an ARN twice');
    return answer(ResourceArns, () => {
      if (ResourceArns.some((arn) => !tags.has(arn))) throw gone();
      return {
        TagDescriptions: ResourceArns.map((ResourceArn) => ({
          ResourceArn,
          Tags: [{ Key: 'k', Value: tags.get(ResourceArn) }],
        })),
      };
    });
  };
  const ports = { ecs: { describeServices }, elbv2: { describeTags } } as unknown as AwsPorts;
  const { ecs, elbv2 } = batched(ports, { clock, batch_window_ms: WINDOW_MS });
  return { clock, calls, services, tags, aws, ecs, elbv2 };
}

const sizes = (calls: string[][]) => calls.map(({ length }) => length);

describe('services', () => {
  test('everybody gets exactly their own answer, however the questions come in', async () => {
    const question = fc.record({ ms: fc.integer({ min: 0, max: 40 }), n: fc.integer({ min: 0, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(question, { maxLength: 60 }), async (questions) => {
        const { clock, calls, services, ecs } = world();
        for (let n = 0; n < 15; n += 1) services.set(`s${n}`, n);
        const answers = [];
        for (const { ms, n } of questions) {
          await clock.advance(ms);
          answers.push(ecs.describeServices({ cluster, services: [`s${n}`], include: ['TAGS'] }));
        }
        await clock.advance(WINDOW_MS);
        for (const [at, { services: found, failures }] of (await Promise.all(answers)).entries()) {
          const { n } = questions[at]!;
          if (n < 15) expect(found).toMatchObject([{ serviceName: `s${n}`, desiredCount: n }]);
          else expect(failures).toMatchObject([{ arn: expect.stringMatching(`/s${n}$`), reason: 'MISSING' }]);
          expect([...found!, ...failures!]).toHaveLength(1);
        }
        expect(Math.max(0, ...sizes(calls))).toBeLessThanOrEqual(10);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test('25 that come together are three calls, the full ones at once', async () => {
    const { clock, calls, ecs } = world();
    const answers = Array.from({ length: 25 }, (_, n) =>
      ecs.describeServices({ cluster, services: [`s${n}`] }),
    );
    await settle();
    expect(sizes(calls)).toEqual([10, 10]);
    await clock.advance(WINDOW_MS);
    expect(sizes(calls)).toEqual([10, 10, 5]);
    await Promise.all(answers);
  });

  test('a call that is full goes out at once', async () => {
    const { clock, calls, ecs } = world();
    const answers = Array.from({ length: 10 }, (_, n) =>
      ecs.describeServices({ cluster, services: [`s${n}`] }),
    );
    await Promise.all(answers);
    expect(sizes(calls)).toEqual([10]);
    expect(clock.pending).toBe(0);
  });

  test('only questions of one cluster and one kind are joined, and only those for one name', async () => {
    const { clock, services, calls, ecs } = world();
    services.set('a', 1);
    const answers = [
      ecs.describeServices({ cluster, services: ['a'] }),
      ecs.describeServices({ cluster, services: ['a'], include: ['TAGS'] }),
      ecs.describeServices({ cluster: 'other', services: ['a'] }),
      ecs.describeServices({ cluster, services: ['a', 'b'] }),
    ];
    await clock.advance(WINDOW_MS);
    const tagged = (await Promise.all(answers)).map((one) => one.services?.[0]?.tags !== undefined);
    expect(tagged).toEqual([false, true, false, false]);
    expect(calls).toHaveLength(4);
  });

  test('what is asked for after a write is read after it, also while an earlier call is under way', async () => {
    const { clock, services, aws, ecs } = world();
    aws.latency = 100;
    const count = async () => {
      const { services: found } = await ecs.describeServices({ cluster, services: ['a'] });
      return found?.[0]?.desiredCount;
    };
    services.set('a', 1);
    const before = count();
    await clock.advance(WINDOW_MS + 10);
    services.set('a', 2);
    const after = count();
    await clock.advance(500);
    expect(await before).toBe(1);
    expect(await after).toBe(2);
  });
});

describe('tags', () => {
  test('are asked for twenty ARNs at a time, each once, and nobody’s ARNs are torn apart', async () => {
    const { clock, calls, tags, elbv2 } = world();
    for (let n = 0; n < 30; n += 1) tags.set(`r${n}`, String(n));
    const pairs = Array.from({ length: 15 }, (_, n) => [`r${n}`, `r${n + 1}`]);
    const answers = pairs.map((ResourceArns) => elbv2.describeTags({ ResourceArns }));
    await clock.advance(WINDOW_MS);
    for (const [n, { TagDescriptions = [] }] of (await Promise.all(answers)).entries()) {
      expect(TagDescriptions.map(({ ResourceArn }) => ResourceArn)).toEqual(pairs[n]);
      expect(TagDescriptions.map(({ Tags }) => Tags?.[0]?.Value)).toEqual([String(n), String(n + 1)]);
    }
    expect(sizes(calls)).toEqual([16]);
  });

  test('never more ARNs than AWS takes, whatever is asked', async () => {
    const arns = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(arns, { maxLength: 20 }), async (questions) => {
        const { clock, calls, tags, elbv2 } = world();
        for (let n = 0; n <= 60; n += 1) tags.set(`r${n}`, String(n));
        const answers = questions.map((one) => elbv2.describeTags({ ResourceArns: one.map((n) => `r${n}`) }));
        await clock.advance(WINDOW_MS);
        for (const [n, { TagDescriptions = [] }] of (await Promise.all(answers)).entries()) {
          const found = TagDescriptions.map(({ ResourceArn }) => ResourceArn);
          expect(new Set(found)).toEqual(new Set(questions[n]!.map((one) => `r${one}`)));
        }
        expect(Math.max(0, ...sizes(calls))).toBeLessThanOrEqual(20);
      }),
      { numRuns: 30 },
    );
  });

  test('of a resource that is gone fail only whoever asked for it', async () => {
    const { clock, tags, elbv2 } = world();
    tags.set('a', '1').set('b', '2');
    const asked = [['a'], ['gone'], ['a', 'b']].map((ResourceArns) => elbv2.describeTags({ ResourceArns }));
    const outcomes = Promise.allSettled(asked);
    await clock.advance(WINDOW_MS);
    const [first, second, third] = await outcomes;
    expect(first).toMatchObject({ value: { TagDescriptions: [{ ResourceArn: 'a' }] } });
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(RuleNotFoundException) });
    expect(third).toMatchObject({ value: { TagDescriptions: [{ ResourceArn: 'a' }, { ResourceArn: 'b' }] } });
  });

  test.each([
    Object.assign(new Error('Rate exceeded'), { name: 'Throttling' }),
    new InvalidConfigurationRequestException({ $metadata: {}, message: 'no' }),
  ])('any other error goes to all, after one call: $name', async (failure) => {
    const { clock, calls, tags, aws, elbv2 } = world();
    tags.set('a', '1').set('b', '2');
    aws.fails = () => failure;
    const outcomes = Promise.allSettled(['a', 'b'].map((arn) => elbv2.describeTags({ ResourceArns: [arn] })));
    await clock.advance(WINDOW_MS);
    expect(await outcomes).toMatchObject([{ reason: failure }, { reason: failure }]);
    expect(calls).toHaveLength(1);
  });
});
