import { differing, type FieldChange, isMap, type StringMap } from './changed-paths.ts';
import { type Author, editFacts, type EventType, type Fact, isServed, revOf, uidOf } from './event-facts.ts';
import { isMark } from './observation.ts';
import { PREVIEW_ID } from './record.ts';

/** One fact of a preview's life, for people. Never holds a value of an environment variable. */
export interface PreviewEvent {
  preview_id: string;
  /** The place of the change in the stream and a counter: sorts as text in the order of the changes. */
  sequence: string;
  /** When it was written, canonical UTC seconds. */
  at: string;
  /** CamelCase and stable. */
  type: EventType;
  /** For people; at most 500 characters. */
  message: string;
  /** Whose doing it was, as far as the change itself tells. */
  by: Author;
  /** What was done to which field, where that can be told. */
  changes?: FieldChange[];
}

export interface EventPlace {
  /** Where the change stands in the stream: digits and dots, of one length, in the order of the changes. */
  sequence: string;
  /** When it was written, canonical UTC seconds. */
  at: string;
}

/** A change has a handful of facts; of a thousand traces that a hand puts at once, this many are told. */
const MOST_FACTS = 100;
const LONGEST = 500;

/** What the controller writes, together with a `status.rev` that it raises by one; see preview/store.ts. */
const CONTROLLED = ['status', 'phase', 'deletion', 'live', 'purge_at', 'expires_at'];

/**
 * What one change of a record means, in the order in which it is told. Pure and total: it has an answer to whatever a
 * hand has stored, and the same change gives the same events with the same sequences, so that a stream that is read twice
 * tells everything once.
 */
export function projectEvents(
  before: StringMap | undefined,
  after: StringMap | undefined,
  { sequence, at }: EventPlace,
): PreviewEvent[] {
  const changed = before && after ? differing(before, after) : [];
  const by = authorOf(before, after, { at, changed });
  const uid = uidOf(after) ?? uidOf(before);
  const facts = before && after ? editFacts({ before, after, by, changed }) : endFacts(after);
  return facts.slice(0, MOST_FACTS).flatMap(({ type, message, changes, of: whose = uid }, n) =>
    whose === undefined
      ? []
      : [
          {
            preview_id: whose,
            sequence: `${sequence}.${String(n).padStart(3, '0')}`,
            at,
            type,
            message: message.length > LONGEST ? `${message.slice(0, LONGEST - 1)}…` : message,
            by,
            ...(changes ? { changes } : {}),
          },
        ],
  );
}

/** Whether a history ends with this event: nothing more can happen to the preview, unless by hand. */
export function isLast({ type }: Pick<PreviewEvent, 'type'>): boolean {
  return type === 'Deleted' || type === 'Purged';
}

/** What the first and the last record of an item say. */
function endFacts(after: StringMap | undefined): Fact[] {
  if (!after) return [{ type: 'Purged', message: 'the record is gone from the table' }];
  const until = after['expires_at'];
  return [{ type: 'Created', message: `created, lives until ${typeof until === 'string' ? until : '?'}` }];
}

/** Each part of Tempus writes in a way of its own. Whatever does not look like that was somebody with a console. */
function authorOf(
  before: StringMap | undefined,
  after: StringMap | undefined,
  { at, changed }: { at: string; changed: readonly string[] },
): Author {
  if (!after) return before && isPurge(before, at) ? 'dynamodb' : 'operator';
  if (!before) return revOf(after) === 0 && after['phase'] === 'Pending' ? 'api' : 'operator';
  const only = (...fields: string[]) => changed.every((field) => fields.includes(field));
  if (revOf(after) === (revOf(before) ?? 0) + 1 && only(...CONTROLLED)) return 'controller';
  if (only('observed_event') && isMark(after['observed_event'])) return 'lambda';
  if (!isServed(before)) return 'operator';
  const { phase, deletion, nudge } = after;
  if (phase === 'Deleting' && only('phase', 'deletion') && isMap(deletion)) {
    return typeof deletion['by'] === 'string' && deletion['by'].startsWith('lambda/') ? 'lambda' : 'api';
  }
  return only('nudge') && typeof nudge === 'string' && PREVIEW_ID.test(nudge) ? 'api' : 'operator';
}

/** DynamoDB's time to live takes tombstones whose time is over, and nothing else. */
function isPurge({ phase, purge_at }: StringMap, at: string): boolean {
  return phase === 'Deleted' && typeof purge_at === 'number' && purge_at * 1000 <= Date.parse(at);
}
