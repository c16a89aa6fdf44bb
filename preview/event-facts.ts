import {
  changedPaths,
  type FieldChange,
  isMap,
  isSame,
  shown,
  type StringMap,
  valueChange,
} from './changed-paths.ts';
import { isLive } from './phases.ts';
import { type Phase, PREVIEW_ID, type ResourceTrace } from './record.ts';
import { receiptOf } from './views.ts';

/** Everything that an event can be about. */
export const EVENT_TYPES = [
  'Created',
  'Reverted',
  'SpecEdited',
  'TtlEdited',
  'ExpiryMoved',
  'Nudged',
  'RecordEdited',
  'DeletionRequested',
  'PhaseChanged',
  'ConditionChanged',
  'SlotAssigned',
  'ResourceCreated',
  'ResourceDeleted',
  'ResourceAbsent',
  'ErrorReported',
  'Deleted',
  'Purged',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/**
 * `operator` is whoever wrote what neither the controller, the API, the Lambda nor DynamoDB's time to live writes: a
 * hand with a console. A hand that writes exactly what one of them would is taken for it.
 */
export const AUTHORS = ['api', 'controller', 'lambda', 'dynamodb', 'operator'] as const;
export type Author = (typeof AUTHORS)[number];

export interface Fact {
  type: EventType;
  message: string;
  changes?: FieldChange[];
  /** Whose history it belongs to, where that is not the record's own. */
  of?: string;
}

/** One change of a record that was there before and after it; a hand may have stored anything. */
export interface Edit {
  before: StringMap;
  after: StringMap;
  by: Author;
  /** The names of the attributes that differ. */
  changed: readonly string[];
}

const mapOf = (value: unknown): StringMap => (isMap(value) ? value : {});
const statusOf = (row: StringMap): StringMap => mapOf(row['status']);

export function revOf(row: StringMap): number | undefined {
  const { rev } = statusOf(row);
  return typeof rev === 'number' ? rev : undefined;
}

/** Only what Tempus itself makes is an id; anything else is no key of a history. */
export function uidOf(row: StringMap | undefined): string | undefined {
  const uid = row?.['preview_id'];
  return typeof uid === 'string' && PREVIEW_ID.test(uid) ? uid : undefined;
}

export function isServed(row: StringMap): boolean {
  return isLive(row['phase'] as Phase);
}

/** What an edit says, in the order in which it is told: what was asked for, then what became of it. */
export function editFacts(edit: Edit): Fact[] {
  const reverted = revert(edit);
  return [
    ...reverted,
    ...wishes(edit),
    ...(reverted.length > 0 ? [] : others(edit)),
    ...deletion(edit),
    ...phase(edit),
    ...(edit.changed.includes('status') ? observations(edit) : []),
    ...end(edit),
  ];
}

function observations(edit: Edit): Fact[] {
  return [...conditions(edit), ...slot(edit), ...resources(edit), ...failure(edit)];
}

/**
 * A whole item was put from an old form: bookkeeping went back in time, teardown was undone, or another incarnation is in
 * the record's place, which both histories tell.
 */
function revert({ before, after }: Edit): Fact[] {
  const fact: Fact = { type: 'Reverted', message: 'an older copy of the record was put over it' };
  if (before['preview_id'] !== after['preview_id']) {
    const [was, is] = [uidOf(before), uidOf(after)];
    const message = 'another record was put in its place';
    return was !== undefined && is !== undefined ? [{ ...fact, message, of: was }, fact] : [fact];
  }
  const undone = !isServed(before) && isServed(after);
  return undone || (revOf(after) ?? 0) < (revOf(before) ?? 0) ? [fact] : [];
}

function wishes({ before, after, changed }: Edit): Fact[] {
  const edits = changed.includes('spec') ? changedPaths(before['spec'], after['spec']) : [];
  const moved = (field: string, type: EventType): Fact[] => {
    if (!changed.includes(field)) return [];
    const change = valueChange(field, before[field], after[field]);
    return [{ type, message: describe([change]), changes: [change] }];
  };
  return [
    ...(edits.length > 0 ? [{ type: 'SpecEdited', message: describe(edits), changes: edits } as const] : []),
    ...moved('ttl_hours', 'TtlEdited'),
    ...moved('expires_at', 'ExpiryMoved'),
    ...(changed.includes('nudge') ? [{ type: 'Nudged', message: 'another try was asked for' } as const] : []),
  ];
}

function describe(changes: readonly FieldChange[]): string {
  const parts = changes.map(({ path, from, to }) =>
    from === undefined && to === undefined ? path : `${path} ${from ?? 'none'} → ${to ?? 'none'}`,
  );
  return `changed ${parts.join(', ')}`;
}

/** Fields whose changes have events of their own. */
const TOLD = ['preview_id', 'spec', 'ttl_hours', 'expires_at', 'nudge', 'phase', 'deletion'];
/** Bookkeeping, of which a change is worth telling only when a hand made it. */
const KEPT = ['status', 'live', 'purge_at', 'observed_event'];

/** Whatever else was changed, by name: no edit goes untold. */
function others({ by, changed }: Edit): Fact[] {
  const untold = changed.filter(
    (name) => !TOLD.includes(name) && (by === 'operator' || !KEPT.includes(name)),
  );
  if (untold.length === 0) return [];
  return [{ type: 'RecordEdited', message: `changed ${untold.map((name) => shown(name)).join(', ')}` }];
}

function deletion({ after, changed }: Edit): Fact[] {
  const { deletion: asked } = after;
  if (!isMap(asked) || !changed.includes('deletion')) return [];
  return [{ type: 'DeletionRequested', message: `${shown(asked['reason'])}, by ${shown(asked['by'])}` }];
}

function phase({ before, after, changed }: Edit): Fact[] {
  if (!changed.includes('phase')) return [];
  const [was, is] = [shown(before['phase']), shown(after['phase'])];
  const because = is === 'Deleting' ? mapOf(after['deletion']) : conditionsOf(after).get('Ready');
  const reason = shown(because?.['reason']);
  // The reasons of the first and the last moment only repeat the phase.
  const why = [was, is, 'none'].includes(reason) ? '' : ` (${reason})`;
  const changes = [valueChange('phase', before['phase'], after['phase'])];
  return [{ type: 'PhaseChanged', message: `${was} → ${is}${why}`, changes }];
}

function conditionsOf(row: StringMap): Map<unknown, StringMap> {
  const { conditions: stored } = statusOf(row);
  return new Map((Array.isArray(stored) ? stored.filter(isMap) : []).map((one) => [one['type'], one]));
}

/** A status that flips is a fact; a message that changes is not. */
function conditions({ before, after }: Edit): Fact[] {
  const was = conditionsOf(before);
  return [...conditionsOf(after)].flatMap(([type, { status, reason, message }]): Fact[] => {
    if (isSame(was.get(type)?.['status'] ?? 'Unknown', status)) return [];
    const what = `${shown(type)}=${shown(status)} ${shown(reason)}: ${shown(message)}`;
    return [{ type: 'ConditionChanged', message: what }];
  });
}

function slot({ before, after }: Edit): Fact[] {
  const [was, is] = [statusOf(before)['slot'], statusOf(after)['slot']];
  if (!isMap(is) || isSame(was, is)) return [];
  const instead = isMap(was) ? ` instead of slot ${shown(was['n'])} of ${shown(was['alb'])}` : '';
  return [{ type: 'SlotAssigned', message: `slot ${shown(is['n'])} of ${shown(is['alb'])}${instead}` }];
}

const MOMENTS = [
  ['created_at', 'ResourceCreated', 'is there'],
  ['deleted_at', 'ResourceDeleted', 'was told to go'],
  ['absent_at', 'ResourceAbsent', 'is proven gone'],
] as const;

function tracesOf(row: StringMap): Map<string, StringMap> {
  const stored = Object.entries(mapOf(statusOf(row)['resources']));
  return new Map(stored.filter((entry): entry is [string, StringMap] => isMap(entry[1])));
}

function resources({ before, after }: Edit): Fact[] {
  const was = tracesOf(before);
  return [...tracesOf(after)].flatMap(([key, trace]) =>
    MOMENTS.flatMap(([moment, type, what]): Fact[] =>
      trace[moment] === undefined || isSame(trace[moment], was.get(key)?.[moment])
        ? []
        : [{ type, message: `${shown(key.replace('#', ' '))} ${what}` }],
    ),
  );
}

function failure({ before, after }: Edit): Fact[] {
  const [was, is] = [mapOf(statusOf(before)['last_error']), statusOf(after)['last_error']];
  if (!isMap(is) || (isSame(was['at'], is['at']) && isSame(was['reason'], is['reason']))) return [];
  return [{ type: 'ErrorReported', message: `${shown(is['reason'])}: ${shown(is['message'])}` }];
}

/** Only the controller ends a life: a hand that writes Deleted has proven nothing. */
function end({ before, after, by }: Edit): Fact[] {
  if (by !== 'controller' || after['phase'] !== 'Deleted' || before['phase'] === 'Deleted') return [];
  const lines = [...tracesOf(after).values()].map((trace) => {
    const { created_at = null, deleted_at = null, absent_at = null } = trace as ResourceTrace;
    return { kind: '', name: '', created_at, deleted_at, absent_at };
  });
  const { created, deleted, left_over } = receiptOf(lines);
  const message = `created ${created}, deleted ${deleted}, left over ${left_over}`;
  return [{ type: 'Deleted', message }];
}
