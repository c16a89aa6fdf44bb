import { systemClock as clock, toSeconds } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import { formatSpan } from '../platform/span.ts';
import { print } from '../platform/terminal.ts';
import { findCondition } from '../preview/conditions.ts';
import { Heartbeats, STALE_S } from '../preview/heartbeat.ts';
import { isLive } from '../preview/phases.ts';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { SweepBoard } from '../preview/sweep-board.ts';
import { closeApi, HOW_TO_REOPEN, isClosed } from './api-service.ts';
import type { Clients, Deployed } from './deployed.ts';
import { Refusal } from './refusal.ts';
import { listRemains, orphansOf, type Own, type Remains, unlessGone } from './remains.ts';

const LOOK_MS = 2_000;
/** The live index is eventually consistent: a record that has just been written may be missing from one look. */
const EMPTY_LOOKS = 2;

export interface WaitOptions {
  timeoutMs: number;
  /** Ends the waiting. What is being destroyed goes on without it. */
  signal: AbortSignal;
}

export interface DrainOptions extends WaitOptions {
  /** Whose wish it is, for the records and their history. */
  by: string;
}

/**
 * Has every preview destroyed, by the controller as always, and resolves when no record lives and nothing of any preview
 * stands in AWS. Throws Refusal where that cannot come to pass, or does not in time; then repeating it goes on.
 */
export async function drain(clients: Clients, deployed: Deployed, options: DrainOptions): Promise<void> {
  let released = false;
  await untilEmpty(clients, deployed, options, async (remains) => {
    requireNotKept(remains);
    await requireLeader(clients, deployed);
    await flip(clients, deployed, remains, options.by);
    released ||= await releaseSweep(clients, deployed, remains, options.by);
  });
}

/**
 * Resolves when two looks in a row find nothing of any preview while the API is stopped, which is stopped again where
 * somebody has started it between. `act` is given whatever a look finds.
 */
export async function untilEmpty(
  clients: Clients,
  deployed: Deployed,
  { timeoutMs, signal }: WaitOptions,
  act: (remains: Remains) => Promise<void>,
): Promise<void> {
  const end = clock.monotonic() + timeoutMs;
  let told = '';
  for (let empty = 0; ;) {
    const remains = await listRemains(clients, deployed);
    const line = describe(remains);
    if (line !== told) print((told = line));
    if (signal.aborted) throw stopped(line);
    empty = remains.live.length + remains.standing.length === 0 ? empty + 1 : 0;
    if (empty === 0) await act(remains);
    else if (!(await isClosed(clients, deployed))) {
      await closeApi(clients, deployed, signal);
      empty = 0;
    }
    if (empty === EMPTY_LOOKS) return;
    if (clock.monotonic() > end) throw late(remains, timeoutMs);
    await clock.sleep(LOOK_MS, signal);
  }
}

/** Throws Refusal where no controller leads: nobody would destroy anything. */
export async function requireLeader({ document }: Clients, { tables, config }: Deployed): Promise<void> {
  const heartbeats = new Heartbeats({ client: document, table: tables.coordination });
  const heartbeat = await unlessGone(heartbeats.read(), undefined);
  const age = heartbeat && clock.now().getTime() - Date.parse(heartbeat.at);
  if (age !== undefined && age <= STALE_S * 1_000) return;
  throw new Refusal(
    'no controller leads, so nobody would destroy the previews',
    age === undefined ? 'none has ever written a heartbeat' : `the last heartbeat is ${formatSpan(age)} old`,
    `make deploy starts it again; the events of the ECS service ${config.install}-controller say why it does not run`,
  );
}

async function flip(clients: Clients, { tables }: Deployed, { live }: Remains, by: string): Promise<void> {
  const store = new PreviewStore({ client: clients.document, table: tables.previews });
  const requested_at = toSeconds(clock.now());
  for (const row of live.filter(({ phase }) => isLive(phase)))
    await store.requestDeletion(row, { requested_at, reason: 'OperatorRequested', by });
}

/**
 * Orphans of more previews than a sweep takes by itself would wait for a `tempus gc`, which nobody can ask for any more.
 * Answers whether there were any.
 */
async function releaseSweep(
  { document }: Clients,
  { tables }: Deployed,
  remains: Remains,
  by: string,
): Promise<boolean> {
  const max = new Set(orphansOf(remains).map(({ id }) => id)).size;
  if (max === 0) return false;
  const board = new SweepBoard({ client: document, table: tables.coordination });
  await board.request({ request_id: random.uuid(), max, requested_at: toSeconds(clock.now()), by });
  print('What no record accounts for goes with a sweep, which takes about seven minutes');
  return true;
}

/** Throws Refusal where only what a hand protects is left: no sweep and no teardown takes that. */
export function requireNotKept({ live, standing }: Remains): void {
  if (live.length > 0 || standing.length === 0 || standing.some(({ kept }) => !kept)) return;
  throw new Refusal(
    'what is left carries the tag tempus:keep',
    standing.map(nameOf).join(', '),
    'take the tag off, or delete it by hand, then repeat',
  );
}

function describe({ live, standing }: Remains): string {
  const phases = Map.groupBy(live, ({ phase }) => phase);
  const records = [...phases].map(([phase, rows]) => `${rows.length} ${phase}`).join(', ');
  const kinds = Map.groupBy(standing, ({ kind }) => kind);
  const resources = [...kinds].map(([kind, all]) => `${all.length} ${kind}`).join(', ');
  return `previews: ${records || 'none'}; standing in AWS: ${resources || 'nothing'}`;
}

export function nameOf({ kind, key }: Own): string {
  return `${kind} ${key}`;
}

function stopped(line: string): Refusal {
  return new Refusal(
    'stopped waiting',
    `${line}; the controller goes on, Terraform has not run, and ${HOW_TO_REOPEN}`,
    'repeat it to go on waiting',
  );
}

/** What is left, and why. Nobody can ask the API any more, so what the records say is told here. */
function late({ live, standing }: Remains, timeoutMs: number): Refusal {
  const left = [...live.map(progressOf), ...standing.map(nameOf)];
  return new Refusal(
    `not everything is gone after ${formatSpan(timeoutMs)}`,
    `${left.slice(0, 10).join(', ')}${left.length > 10 ? ` and ${left.length - 10} more` : ''}; ${HOW_TO_REOPEN}`,
    'repeat it to go on waiting (TIMEOUT_S=…)',
  );
}

function progressOf({ id, phase, status }: PreviewRow): string {
  const ready = findCondition(status.conditions, 'Ready');
  return `preview ${id} (${phase}${ready ? `: ${ready.reason}, ${ready.message}` : ''})`;
}
