import { type Command, InvalidArgumentError } from 'commander';
import type { SweepStatus } from '../../client/types.ts';
import type { Orphan, SweepReport } from '../../preview/sweep-board.ts';
import type { Context } from '../context.ts';
import { formatSpan } from '../../platform/span.ts';
import { Exit } from '../exit-codes.ts';
import { formatTable } from '../table.ts';
import { hours } from '../arguments.ts';

interface GcOptions {
  yes?: boolean;
  max?: number;
  timeout: number;
  json?: boolean;
}

const HEADER = ['KIND', 'PREVIEW', 'WHY', 'SEEN FOR', 'STATE', 'NAME'];

export function addGc(program: Command, context: () => Context): void {
  program
    .command('gc')
    .description(
      'show what is left over of previews that are gone; delete more of it than a sweep does by itself',
    )
    .option('--yes', 'let one sweep go on although its breaker has stopped it')
    .option('--max <previews>', 'how many previews it may take; needed with --yes', count)
    .option('--timeout <time>', 'how long to wait for that sweep', hours, 15 / 60)
    .option('--json', 'the same as -o json')
    .addHelpText(
      'after',
      '\nWithout --yes nothing is asked for. Sweeps delete a few leftovers by themselves, every two minutes.' +
        '\nA resource with the tag tempus:keep stays.' +
        '\n\nExamples:\n  tempus gc\n  tempus gc --yes --max 12',
    )
    .action(async (options: GcOptions) => {
      const given = context();
      const own = options.json ? { ...given, format: 'json' as const } : given;
      const { yes, max, timeout } = options;
      if (!yes && max !== undefined) {
        throw new Exit('usage', '--max does nothing by itself', 'it says how far --yes goes', 'add --yes');
      }
      if (!yes) return show(await own.client.sweep(), own);
      if (max === undefined) {
        const why = 'a number that you have looked up keeps a mistake from taking everything';
        throw new Exit('usage', '--yes needs --max', why, 'tempus gc tells how many previews wait');
      }
      show(await askFor(max, timeout * 3_600_000, own), own);
    });
}

function count(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('it must be a whole number, 1 or more');
  return Number(text);
}

/** Asks, and waits for the sweep that answers. Exits with a code of its own when that one would not go so far. */
async function askFor(max: number, timeoutMs: number, context: Context): Promise<SweepStatus> {
  const { client, tell } = context;
  const { request_id } = await client.requestSweep(max);
  tell(
    `Asked for a sweep of up to ${max} preview${max === 1 ? '' : 's'}; waiting until there is something to take …`,
  );
  const status = await answerTo(request_id, timeoutMs, context);
  const breaker = status.report?.breaker;
  if (!breaker) return status;
  throw new Exit(
    'conflict',
    `${breaker.previews} previews would lose something, more than ${max}`,
    'nothing was deleted, and the request is used up',
    `look at them with tempus gc, then: tempus gc --yes --max ${breaker.previews}`,
  );
}

const POLL_MS = 500;

async function answerTo(
  request_id: string,
  timeoutMs: number,
  { client, clock, interrupted }: Context,
): Promise<SweepStatus> {
  const end = clock.monotonic() + timeoutMs;
  while (!interrupted.aborted && clock.monotonic() < end) {
    const status = await client.sweep();
    if (status.report?.request_id === request_id) return status;
    if (status.request?.request_id !== request_id) {
      const why = `it is for up to ${status.request?.max ?? 0} previews, by ${status.request?.by ?? 'nobody'}`;
      throw new Exit('conflict', 'another request has taken the place of this one', why, 'tempus gc');
    }
    await clock.sleep(POLL_MS, interrupted);
  }
  if (interrupted.aborted) {
    const detail = 'the request stands until a sweep uses it, for an hour at most';
    throw new Exit('interrupted', 'stopped waiting', detail, 'tempus gc');
  }
  const detail = 'the controller may be down, or what it is meant for may still be too young';
  throw new Exit('timed_out', `no sweep has answered after ${formatSpan(timeoutMs)}`, detail, 'tempus gc');
}

function show(status: SweepStatus, { clock, format, out }: Context): void {
  const { report } = status;
  if (format === 'json') return out(JSON.stringify(status, undefined, 2));
  if (!report) return out('No sweep has reported yet.');
  if (format === 'id') return [...new Set(report.orphans.map(({ id }) => id))].forEach(out);
  describe(report, clock.now()).forEach(out);
  if (status.request?.open) out(`A request for up to ${status.request.max} previews waits for a sweep.`);
}

function describe(report: SweepReport, now: Date): string[] {
  const { orphans, deleted, kept, breaker, aborted, left_out } = report;
  const rows = (list: readonly Orphan[], state: (orphan: Orphan) => string) =>
    list.map((orphan) => rowOf(orphan, state(orphan), now));
  const all = [
    ...rows(orphans, ({ held_by }) => {
      if (breaker) return 'stopped by the breaker';
      return held_by === undefined ? 'goes once seen for long enough' : `held by ${held_by}`;
    }),
    ...rows(deleted, () => 'deleted'),
    ...rows(kept, () => 'kept by tempus:keep'),
  ];
  return [
    ...(all.length === 0 ? ['Nothing is left over.'] : formatTable(HEADER, all)),
    ...(left_out === undefined ? [] : [`${left_out} more are not shown.`]),
    ...(aborted === null ? [] : [`The last sweep was aborted (${aborted}); this is what was known before.`]),
    ...(breaker ? [`The breaker has stopped the sweep: ${breakerLine(breaker)}`] : []),
  ];
}

function breakerLine({ previews, allowed }: NonNullable<SweepReport['breaker']>): string {
  return `${previews} previews would lose something, ${allowed} may. If that is right: tempus gc --yes --max ${previews}`;
}

function rowOf({ kind, id, reason, first_seen_at, name }: Orphan, state: string, now: Date): string[] {
  return [kind, id, reason, formatSpan(now.getTime() - Date.parse(first_seen_at)), state, name];
}
