/** When a schedule fires: once, or again and again. */
export type Timing = { kind: 'at'; at: Date } | { kind: 'rate'; minutes: number };

const AT = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/;
const RATE = /^rate\(([1-9]\d*) (minutes?|hours?|days?)\)$/;
const MINUTES: Readonly<Record<string, number>> = { minute: 1, hour: 60, day: 1440 };

/** Parses `at(…)` and `rate(…)` in UTC; answers what is wrong with anything else. cron(…) is not modelled. */
export function parseExpression(expression: string, timezone: string | undefined): Timing | string {
  if (timezone !== undefined && timezone !== 'UTC') return 'ScheduleExpressionTimezone: only UTC is modelled';
  if (expression.startsWith('cron(')) return 'ScheduleExpression: cron is not modelled; use rate or at';
  const at = AT.exec(expression)?.[1];
  if (at !== undefined) {
    const date = new Date(`${at}Z`);
    return Number.isNaN(date.getTime())
      ? `Invalid Schedule Expression ${expression}.`
      : { kind: 'at', at: date };
  }
  const [, count, unit] = RATE.exec(expression) ?? [];
  if (count === undefined || unit === undefined) return `Invalid Schedule Expression ${expression}.`;
  return { kind: 'rate', minutes: Number(count) * (MINUTES[unit.replace(/s$/, '')] ?? 1) };
}
