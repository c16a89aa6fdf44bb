import { describe, expect, test } from 'vitest';
import { BUCKET_OF, type BucketName, BUCKETS } from '../../aws/buckets.ts';
import { EcsModel } from '../../localcloud/ecs/model.ts';
import { Elbv2Model } from '../../localcloud/elbv2/model.ts';
import { draw } from '../../localcloud/realism/distribution.ts';
import { Limiter } from '../../localcloud/realism/limiter.ts';
import { Realism } from '../../localcloud/realism/realism.ts';
import { STAGES } from '../../localcloud/realism/stages.ts';
import { STRICT_ELBV2, THROTTLES } from '../../localcloud/realism/throttles.ts';
import { ManualClock } from '../fakes/clock.ts';
import { SeededRandom } from '../sim/random.ts';

const DRAWS = 20_000;

/** The value below which `share` of the draws lie. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
}

describe('distributions', () => {
  test.each(Object.entries(STAGES))('draws of %s meet their two figures', (name, stage) => {
    const random = new SeededRandom(name);
    const sorted = Array.from({ length: DRAWS }, () => draw(stage, random)).toSorted((a, b) => a - b);
    expect(Math.abs(quantile(sorted, 0.5) / stage.p50 - 1)).toBeLessThan(0.05);
    expect(quantile(sorted, 0.95) / stage.p95).toBeGreaterThan(0.85);
    expect(quantile(sorted, 0.95) / stage.p95).toBeLessThan(1.25);
    expect(sorted[0]).toBeGreaterThan(0);
    expect(sorted.at(-1)).toBeLessThanOrEqual(2 * Math.max(stage.p95, 'rare' in stage ? stage.rare : 0));
  });

  test('one draw in a hundred of those that have a rare figure is that', () => {
    const random = new SeededRandom('rare');
    const rare = Array.from({ length: DRAWS }, () => draw(STAGES.visibility, random)).filter(
      (ms) => ms === STAGES.visibility.rare,
    );
    expect(rare.length / DRAWS).toBeCloseTo(0.01, 2);
  });

  test('the factor makes every delay shorter, and no rate higher', () => {
    const clock = new ManualClock();
    const at = (factor: number) => new Realism({ clock, random: new SeededRandom('same'), factor });
    const [whole, tenth] = [at(1), at(0.1)];
    for (const stage of Object.keys(STAGES) as (keyof typeof STAGES)[]) {
      expect(tenth.delayMs(stage)).toBeCloseTo(whole.delayMs(stage) / 10, 6);
    }
    const admitted = (realism: Realism) =>
      Array.from({ length: 30 }, () => realism.admits('elbv2', 'CreateRule')).filter(Boolean).length;
    expect(admitted(tenth)).toBe(admitted(whole));
  });
});

describe('buckets', () => {
  const times = (n: number, call: () => boolean) => Array.from({ length: n }, call).filter(Boolean).length;

  test('grant the burst at once and the rate in the long run', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ clock });
    const create = () => limiter.admits('ecs', 'CreateService');
    expect(times(100, create)).toBe(50);
    await clock.advance(1_000);
    expect(times(100, create)).toBe(5);
    let granted = 0;
    for (let s = 0; s < 100; s += 1) {
      await clock.advance(1_000);
      granted += times(20, create);
    }
    expect(granted).toBe(500);
  });

  test('are shared by their operations, and by no others', () => {
    const limiter = new Limiter({ clock: new ManualClock() });
    expect(times(50, () => limiter.admits('elbv2', 'CreateRule'))).toBe(20);
    expect(limiter.admits('elbv2', 'DeleteTargetGroup')).toBe(false);
    expect(limiter.admits('elbv2', 'DescribeRules')).toBe(true);
    expect(limiter.admits('ecs', 'CreateService')).toBe(true);
  });

  test('what is in no bucket is never refused', () => {
    const limiter = new Limiter({ clock: new ManualClock() });
    expect(times(10_000, () => limiter.admits('dynamodb', 'PutItem'))).toBe(10_000);
  });

  test('strict: all calls to load balancing also share one bucket', () => {
    const limiter = new Limiter({ clock: new ManualClock(), strict: true });
    const lenient = new Limiter({ clock: new ManualClock() });
    expect(times(300, () => lenient.admits('elbv2', 'DescribeRules'))).toBe(200);
    expect(times(300, () => limiter.admits('elbv2', 'DescribeRules'))).toBe(STRICT_ELBV2.burst);
    expect(limiter.admits('elbv2', 'CreateRule')).toBe(false);
  });

  test('a call that one of its buckets refuses takes nothing from the others', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter({ clock, strict: true });
    expect(times(100, () => limiter.admits('elbv2', 'CreateRule'))).toBe(20);
    expect(times(100, () => limiter.admits('elbv2', 'DescribeRules'))).toBe(20);
  });
});

test.each([
  ['ecs', EcsModel],
  ['elbv2', Elbv2Model],
] as const)('every operation of %s that is modelled draws from one bucket', (service, model) => {
  const own = ['constructor', 'start', 'stop', 'rulesOf', 'targetsOf'];
  const modelled = Object.getOwnPropertyNames(model.prototype)
    .filter((name) => !own.includes(name))
    .map((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`);
  const throttled = (THROTTLES[service] ?? []).flatMap(({ operations }) => operations);
  expect(throttled).toEqual(expect.arrayContaining(modelled));
  expect(new Set(throttled).size).toBe(throttled.length);
});

describe("the client's own buckets", () => {
  const calls = Object.entries(BUCKET_OF).flatMap(([service, buckets]) =>
    Object.entries(buckets as Readonly<Record<string, BucketName>>).map(
      ([call, bucket]) => [service, `${call.charAt(0).toUpperCase()}${call.slice(1)}`, bucket] as const,
    ),
  );

  test.each(calls)('%s %s is sent no faster than AWS takes it', (service, operation, name) => {
    const server = THROTTLES[service]?.find(({ operations }) => operations.includes(operation));
    const client = BUCKETS[name];
    expect(server, 'AWS throttles every call that the controller makes').toBeDefined();
    expect(client.perSecond).toBeLessThanOrEqual(server?.perSecond ?? 0);
    expect(client.burst).toBeLessThanOrEqual(server?.burst ?? 0);
    // Calls that AWS counts together have to be counted together here.
    for (const other of server?.operations ?? []) {
      const also = calls.find(([own, called]) => own === service && called === other);
      if (also) expect(BUCKETS[also[2]]).toBe(client);
    }
  });

  test('the strict one is no faster either', () => {
    expect(BUCKETS.elb_account.perSecond).toBeLessThanOrEqual(STRICT_ELBV2.perSecond);
    expect(BUCKETS.elb_account.burst).toBeLessThanOrEqual(STRICT_ELBV2.burst);
  });
});
