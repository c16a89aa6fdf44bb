import { describe, expect, test } from 'vitest';
import { BUCKETS } from '../../aws/buckets.ts';
import { attribute, type Held, heldCalls, type Shares } from '../bench/ready/attribution.ts';
import { rateFloors } from '../bench/ready/rate-floor.ts';
import { quantile, report, tempusPart } from '../bench/ready/report.ts';
import type { Call, Timeline } from '../bench/ready/timeline.ts';

function call(from: number, to: number, operation: string, own: Partial<Call> = {}): Call {
  const service = operation.endsWith('Item') ? 'dynamodb' : 'elbv2';
  return { from, to, service, operation, subject: operation, ok: true, shared: false, ...own };
}

const row = (at: number) => call(at, at + 5, 'GetItem', { subject: 'row' });

/** A short life: the record, a pass that makes a target group and a rule, a stage of AWS, and a pass that sees its end. */
const life: Timeline = {
  id: 'one',
  from: 0,
  to: 1_000,
  stages: [
    { stage: 'stream_record', from: 20, to: 100 },
    { stage: 'steady_state', from: 400, to: 700 },
    { stage: 'rule_live', from: 860, to: 900 },
  ],
  calls: [
    call(10, 20, 'PutItem'),
    row(150),
    call(160, 200, 'DescribeTargetGroups', { ok: false }),
    call(230, 260, 'CreateTargetGroup'),
    call(270, 300, 'DescribeRules', { shared: true }),
    call(350, 400, 'CreateRule'),
    // A poll while AWS is at it costs nothing.
    row(500),
    call(510, 550, 'DescribeTargetGroups'),
    row(720),
    call(725, 765, 'DescribeTargetGroups'),
    call(815, 835, 'DescribeTargetHealth'),
    call(840, 860, 'ModifyRule', { subject: 'open' }),
    row(950),
    call(990, 1_000, 'UpdateItem'),
  ],
};

const none = new Map<Held, number>();
/** Each call of a scarce bucket with how long AWS would have held it back, by when it went. */
const floorsOf = (ms: (went: number) => number) =>
  new Map(heldCalls(life).map((held) => [held, ms(held.went)]));
const total = (shares: Shares) => Object.values(shares).reduce((all, one) => all + one, 0);

describe('attribution', () => {
  test('every millisecond between the request and Ready belongs to exactly one part', () => {
    expect(total(attribute(life, none))).toBe(1_000);
    for (const held of [7, 1_000])
      expect(
        total(
          attribute(
            life,
            floorsOf(() => held),
          ),
        ),
      ).toBe(1_000);
  });

  test("what AWS is at is AWS's, whatever Tempus does meanwhile; a call is AWS's; the rest is Tempus's", () => {
    expect(attribute(life, none)).toMatchObject({
      stream_record: 80,
      steady_state: 300,
      rule_live: 40,
      api: 10,
      // Until the pass after the stream, after the end of the rollout, and after the rule was live.
      idle: 50 + 20 + 50,
      // Before CreateTargetGroup, CreateRule and ModifyRule.
      share: 30 + 50 + 5,
      computing: 5 + 10 + 50 + 35,
      calls: 10 + 5 + 40 + 30 + 30 + 50 + 5 + 20 + 20 + 5 + 10,
    });
  });

  test("a look that was taken before, at what only Tempus changes, is Tempus's", () => {
    // The first answer was that there is no such group, so the second look was worth it; the third was not.
    expect(attribute(life, none).again).toBe(40);
  });

  test('what runs beside a call that is needed costs nothing', () => {
    const { calls } = life;
    const beside = [...calls, call(725, 765, 'DescribeServices')].toSorted((a, b) => a.from - b.from);
    expect(attribute({ ...life, calls: beside }, none)).toMatchObject({ again: 0, calls: 225 + 40 });
  });

  test('a question that waits for others to join says so', () => {
    const calls = life.calls.map((one) =>
      one.operation === 'DescribeTargetHealth' ? { ...one, operation: 'DescribeTags' } : one,
    );
    expect(attribute({ ...life, calls }, none).joining).toBe(50);
  });

  test("of Tempus's time before a call AWS's rates have their part, and never more than there is", () => {
    expect(heldCalls(life).map(({ asked, went, need }) => [asked, went, need])).toEqual([
      [100, 230, 45],
      [260, 350, 30],
      [700, 840, 25],
    ]);
    expect(
      attribute(
        life,
        floorsOf((went) => (went === 350 ? 20 : 0)),
      ),
    ).toMatchObject({ rates: 20, share: 75 });
    // The queue before the pass comes first: whoever is held back there waits for the same token.
    expect(
      attribute(
        life,
        floorsOf((went) => (went === 230 ? 60 : 0)),
      ),
    ).toMatchObject({ rates: 60, idle: 70 });
    const all = attribute(
      life,
      floorsOf(() => 10_000),
    );
    expect(all).toMatchObject({ share: 0, rates: 85 + 60 + 115 });
    expect(total(all)).toBe(1_000);
  });

  test('the calls of other previews that happen meanwhile are not waited for', () => {
    const others = [305, 320, 330].map((at) =>
      call(at, at + 8, 'GetItem', { shared: true, subject: 'slots' }),
    );
    const calls = [...life.calls, ...others].toSorted((a, b) => a.from - b.from);
    expect(attribute({ ...life, calls }, none)).toEqual(attribute(life, none));
  });
});

