import { isLive } from '../../preview/phases.ts';
import { formatSpan } from '../../platform/span.ts';
import type { Account } from './account.ts';
import { fail, type Finding, ok, orElse, warn } from './finding.ts';
import type { LiveRecord } from './live-records.ts';

/** The Lambda looks every minute, and the controller's own pass besides. */
const OVERDUE_MS = 5 * 60_000;
/** Draining, and seeing twice that everything is gone, takes a minute or two. */
const TEARDOWN_MS = 30 * 60_000;
/** So many ids are named in a line. */
const NAMED = 5;

export async function lookAtRecords(account: Account): Promise<Finding[]> {
  return judgeRecords(await account.records(), account.now());
}

export function judgeRecords(records: readonly LiveRecord[], now: Date): Finding[] {
  const found: Finding[] = [];
  const late = (of: readonly LiveRecord[], since: (record: LiveRecord) => string | undefined) =>
    formatSpan(Math.max(...of.map((record) => now.getTime() - Date.parse(since(record) ?? ''))));
  const overdue = records.filter(
    ({ phase, expires_at }) => isLive(phase) && now.getTime() - Date.parse(expires_at) > OVERDUE_MS,
  );
  if (overdue.length > 0) {
    const means =
      'What Tempus exists for does not happen: neither lambda/expire nor the controller has ended them.';
    found.push(
      fail(`${list(overdue)} past the end, by up to ${late(overdue, ({ expires_at }) => expires_at)}`, {
        means,
        fix: `tempus rm ${overdue[0]?.id} --wait, and see the checks of expiry and controller`,
        facts: { overdue: overdue.map(({ id }) => id) },
      }),
    );
  }
  const held = records.filter(
    ({ phase, deletion }) =>
      phase === 'Deleting' && now.getTime() - Date.parse(deletion?.requested_at ?? '') > TEARDOWN_MS,
  );
  if (held.length > 0) {
    found.push(
      warn(
        `${list(held)} being destroyed for up to ${late(held, ({ deletion }) => deletion?.requested_at)}`,
        {
          means: 'Something holds the teardown up; the fuse has stopped what is past its end.',
          fix: `tempus show ${held[0]?.id}`,
          facts: { held: held.map(({ id }) => id) },
        },
      ),
    );
  }
  const failed = records.filter(({ phase }) => phase === 'Failed');
  if (failed.length > 0) {
    found.push(
      warn(`${list(failed)} Failed`, {
        means: 'They never got ready, run nothing and cost nothing; each says why.',
        fix: `tempus show ${failed[0]?.id}, then tempus retry ${failed[0]?.id} or tempus rm ${failed[0]?.id}`,
        facts: { failed: failed.map(({ id }) => id) },
      }),
    );
  }
  return orElse(found, ok(`${records.length} live, none overdue`, { phases: countPhases(records) }));
}

function list(records: readonly LiveRecord[]): string {
  const ids = records.slice(0, NAMED).map(({ id }) => id);
  const more = records.length > NAMED ? ` and ${records.length - NAMED} more` : '';
  const what = records.length === 1 ? 'preview' : 'previews';
  return `${records.length} ${what} (${ids.join(', ')}${more})`;
}

function countPhases(records: readonly LiveRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { phase } of records) counts[phase] = (counts[phase] ?? 0) + 1;
  return counts;
}
