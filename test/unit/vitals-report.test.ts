import { expect, test } from 'vitest';
import { reportVitals } from '../../controller/vitals-report.ts';
import { Survey } from '../../controller/survey.ts';
import type { Vitals } from '../../controller/vitals.ts';
import { WorkQueue } from '../../controller/work-queue.ts';
import { createLog } from '../../platform/log.ts';
import type { PreviewRow } from '../../preview/record.ts';
import { ManualClock } from '../fakes/clock.ts';

const MINUTE_MS = 60_000;

test('a leader tells its log every minute how it goes, what it does not know yet left out, until its term ends', async () => {
  const clock = new ManualClock();
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  const queue = new WorkQueue({ clock, concurrency: 1, run: async () => undefined });
  const vitals: Vitals = { since: clock.now(), queue };
  const end = new AbortController();
  const ended = reportVitals(vitals, { clock, log }, end.signal);

  await clock.advance(1_000);
  expect(lines).toEqual([
    { level: 30, time: expect.any(String) as string, msg: 'reported vitals', queue_depth: 0 },
  ]);

  vitals.survey = new Survey(clock.now());
  const expires_at = new Date(clock.now().getTime() - 90_000).toISOString();
  vitals.survey.add({ phase: 'Ready', expires_at, status: {} } as PreviewRow);
  Object.assign(vitals, { streamLagS: 0.5, orphans: 2, sweepStopped: true });
  await clock.advance(MINUTE_MS);
  expect(lines[1]).toMatchObject({ previews: 1, overdue_s: 90, stream_lag_s: 0.5, orphans: 2, breaker: 1 });

  end.abort();
  await ended;
  await clock.advance(10 * MINUTE_MS);
  expect(lines).toHaveLength(2);
});
