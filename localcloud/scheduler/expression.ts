import { invalid } from './errors.ts';

/** When a schedule fires: once, or again and again. */
export type Timing = { kind: 'at'; at: Date } | { kind: 'rate'; minutes: number };

const AT = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/;
const RATE = /^rate\(([1-9]\d*) (minute|hour|day)s?\)$/;
const MINUTES: Readonly<Record<string, number>> = { minute: 1, hour: 60, day: 1440 };

/** Parses `at(…)` and `rate(…)` in UTC. Throws ValidationException for anything else; cron(…) is not modelled. */
export function parseExpression(expression: string): Timing {
  if (expression.startsWith('cron('))
    throw invalid('ScheduleExpression: cron is not modelled; use rate or at');
  const wrong = invalid(`Invalid Schedule Expression ${expression}.`);
  const text = AT.exec(expression)?.[1];
  if (text !== undefined) {
    const at = new Date(`${text}Z`);
    // Date takes the 30th of February for the 2nd of March.
    if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, text.length) !== text) throw wrong;
    return { kind: 'at', at };
  }
  const [, count, unit = ''] = RATE.exec(expression) ?? [];
  const minutes = Number(count) * (MINUTES[unit] ?? 1);
  if (!Number.isSafeInteger(minutes)) throw wrong;
  return { kind: 'rate', minutes };
}
