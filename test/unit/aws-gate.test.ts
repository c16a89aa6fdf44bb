import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketsOf } from '../../aws/buckets.ts';
import { GateBusyError } from '../../aws/errors.ts';
import { gated, type GateDeps } from '../../aws/gated.ts';
import { type AwsPorts, CALLS } from '../../aws/ports.ts';
import { ManualClock, settle } from '../fakes/clock.ts';

interface Arrival {
  at: number;
  call: string;
  name: string;
}

function throttled(): Error {
  return Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
}

/** AWS as far as a gate sees it: it notes what arrives and when, and refuses while it is told to. */
function world(deps: Partial<GateDeps> = {}) {
  const clock = new ManualClock();
  const arrivals: Arrival[] = [];
  const aws = { refuses: () => false, latency: 0 };
  const callOf = (call: string) => async (input: { name: string }) => {
    arrivals.push({ at: clock.monotonic(), call, name: input.name });
    const refused = aws.refuses();
    if (aws.latency > 0) await clock.sleep(aws.latency);
    if (refused) throw throttled();
    return {};
  };
  const ports = Object.fromEntries(
    Object.entries(CALLS).map(([service, calls]) => [
      service,
      Object.fromEntries(calls.map((call) => [call, callOf(call)])),
    ]),
  ) as unknown as AwsPorts;
  const gate = gated(ports, { clock, rate_share: 1, ...deps });
  const ask = (service: keyof AwsPorts, call: string, name = call) =>
    (gate[service] as unknown as Record<string, (input: unknown) => Promise<unknown>>)[call]!({ name });
  return { clock, arrivals, aws, ask };
}

