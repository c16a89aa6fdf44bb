import { expect, test } from 'vitest';
import { reportVitals } from '../../controller/vitals-report.ts';
import { Survey } from '../../controller/survey.ts';
import { noteSweep, type Vitals } from '../../controller/vitals.ts';
import { WorkQueue } from '../../controller/work-queue.ts';
import { createLog } from '../../platform/log.ts';
import type { PreviewRow } from '../../preview/record.ts';
import { ManualClock } from '../fakes/clock.ts';

const ORPHAN = { kind: 'service', name: 'a', id: 'a', reason: 'NoRecord', first_seen_at: '' };
const SWEEP = { at: '', orphans: [], deleted: [], kept: [], aborted: null, breaker: null, request_id: null };
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
    {
      level: 30,
      time: expect.any(String) as string,
      msg: 'reported vitals',
      queue_depth: 0,
      stream_lag_s: 1,
      sweep_age_s: 1,
    },
  ]);

  vitals.survey = new Survey(clock.now());
  const expires_at = new Date(clock.now().getTime() - 90_000).toISOString();
  vitals.survey.add({ phase: 'Ready', expires_at, status: {} } as PreviewRow);
  vitals.streamLagS = 0.5;
  noteSweep(
    vitals,
    { ...SWEEP, orphans: [ORPHAN, ORPHAN], breaker: { previews: 9, allowed: 3 } },
    clock.now(),
  );
  await clock.advance(MINUTE_MS);
  expect(lines[1]).toMatchObject({ previews: 1, overdue_s: 90, stream_lag_s: 0.5, orphans: 2, breaker: 1 });
  expect(lines[1]).toMatchObject({ sweep_age_s: 60 });

  // What it could not look at it does not call well, and how long that has been so can be seen.
  noteSweep(vitals, { ...SWEEP, aborted: 'AccessDenied' }, clock.now());
  await clock.advance(MINUTE_MS);
  expect(lines[2]).toMatchObject({ orphans: 2, breaker: 1, sweep_age_s: 120 });

  end.abort();
  await ended;
  await clock.advance(10 * MINUTE_MS);
  expect(lines).toHaveLength(3);
});