describe("AWS's rates", () => {
  const { burst, perSecond } = BUCKETS.elb_modify;
  const modify = (n: number, asked: number, went: number): Held => ({
    id: `preview-${n}`,
    bucket: 'elb_modify',
    asked,
    went,
    need: 0,
  });
  const floors = (all: readonly Held[]) => {
    const map = rateFloors(all);
    return all.map((held) => Math.round(map.get(held) ?? NaN));
  };

  test('a burst is free, and what is above it waits for the rate', () => {
    const late = 60_000;
    const all = Array.from({ length: burst + 3 }, (_, n) => modify(n, 0, late + n));
    const gap = 1_000 / perSecond;
    expect(floors(all)).toEqual([...Array<number>(burst).fill(0), gap, 2 * gap, 3 * gap].map(Math.round));
  });

  test('what a call waited for beyond that is not put down to AWS when its preview goes on', () => {
    // Held back by somebody else for 10 s each: AWS would have taken all three at once.
    expect(floors([modify(1, 0, 10_000), modify(1, 10_100, 20_000), modify(1, 20_100, 30_000)])).toEqual([
      0, 0, 0,
    ]);
  });

  test('no call is said to have waited for longer than it did', () => {
    expect(floors(Array.from({ length: 2 * burst }, (_, n) => modify(n, 0, n)))).toEqual(
      Array.from({ length: 2 * burst }, (_, n) => Math.min(n, n < burst ? 0 : n)),
    );
  });

  test('the looks before a call pass while its token comes', () => {
    const all = Array.from({ length: burst + 1 }, (_, n) => ({ ...modify(n, 0, 60_000 + n), need: 200 }));
    expect(floors(all).at(-1)).toBe(Math.round(1_000 / perSecond));
    const later = { ...modify(burst, 0, 60_500), need: 10_000 };
    expect(floors([...all.slice(0, burst), later]).at(-1)).toBe(0);
  });

  test('a preview that would be far ahead by now does not hold up one that would not', () => {
    const slow = [modify(1, 0, 30_000), modify(1, 30_100, 30_200)];
    expect(floors([...slow, modify(2, 29_000, 30_100)])).toEqual([0, 0, 0]);
  });

  test('buckets are apart', () => {
    const all = Array.from({ length: burst }, (_, n) => modify(n, 0, n));
    expect(
      floors([...all, { id: 'x', bucket: 'service_modify', asked: 0, went: 9_000, need: 0 }]).at(-1),
    ).toBe(0);
  });
});

test("the report adds up what is AWS's and what is Tempus's", () => {
  const shares = attribute(life, none);
  const text = report([shares, shares]).join('\n');
  expect(tempusPart(shares)).toBe(10 + 120 + 85 + 100 + 40);
  expect(text).toMatch(/^Tempus, together +0\.3[56] +0\.3[56] +0\.3[56]$/m);
  expect(text).toMatch(/^from the request to Ready +1\.00 +1\.00 +1\.00$/m);
  expect([0.5, 0.95, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([2, 4, 4]);
});
