import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { print } from '../../../platform/terminal.ts';
import { report } from './report.ts';
import { sharesOf, timelinesOf } from './run.ts';

/**
 * How long previews take to be Ready where AWS takes as long as it does, and how much of that is Tempus's: attribution.ts
 * says what is whose. By default they come one by one, no faster than half of AWS's rates bears.
 */
const { values } = parseArgs({
  options: {
    previews: { type: 'string', default: '50' },
    every: { type: 'string', default: '5s' },
    'at-once': { type: 'boolean', default: false },
    realism: { type: 'string', default: '1' },
    'rate-share': { type: 'string', default: '0.5' },
    vcpus: { type: 'string', default: '64' },
    json: { type: 'string' },
  },
});

function number(name: 'previews' | 'realism' | 'rate-share' | 'vcpus', most = Infinity): number {
  const value = Number(values[name]);
  if (!(value > 0 && value <= most))
    throw new Error(`--${name} takes a number above 0${most === Infinity ? '' : `, at most ${most}`}`);
  return value;
}

function everyMs(): number {
  if (values['at-once']) return 0;
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(values.every) ?? [];
  if (amount === undefined) throw new Error('--every takes a duration, such as 500ms or 2s');
  return Number(amount) * (unit === 's' ? 1_000 : 1);
}

const every_ms = everyMs();
const rate_share = number('rate-share', 1);
const previews = number('previews', 95);
const realism = number('realism', 1);
const timelines = await timelinesOf({
  previews,
  every_ms,
  realism,
  rate_share,
  vcpus: number('vcpus'),
  within_ms: 900_000,
});
const shares = sharesOf(timelines);
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ timelines, shares }));
const pace = every_ms === 0 ? 'at once' : `one every ${every_ms / 1_000} s`;
print(`${previews} previews, ${pace}; ${realism} of AWS's delays, ${rate_share} of its rates`);
print(
  `load average ${loadavg()
    .map((load) => load.toFixed(1))
    .join(', ')} on ${cpus().length} processors`,
);
for (const line of report(shares)) print(line);
