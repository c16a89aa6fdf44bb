import { expect, test } from 'vitest';
import { Survey } from '../../controller/survey.ts';
import type { Vitals } from '../../controller/vitals.ts';
import { reportVitals } from '../../controller/vitals-report.ts';
import { WorkQueue } from '../../controller/work-queue.ts';
import { createLog } from '../../platform/log.ts';
import { ManualClock } from '../fakes/clock.ts';
import type { Plan } from './plan.ts';
import type { Variant } from './variants.ts';

interface Alarm {
  alarm_name: string;
  alarm_description: string;
  namespace: string;
  metric_name: string;
  alarm_actions: string[];
  ok_actions: string[];
  treat_missing_data: string;
}

interface MetricFilter {
  pattern: string;
  metric_transformation: { namespace: string; name: string; value: string }[];
}

/** What a leader that knows everything writes once a minute. */
async function vitalsLine(): Promise<Record<string, unknown>> {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  const queue = new WorkQueue({ clock, concurrency: 1, run: async () => undefined });
  const survey = new Survey(clock.now());
  const vitals: Vitals = {
    since: clock.now(),
    queue,
    survey,
    streamLagS: 0,
    orphans: 0,
    sweepStopped: false,
  };
  const end = new AbortController();
  const ended = reportVitals(vitals, { clock, log }, end.signal);
  await clock.advance(1_000);
  end.abort();
  await ended;
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

export function alarms(plan: Plan, { install }: Variant): void {
  const all = plan.of('aws_cloudwatch_metric_alarm').map(({ values }) => values as unknown as Alarm);
  const filters = plan
    .of('aws_cloudwatch_log_metric_filter')
    .map(({ values }) => values as unknown as MetricFilter);

  test('every alarm says what to do, and tells whoever is to be told', () => {
    expect(all.length).toBeGreaterThan(10);
    for (const { alarm_name, alarm_description, alarm_actions, ok_actions } of all) {
      expect(alarm_description, alarm_name).toMatch(/\. See |\. Look at |`tempus gc`/);
      expect([alarm_actions, ok_actions]).toEqual([
        ['arn:aws:sns:us-east-1:123456789012:on-call'],
        ['arn:aws:sns:us-east-1:123456789012:on-call'],
      ]);
    }
  });

  test('there is an alarm for each way in which an install goes wrong', () => {
    const names = all.map(({ alarm_name }) => alarm_name.slice(install.length + 1)).toSorted();
    expect(names).toEqual([
      'api-5xx',
      'api-down',
      'breaker',
      'expire-errors',
      'expire-schedule',
      'expire-silent',
      'fuse-errors',
      'leader-silent',
      'observe-errors',
      'orphans',
      'overdue',
      'stream-lag',
      'sweep',
    ]);
    for (const { alarm_name, treat_missing_data } of all)
      expect(treat_missing_data, alarm_name).toBe(
        /silent|down/.test(alarm_name) ? 'breaching' : 'notBreaching',
      );
  });

  test('what alarms and dashboard read of the leader, the leader writes', async () => {
    const line = await vitalsLine();
    const written = new Map<string, string>();
    for (const { pattern, metric_transformation } of filters) {
      expect(pattern).toBe(`{ $.msg = "${String(line['msg'])}" }`);
      const [{ namespace, name, value }] = metric_transformation as [
        MetricFilter['metric_transformation'][0],
      ];
      if (value !== '1') expect(typeof line[value.replace(/^\$\./, '')], value).toBe('number');
      written.set(name, namespace);
    }
    const own = all.filter(({ namespace }) => !namespace.startsWith('AWS/'));
    expect(own.length).toBeGreaterThan(4);
    for (const { metric_name, namespace } of own) expect(written.get(metric_name)).toBe(namespace);
  });

  test('no log is kept for ever', () => {
    const groups = plan.of('aws_cloudwatch_log_group').map(({ values }) => values);
    expect(groups.length).toBe(5);
    for (const { name, retention_in_days } of groups) expect(retention_in_days, String(name)).toBe(14);
  });
}