describe('the gate', () => {
  test('every call of every port has a bucket', () => {
    for (const [service, calls] of Object.entries(CALLS))
      for (const call of calls) expect(bucketsOf(service as keyof AwsPorts, call, false)).toHaveLength(1);
  });

  test('a call that need not wait goes out in the turn in which it is made, and leaves no timer', async () => {
    const { clock, arrivals, ask } = world();
    const answer = ask('elbv2', 'createRule');
    expect(arrivals).toHaveLength(1);
    await answer;
    expect(clock.pending).toBe(0);
  });

  test('lets calls through in the order in which they came, deletes first', async () => {
    const kinds = fc.constantFrom('createRule', 'modifyTargetGroup', 'deleteRule', 'deleteTargetGroup');
    await fc.assert(
      fc.asyncProperty(fc.array(kinds, { minLength: 1, maxLength: 25 }), async (calls) => {
        const { clock, arrivals, ask } = world();
        const burst = Array.from({ length: 20 }, () => ask('elbv2', 'createRule'));
        const waiting = calls.map((call, n) => ask('elbv2', call, String(n)));
        await clock.advance(20_000);
        await Promise.all([...burst, ...waiting]);
        const asked = calls.map((call, n) => ({ call, name: String(n) }));
        const isDelete = ({ call }: { call: string }) => call.startsWith('delete');
        const expected = [...asked.filter(isDelete), ...asked.filter((one) => !isDelete(one))];
        expect(arrivals.slice(20).map(({ call, name }) => ({ call, name }))).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  test('holds calls back to the share of what AWS grants, and no longer than it has to', async () => {
    const { clock, arrivals, ask } = world({ rate_share: 0.5 });
    const calls = Array.from({ length: 25 }, () => ask('elbv2', 'createRule'));
    await clock.advance(60_000);
    await Promise.all(calls);
    // Half of AWS's 20 at once, then half of its 3 a second.
    expect(arrivals.filter(({ at }) => at === 0)).toHaveLength(10);
    expect(arrivals.at(-1)?.at).toBeGreaterThanOrEqual(10_000);
    expect(arrivals.at(-1)?.at).toBeLessThan(10_050);
  });

  test('a full bucket keeps no other waiting', async () => {
    const { arrivals, ask } = world();
    for (let n = 0; n < 30; n += 1) void ask('elbv2', 'createRule').catch(() => undefined);
    void ask('elbv2', 'describeRules');
    void ask('ecs', 'createService');
    await settle();
    expect(arrivals.slice(20).map(({ call }) => call)).toEqual(['describeRules', 'createService']);
  });

  test('in strict mode all load balancing calls together keep within the account-wide bucket as well', async () => {
    const { clock, arrivals, ask } = world({ strict: true });
    const calls = Array.from({ length: 80 }, (_, n) =>
      ask('elbv2', n % 4 === 0 ? 'createRule' : 'describeTags'),
    );
    await clock.advance(30_000);
    await Promise.all(calls);
    expect(arrivals.filter(({ at }) => at === 0)).toHaveLength(40);
    for (const { at: from } of arrivals) {
      const within = arrivals.filter(({ at }) => at >= from && at <= from + 1_000);
      expect(within.length).toBeLessThanOrEqual(40 + 10);
      const writes = within.filter(({ call }) => call === 'createRule');
      expect(writes.length).toBeLessThanOrEqual(20 + 3);
    }
    expect(arrivals.at(-1)?.at).toBeLessThanOrEqual(4_100);
  });

  test('in strict mode, too, what waits for its own bucket keeps no other waiting', async () => {
    const { clock, arrivals, ask } = world({ strict: true });
    const writes = Array.from({ length: 25 }, () => ask('elbv2', 'createRule'));
    await ask('elbv2', 'describeRules');
    expect(arrivals.map(({ call }) => call).slice(20)).toEqual(['describeRules']);
    await clock.advance(2_000);
    await Promise.all(writes);
  });

  test('a call that would wait for more than a minute is refused as a throttle, unsent, and frees its worker', async () => {
    const { clock, arrivals, ask } = world({ rate_share: 0.01 });
    const first = ask('ecs', 'registerTaskDefinition');
    const outcomes = Promise.allSettled([first, ask('ecs', 'registerTaskDefinition')]);
    await clock.advance(59_999);
    expect(arrivals).toHaveLength(1);
    await clock.advance(1);
    const [, second] = await outcomes;
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(GateBusyError) });
    expect(clock.pending).toBe(0);
    await clock.advance(40_000);
    expect(arrivals).toHaveLength(1);
  });
});

describe('in a throttle storm', () => {
  test('one refusal holds back everybody who draws from the bucket, and nobody else', async () => {
    const { clock, arrivals, aws, ask } = world();
    aws.refuses = () => true;
    await expect(ask('elbv2', 'createRule')).rejects.toThrow('Rate exceeded');
    aws.refuses = () => false;
    const held = ask('elbv2', 'createTargetGroup');
    await ask('elbv2', 'describeRules');
    expect(arrivals.map(({ call }) => call)).toEqual(['createRule', 'describeRules']);
    await clock.advance(700);
    await held;
    expect(arrivals).toHaveLength(3);
  });

  /** 50 previews of 20 calls each, one a second; a call that fails is tried again after 1 s, then 2 s, up to 5 min. */
  async function lives(stormMs: number) {
    const { clock, arrivals, aws, ask } = world();
    aws.latency = 100;
    aws.refuses = () => clock.monotonic() >= 5_000 && clock.monotonic() < 5_000 + stormMs;
    let alive = 50;
    const live = async () => {
      let failures = 0;
      for (let done = 0; done < 20;) {
        try {
          await ask('elbv2', 'describeTargetHealth');
          done += 1;
          failures = 0;
          await clock.sleep(1_000);
        } catch {
          await clock.sleep(Math.min(300_000, 1_000 * 2 ** failures));
          failures += 1;
        }
      }
      alive -= 1;
    };
    const all = Promise.all(Array.from({ length: 50 }, live));
    for (let s = 0; s < 3_000 && alive > 0; s += 1) await clock.advance(1_000);
    expect(alive).toBe(0);
    await all;
    return arrivals.length;
  }

  test.each([10_000, 60_000, 300_000])(
    'of %i ms the previews make at most half as many calls again',
    async (stormMs) => {
      const calm = await lives(0);
      expect(calm).toBe(1_000);
      expect(await lives(stormMs)).toBeLessThanOrEqual(1.5 * calm);
    },
    30_000,
  );
});
