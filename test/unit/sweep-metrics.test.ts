import { expect, test } from 'vitest';
import { ControllerMetrics } from '../../controller/metrics.ts';
import type { Vitals } from '../../controller/vitals.ts';
import { WorkQueue } from '../../controller/work-queue.ts';
import { Metrics } from '../../platform/metrics.ts';
import type { SweepReport } from '../../preview/sweep-board.ts';
import { ManualClock } from '../fakes/clock.ts';

const REPORT: SweepReport = {
  at: '2026-01-01T00:00:00Z',
  orphans: [],
  deleted: [],
  kept: [],
  aborted: null,
  breaker: null,
  request_id: null,
};
const breaker = { previews: 9, allowed: 3 };

test('sweeps and orphans are counted from the start, and the alarm is on only while a leader is stopped', async () => {
  const clock = new ManualClock();
  const registry = new Metrics();
  const queue = new WorkQueue({ clock, concurrency: 1, run: async () => undefined });
  let vitals: Vitals | undefined = { since: clock.now(), queue };
  const metrics = new ControllerMetrics({ metrics: registry, albs: [], vitals: () => vitals });
  const value = async (line: string) => new RegExp(`^${line} (.*)$`, 'm').exec(await registry.text())?.[1];

  expect(await value('tempus_sweeps_total{outcome="stopped"}')).toBe('0');
  expect(await value('tempus_orphans_total{kind="slot"}')).toBe('0');
  expect(await value('tempus_sweep_breaker_tripped')).toBe('0');
  metrics.onSwept({ ...REPORT, breaker });
  vitals.sweepStopped = true;
  expect(await value('tempus_sweeps_total{outcome="stopped"}')).toBe('1');
  expect(await value('tempus_sweep_breaker_tripped')).toBe('1');
  // A standby has no alarm of its own: a sum over all controllers stays right.
  vitals = undefined;
  expect(await value('tempus_sweep_breaker_tripped')).toBe('0');
});
