import type { Orphan, SweepReport } from '../../preview/sweep-board.ts';
import { formatSpan } from '../../platform/span.ts';
import { fail, type Finding, ok, orElse, skipped, warn } from './finding.ts';
import type { Place } from './place.ts';

/** What is found every two minutes and deleted once it is five minutes old, is gone by then. */
export const SWEPT_WITHIN_MS = 15 * 60_000;
const SILENT_MS = 10 * 60_000;

export interface SweepFacts {
  report: SweepReport | null;
  last_sweep_at: string | null;
  /** Whether a controller leads, which is who sweeps. */
  led: boolean;
  /** Since when it leads. */
  since: string | undefined;
}

/** What the leader's own sweeps say. */
export function judgeSweep(facts: SweepFacts, now: Date, place: Place): Finding[] {
  const { report, led } = facts;
  if (!led) return [skipped('nobody leads, so nobody sweeps')];
  const found = [...judgeSilence(facts, now, place), ...(report ? judgeReport(report, now, place) : [])];
  const kept = report?.kept.length ?? 0;
  const fine = `nothing is left over${kept > 0 ? `, ${kept} kept by tempus:keep` : ''}`;
  return orElse(found, ok(fine, { last_sweep_at: facts.last_sweep_at, kept }));
}

function judgeSilence({ last_sweep_at, since }: SweepFacts, now: Date, { watch }: Place): Finding[] {
  const from = last_sweep_at ?? since;
  const silent = from === undefined ? 0 : now.getTime() - Date.parse(from);
  if (silent <= SILENT_MS) return [];
  const means = 'Sweeps run every two minutes: this one does not end, or fails each time.';
  const fix = watch;
  return [warn(`no sweep for ${formatSpan(silent)}`, { means, fix, facts: { last_sweep_at } })];
}

function judgeReport(report: SweepReport, now: Date, { watch }: Place): Finding[] {
  const { aborted, breaker, orphans } = report;
  const found: Finding[] = [];
  if (breaker) {
    const { previews, allowed } = breaker;
    found.push(
      fail(`the breaker has stopped it: ${previews} previews would lose something, ${allowed} may`, {
        means: 'Nothing is swept until a person has looked: either much was left over, or records were lost.',
        fix: `tempus gc, and if that is right: tempus gc --yes --max ${previews}`,
        facts: { breaker },
      }),
    );
  }
  if (aborted !== null) {
    const means = 'AWS could not be listed as a whole, so nothing was deleted; the next sweep tries again.';
    found.push(warn(`the last sweep was aborted: ${aborted}`, { means, fix: watch, facts: { aborted } }));
  }
  if (orphans.length > 0 && !breaker) found.push(judgeOrphans(orphans, now));
  return found;
}

function judgeOrphans(orphans: readonly Orphan[], now: Date): Finding {
  const first = Math.min(...orphans.map(({ first_seen_at }) => Date.parse(first_seen_at)));
  const age = now.getTime() - first;
  const held = [...new Set(orphans.flatMap(({ held_by }) => held_by ?? []))];
  const facts = { orphans };
  const finding =
    `${orphans.length} left over, the first seen ${formatSpan(age)} ago` +
    (held.length > 0 ? `, held by ${held.join(', ')}` : '');
  if (age <= SWEPT_WITHIN_MS) {
    const means = `A sweep deletes it once it was seen for five minutes; it is gone within ${SWEPT_WITHIN_MS / 60_000} minutes.`;
    return warn(finding, { means, fix: 'tempus doctor again in a quarter of an hour', facts });
  }
  const means = 'It should be gone by now, and may cost money: something keeps the sweep from deleting it.';
  return fail(finding, { means, fix: 'tempus gc tells what holds each', facts });
}
