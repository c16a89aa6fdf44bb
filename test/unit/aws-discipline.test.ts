import { expect, test } from 'vitest';
import { CallMeter } from '../../aws/call-meter.ts';
import { disciplined } from '../../aws/discipline.ts';
import { GateMeter } from '../../aws/gate-meter.ts';
import { type AwsPorts, CALLS } from '../../aws/ports.ts';
import { Metrics } from '../../platform/metrics.ts';
import { ManualClock } from '../fakes/clock.ts';

/** A controller's ports over an AWS that notes what reaches it and refuses what it is told to. */
function world() {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const reached: string[] = [];
  const state = { leads: true, refuses: false };
  const callOf = (call: string) => async () => {
    reached.push(call);
    if (state.refuses) throw Object.assign(new Error('Rate exceeded'), { name: 'Throttling' });
    return {};
  };
  const aws = Object.fromEntries(
    Object.entries(CALLS).map(([service, calls]) => [
      service,
      Object.fromEntries(calls.map((call) => [call, callOf(call)])),
    ]),
  ) as unknown as AwsPorts;
  const ports = disciplined(new CallMeter(metrics, clock).measured(aws), {
    clock,
    rate_share: 0.5,
    batch_window_ms: 50,
    rules_shared_ms: 2_000,
    meter: new GateMeter(metrics),
    check: () => {
      if (!state.leads) throw new Error('not the leader');
    },
  });
  const value = async (line: string) => {
    const lines = (await metrics.text()).split('\n');
    return Number(
      lines
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')
        .at(-1),
    );
  };
  return { clock, reached, state, ports, value };
}

test('a change that has waited for its turn is not made by a controller that leads no more', async () => {
  const { clock, reached, state, ports } = world();
  const rule = {} as never;
  const changes = Promise.allSettled(Array.from({ length: 12 }, () => ports.elbv2.createRule(rule)));
  await clock.advance(0);
  state.leads = false;
  await clock.advance(10_000);
  const refused = (await changes).filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(2);
  expect(reached).toHaveLength(10);
});

test('every call is in the metrics from the start, and counted as AWS sees it', async () => {
  const { clock, ports, value } = world();
  for (const [service, calls] of Object.entries(CALLS)) {
    for (const call of calls)
      expect(
        await value(`tempus_aws_calls_total{service="${service}",call="${call}",outcome="throttle"}`),
      ).toBe(0);
  }
  const answers = ['a', 'b', 'c'].map((name) =>
    ports.ecs.describeServices({ cluster: 'c', services: [name] }),
  );
  await clock.advance(50);
  await Promise.all(answers);
  const counted = 'tempus_aws_calls_total{service="ecs",call="describeServices",outcome="ok"}';
  expect(await value(counted)).toBe(1);
});

test('the metrics show which bucket is slowed down, until it is itself again', async () => {
  const { clock, state, ports, value } = world();
  const rate = 'tempus_aws_gate_rate{bucket="elb_modify"}';
  expect(await value(rate)).toBe(1.5);
  state.refuses = true;
  await expect(ports.elbv2.createRule({} as never)).rejects.toThrow('Rate exceeded');
  expect(await value(rate)).toBe(0.75);
  expect(await value('tempus_aws_gate_rate{bucket="elb_read"}')).toBe(25);
  state.refuses = false;
  const next = ports.elbv2.createRule({} as never);
  await clock.advance(2_000);
  await next;
  await clock.advance(60_000);
  expect(await value(rate)).toBe(1.5);
});
