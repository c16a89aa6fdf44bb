import { canonicalJson } from './spec.ts';
import type { Condition, PreviewRow } from './record.ts';

/** One fact of a preview's life, for people. Never holds a value of an environment variable. */
export interface PreviewEvent {
  preview_id: string;
  /** The stream's sequence number and a counter: sorts as text in the order of the changes. */
  sequence: string;
  /** When it was written, canonical UTC seconds. */
  at: string;
  /** CamelCase and stable. */
  type: string;
  message: string;
  /** Whose doing it was, as far as the change itself tells. */
  by: 'api' | 'controller' | 'lambda' | 'operator';
}

type Row = Partial<PreviewRow>;
type Fact = Pick<PreviewEvent, 'type' | 'message'>;

const DESIRED = ['spec', 'ttl_hours', 'expires_at', 'nudge', 'phase'] as const;

/**
 * What one change of a record means, in the order in which it is told. Pure: the same change gives the same events with
 * the same sequence, so that reading a stream twice tells everything once.
 */
export function projectEvents(
  before: Row | undefined,
  after: Row | undefined,
  { sequence, at }: { sequence: string; at: string },
): PreviewEvent[] {
  const preview_id = (after ?? before)?.preview_id;
  if (preview_id === undefined) return [];
  const by = authorOf(before, after);
  return factsOf(before, after).map((fact, n) => ({
    preview_id,
    sequence: `${sequence}.${String(n).padStart(3, '0')}`,
    at,
    by,
    ...fact,
  }));
}

function factsOf(before: Row | undefined, after: Row | undefined): Fact[] {
  if (!after) return [{ type: 'Purged', message: 'the record is gone from the table' }];
  if (!before) return [{ type: 'Created', message: `created, lives until ${String(after.expires_at)}` }];
  return [
    ...reverted(before, after),
    ...edits(before, after),
    ...deletion(before, after),
    ...phase(before, after),
    ...conditions(before, after),
    ...resources(before, after),
    ...failure(before, after),
  ];
}

/**
 * The controller raises rev by one and touches nothing that is desired; the API makes records and asks for deletion; the
 * Lambda says so itself. Whatever does not look like that was somebody with a console.
 */
function authorOf(before: Row | undefined, after: Row | undefined): PreviewEvent['by'] {
  if (!before) return after?.status?.rev === 0 && after.phase === 'Pending' ? 'api' : 'operator';
  if (!after) return 'operator';
  const rev = (row: Row) => row.status?.rev;
  if (rev(after) === (rev(before) ?? 0) + 1) return 'controller';
  if (after.deletion && !before.deletion) return after.deletion.by === 'lambda/expire' ? 'lambda' : 'api';
  return 'operator';
}

function reverted(before: Row, after: Row): Fact[] {
  const [was, is] = [before.status?.rev ?? 0, after.status?.rev ?? 0];
  return is < was ? [{ type: 'Reverted', message: 'an older copy of the record was put over it' }] : [];
}

/** Which desired fields changed: their names and, where nothing can be secret, their values. */
function edits(before: Row, after: Row): Fact[] {
  const facts: Fact[] = [];
  const changed = (field: (typeof DESIRED)[number]) =>
    canonicalJson(before[field] ?? null) !== canonicalJson(after[field] ?? null);
  if (changed('spec'))
    facts.push({ type: 'SpecEdited', message: `changed ${specChanges(before.spec, after.spec)}` });
  if (changed('ttl_hours')) {
    facts.push({
      type: 'TtlEdited',
      message: `ttl_hours ${String(before.ttl_hours)} → ${String(after.ttl_hours)}`,
    });
  }
  if (changed('expires_at')) {
    const message = `expires_at ${String(before.expires_at)} → ${String(after.expires_at)}`;
    facts.push({ type: 'ExpiryMoved', message });
  }
  if (changed('nudge')) facts.push({ type: 'Nudged', message: 'another try was asked for' });
  return facts;
}

/** What a hand has stored in place of a map counts as one field, which is never shown. */
function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : { value };
}

function specChanges(before: unknown, after: unknown): string {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].toSorted();
  const parts = names.flatMap((name) => {
    if (canonicalJson(was[name] ?? null) === canonicalJson(is[name] ?? null)) return [];
    if (name === 'env') return envNames(was[name], is[name]).map((key) => `env.${key}`);
    // A command can carry what should have been a secret.
    const open = name === 'image' || name === 'port' || name === 'cpu' || name === 'memory';
    return [open ? `${name} ${String(was[name])} → ${String(is[name])}` : name];
  });
  return parts.join(', ');
}

function envNames(before: unknown, after: unknown): string[] {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((key) => was[key] !== is[key])
    .toSorted();
}

function deletion(before: Row, after: Row): Fact[] {
  if (!after.deletion || before.deletion) return [];
  return [{ type: 'DeletionRequested', message: `${after.deletion.reason}, by ${after.deletion.by}` }];
}

function phase(before: Row, after: Row): Fact[] {
  if (before.phase === after.phase) return [];
  return [{ type: 'PhaseChanged', message: `${String(before.phase)} → ${String(after.phase)}` }];
}

function conditions(before: Row, after: Row): Fact[] {
  const was = new Map(list(before).map((one) => [one.type, one]));
  return list(after).flatMap(({ type, status, reason, message }) =>
    was.get(type)?.status === status
      ? []
      : [{ type: 'ConditionChanged', message: `${type}=${status} ${reason}: ${message}` }],
  );
}

function list({ status }: Row): readonly Condition[] {
  return Array.isArray(status?.conditions) ? status.conditions : [];
}

function resources(before: Row, after: Row): Fact[] {
  const [was, is] = [before.status?.resources ?? {}, after.status?.resources ?? {}];
  return Object.entries(is).flatMap(([key, trace]) => {
    const name = key.replace('#', ' ');
    const moments = [
      ['created_at', 'ResourceCreated', `${name} is there`],
      ['deleted_at', 'ResourceDeleted', `${name} was told to go`],
      ['absent_at', 'ResourceAbsent', `${name} is proven gone`],
    ] as const;
    return moments.flatMap(([moment, type, message]) =>
      trace[moment] !== undefined && was[key]?.[moment] === undefined ? [{ type, message }] : [],
    );
  });
}

function failure(before: Row, after: Row): Fact[] {
  const [was, is] = [before.status?.last_error, after.status?.last_error];
  if (!is || (was?.at === is.at && was.reason === is.reason)) return [];
  return [{ type: 'ErrorReported', message: `${is.reason}: ${is.message}` }];
}
