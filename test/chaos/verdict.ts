import { NAMES } from '../../laptop/infrastructure.ts';
import { isLive } from '../../preview/phases.ts';
import type { PreviewRow } from '../../preview/record.ts';
import { type Laptop, until } from '../e2e/laptop-process.ts';
import { clientsOf, inspect, NOTHING, processesWith, standingOf } from '../e2e/world.ts';
import type { Wished } from './load.ts';

/** Expiry is looked for every 5 s, a teardown takes a few, and the machine has two cores. */
const OVERDUE_MS = 30_000;

/** What is not as it should be, a line each. */
export async function faults(laptop: Laptop, wished: readonly Wished[]): Promise<string[]> {
  const world = await inspect(laptop);
  const rows = await allRows(laptop, wished);
  // What was spoiled before the controller ever saw it has never been accepted, and has nothing.
  const live = rows.filter(({ phase, status }) => isLive(phase) && status.accepted !== undefined);
  const found: string[] = [];
  for (const row of rows) found.push(...(await faultsOf(row, laptop, standingOf(world, row.id))));
  const count = (what: string, is: number, most: number) => {
    if (is !== most) found.push(`${is} ${what}, not ${most}`);
  };
  count('services', world.services.length, live.length);
  count('target groups', world.targetGroups.length, live.length);
  count('listener rules', world.rules, live.length * 2);
  count('schedules', world.schedules.length, live.length);
  count('slots', world.slots, live.length);
  return found;
}

async function faultsOf(row: PreviewRow, laptop: Laptop, standing: readonly string[]): Promise<string[]> {
  const { id, phase, status } = row;
  if (!isLive(phase)) {
    if (phase === 'Deleting') return [`${id} is still Deleting`];
    const open = Object.entries(status.resources).filter(([, { absent_at }]) => absent_at === undefined);
    return [
      ...standing.map((what) => `${id} is Deleted, and ${what} stands`),
      ...open.map(([key]) => `${id} is Deleted with ${key} open in its receipt`),
    ];
  }
  if (status.accepted === undefined)
    return phase === 'Failed' ? [] : [`${id} was never accepted, and is ${phase}`];
  const ends = Date.parse(status.accepted.expires_at);
  if (Date.now() > ends + OVERDUE_MS) return [`${id} has outlived its time by more than ${OVERDUE_MS} ms`];
  // It is about to go: whether it still answers is a race that nobody is promised to win.
  if (Date.now() > ends - 2_000) return [`${id} is about to expire`];
  const refused = status.conditions.some(({ type, status: is }) => type === 'SpecAccepted' && is === 'False');
  if (phase !== 'Ready' && !(refused && phase === 'Degraded')) return [`${id} is ${phase}`];
  const answer = await laptop.visit({ id }, '/api');
  return answer.status === 200 && answer.text.includes(id) ? [] : [`${id} answers ${answer.status}`];
}

async function allRows(laptop: Laptop, wished: readonly Wished[]): Promise<PreviewRow[]> {
  const clients = clientsOf(laptop);
  try {
    const rows: PreviewRow[] = [];
    for (const { id } of wished) {
      if (id === undefined) continue;
      const { Item } = await clients.document.get({
        TableName: NAMES.previews,
        Key: { id },
        ConsistentRead: true,
      });
      if (Item) rows.push(Item as PreviewRow);
    }
    return rows;
  } finally {
    clients.destroy();
  }
}

/** Waits until nothing is wrong; rejects with what still is. */
export async function converged(laptop: Laptop, wished: readonly Wished[], ms: number): Promise<void> {
  let last: string[] = [];
  try {
    await until(
      'convergence',
      async () => {
        last = await faults(laptop, wished);
        return last.length === 0;
      },
      ms,
    );
  } catch (error) {
    throw new Error(last.join('\n') || String(error), { cause: error });
  }
}

/** Deletes everything that lives, and demands that nothing at all is left: no resource, no slot, no process. */
export async function nothingLeft(laptop: Laptop, wished: readonly Wished[], ms: number): Promise<void> {
  for (const { id, phase } of await allRows(laptop, wished)) if (isLive(phase)) await laptop.delete(id);
  await converged(laptop, wished, ms);
  const world = await inspect(laptop);
  if (JSON.stringify(world) !== JSON.stringify(NOTHING))
    throw new Error(`left over: ${JSON.stringify(world)}`);
  for (const { id } of wished) {
    if (id === undefined) continue;
    const strays = processesWith(`TEMPUS_PREVIEW_ID=${id}`);
    if (strays.length > 0) throw new Error(`${id} is gone, and its processes ${strays.join(', ')} run`);
  }
}
