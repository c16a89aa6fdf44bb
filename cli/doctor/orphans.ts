import { formatSpan } from '../../platform/span.ts';
import type { Account } from './account.ts';
import { explainAws } from './aws-failure.ts';
import { fail, type Finding, ok, warn } from './finding.ts';
import { type LiveRecord, readRecordState, type RecordState } from './live-records.ts';
import { listStanding, type Standing } from './standing.ts';
import { SWEPT_WITHIN_MS } from './sweep.ts';

/** So many are named in a line. */
const NAMED = 3;
/** So many records are read to make sure. */
const MOST_READ = 100;

/**
 * What previews have left over, seen without the controller. A list of records is late by moments, so what seems to have
 * none is asked for by name, and one that was made meanwhile is found.
 */
export async function lookAtOrphans(account: Account): Promise<Finding[]> {
  const records = await account.records();
  const ids = new Set(records.map(({ id }) => id));
  const { standing, failures } = await listStanding(account, (id) => ids.has(id));
  const unaccounted = withoutRecord(standing, records);
  const states = new Map<string, RecordState | undefined>();
  for (const id of [...new Set(unaccounted.map((one) => one.id))].slice(0, MOST_READ)) {
    states.set(id, await readRecordState(account.clients, account.names, id));
  }
  const { finding, ...judged } = judgeOrphans(unaccounted, states, account.now());
  const where = failures.length > 0 ? ' (in what could be listed)' : '';
  return [{ ...judged, finding: finding + where }, ...notListed(failures, account)];
}

/** What could not be listed, each reason once. A failure that is not AWS's is a defect, and hides behind none. */
function notListed(failures: readonly unknown[], { clients }: Account): Finding[] {
  const explain = explainAws(clients);
  const found = failures.map((error) => {
    const finding = explain(error);
    if (!finding) throw error;
    return finding;
  });
  return found.filter(({ finding }, n) => found.findIndex((other) => other.finding === finding) === n);
}

/** What no live record accounts for: by its tags where it has them, else by its name. */
export function withoutRecord(standing: readonly Standing[], records: readonly LiveRecord[]): Standing[] {
  const uids = new Set(records.map(({ preview_id }) => preview_id));
  const ids = new Set(records.map(({ id }) => id));
  return standing.filter(({ id, uid }) => (uid === undefined ? !ids.has(id) : !uids.has(uid)));
}

/** `states`: what the records of these ids say when each is asked for; undefined where there is none. */
export function judgeOrphans(
  unaccounted: readonly Standing[],
  states: ReadonlyMap<string, RecordState | undefined>,
  now: Date,
): Finding {
  const lives = ({ id, uid }: Standing) => {
    const state = states.get(id);
    return state !== undefined && state.phase !== 'Deleted' && (uid ?? state.preview_id) === state.preview_id;
  };
  const left = unaccounted.filter((one) => !lives(one));
  const orphans = left.filter(({ kept }) => !kept);
  const kept = left.length - orphans.length;
  const facts = { orphans, kept };
  if (orphans.length === 0)
    return ok(`nothing of a preview that is gone${kept > 0 ? `, ${kept} kept by tempus:keep` : ''}`, facts);
  const age = oldest(orphans, states, now);
  const finding = `${orphans.length} without a live record: ${list(orphans)}`;
  const minutes = SWEPT_WITHIN_MS / 60_000;
  if (age === undefined || age <= SWEPT_WITHIN_MS) {
    const means = `The controller's sweep deletes what it has seen for five minutes; it is gone within ${minutes} minutes.`;
    return warn(finding, {
      means,
      fix: 'tempus gc; if it still stands in a quarter of an hour, see the check sweep',
      facts,
    });
  }
  const means =
    `A record was closed ${formatSpan(age)} ago, and what is of it should be gone within ${minutes} minutes. ` +
    'It may cost money.';
  return fail(finding, { means, fix: 'tempus gc tells what holds each; see the check sweep', facts });
}

/** How long ago the first of their records was closed; undefined where no record tells. */
function oldest(
  orphans: readonly Standing[],
  states: ReadonlyMap<string, RecordState | undefined>,
  now: Date,
): number | undefined {
  const closed = orphans.flatMap(({ id, uid }) => {
    const state = states.get(id);
    if (!state?.deleted_at || (uid ?? state.preview_id) !== state.preview_id) return [];
    return now.getTime() - Date.parse(state.deleted_at);
  });
  return closed.length > 0 ? Math.max(...closed) : undefined;
}

function list(orphans: readonly Standing[]): string {
  const named = orphans
    .slice(0, NAMED)
    .map(({ kind, name, id }) => (kind === 'listener-rule' ? `${kind} of ${id}` : `${kind} ${name}`));
  const more = orphans.length > NAMED ? ` and ${orphans.length - NAMED} more` : '';
  return `${named.join(', ')}${more}`;
}
