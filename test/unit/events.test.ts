import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { draftPreview } from '../../preview/draft.ts';
import { EVENT_TYPES } from '../../preview/event-facts.ts';
import { isLast, projectEvents } from '../../preview/events.ts';
import { CONDITION_TYPES, PHASES, type PreviewRow, type Status } from '../../preview/record.ts';

const UID = '0badcafe-0000-4000-8000-000000000000';
const OTHER = '0badcafe-1111-4000-8000-000000000000';
const place = { sequence: '1', at: '2026-01-01T12:00:00Z' };

type Row = Record<string, unknown>;

const spec = {
  image: 'shop/web:1',
  port: 8080,
  cpu: 256,
  memory: 512,
  env: { TOKEN: 'canary-one', LEVEL: 'canary-two' },
  health_path: '/',
  health_codes: '200',
};
const asked: PreviewRow = draftPreview(
  { preview_id: UID, owner: 'web-team', labels: {}, source: {}, spec, ttl_hours: 2, urls: [] } as never,
  new Date('2026-01-01T00:00:00Z'),
);
const row = (over: Row = {}): Row => ({ ...(asked as unknown as Row), ...over });
const status = (over: Partial<Status> = {}): Status => ({ ...asked.status, ...over });
const trace = { created_at: '2026-01-01T00:00:05Z' };

/** As people see them, `by: Type message`. */
const told = (before: Row | undefined, after: Row | undefined, at = place) =>
  projectEvents(before, after, at).map(({ by, type, message }) => `${by}: ${type} ${message}`);

/** A write of the controller: it raises rev by one. */
const written = (over: Partial<Status>, more: Row = {}, before = asked.status) =>
  row({ ...more, status: { ...before, ...over, rev: before.rev + 1 } });

const ready = (is: 'True' | 'False', reason: string) =>
  asked.status.conditions.map((one) =>
    one.type === 'Ready' ? { ...one, status: is, reason, message: 'why' } : one,
  );

describe('a life without hands', () => {
  const deletion = { requested_at: '2026-01-01T02:00:00Z', reason: 'Expired', by: 'lambda/expire' };

  test.each<[string, Row | undefined, Row | undefined, string[]]>([
    ['is asked for', undefined, row(), ['api: Created created, lives until 2026-01-01T02:00:00Z']],
    [
      'gets its place and its first resource',
      row(),
      written(
        { slot: { alb: 'a', n: 3 }, resources: { 'rule#tempus-0badcafe': trace, 'service#x': {} } },
        { phase: 'Provisioning' },
      ),
      [
        'controller: PhaseChanged Pending → Provisioning',
        'controller: SlotAssigned slot 3 of a',
        'controller: ResourceCreated rule tempus-0badcafe is there',
      ],
    ],
    [
      'changes its place',
      row({ status: status({ slot: { alb: 'a', n: 3 } }) }),
      written({ slot: { alb: 'b', n: 1 } }),
      ['controller: SlotAssigned slot 1 of b instead of slot 3 of a'],
    ],
    [
      'gets ready',
      row({ phase: 'Provisioning' }),
      written({ conditions: ready('True', 'Serving') }, { phase: 'Ready' }),
      [
        'controller: PhaseChanged Provisioning → Ready (Serving)',
        'controller: ConditionChanged Ready=True Serving: why',
      ],
    ],
    [
      'fails',
      row({ phase: 'Provisioning' }),
      written(
        { last_error: { reason: 'OutOfMemory', message: 'it took all', at: 'now', logs: ['x'] } },
        { phase: 'Provisioning' },
      ),
      ['controller: ErrorReported OutOfMemory: it took all'],
    ],
    [
      'is asked to try again',
      row({ phase: 'Failed' }),
      row({ phase: 'Failed', nudge: OTHER }),
      ['api: Nudged another try was asked for'],
    ],
    [
      'is over',
      row({ phase: 'Ready' }),
      row({ phase: 'Deleting', deletion }),
      [
        'lambda: DeletionRequested Expired, by lambda/expire',
        'lambda: PhaseChanged Ready → Deleting (Expired)',
      ],
    ],
    [
      'is asked to end',
      row({ phase: 'Ready' }),
      row({ phase: 'Deleting', deletion: { ...deletion, reason: 'Requested', by: 'web-team' } }),
      ['api: DeletionRequested Requested, by web-team', 'api: PhaseChanged Ready → Deleting (Requested)'],
    ],
    [
      'ends with its receipt',
      row({
        phase: 'Deleting',
        deletion,
        status: status({ resources: { 'service#x': trace, 'rule#y': {} } }),
      }),
      written(
        {
          resources: {
            'service#x': { ...trace, deleted_at: '2026-01-01T02:00:01Z', absent_at: '2026-01-01T02:00:40Z' },
            'rule#y': { absent_at: '2026-01-01T02:00:40Z' },
          },
        },
        { phase: 'Deleted', deletion, live: undefined, purge_at: 1 },
      ),
      [
        'controller: PhaseChanged Deleting → Deleted (Pending)',
        'controller: ResourceDeleted service x was told to go',
        'controller: ResourceAbsent service x is proven gone',
        'controller: ResourceAbsent rule y is proven gone',
        'controller: Deleted created 1, deleted 1, left over 0',
      ],
    ],
    [
      'is purged by DynamoDB',
      row({ phase: 'Deleted', purge_at: Date.parse(place.at) / 1000 - 1 }),
      undefined,
      ['dynamodb: Purged the record is gone from the table'],
    ],
  ])('a preview that %s', (_, before, after, events) => {
    expect(told(before, after)).toEqual(events);
  });

  test('a status that is written again, and messages that change, are no facts', () => {
    const before = row({ status: status({ conditions: ready('False', 'Starting') }) });
    const after = written({ conditions: ready('False', 'StillStarting') });
    expect(told(before, after)).toEqual([]);
  });
});

describe('a hand', () => {
  test.each<[string, Row | undefined, Row | undefined, string[]]>([
    [
      'that edits the spec is told by names, and by value only where nothing can be secret',
      row(),
      row({
        spec: { ...spec, image: 'shop/web:2', command: ['sh', 'secret'], env: { TOKEN: 'x', NEW: 'y' } },
      }),
      [
        'operator: SpecEdited changed spec.command, spec.env.LEVEL, spec.env.NEW, spec.env.TOKEN, ' +
          'spec.image shop/web:1 → shop/web:2',
      ],
    ],
    ['that stores nonsense', row(), row({ spec: 'canary-three' }), ['operator: SpecEdited changed spec']],
    [
      'that moves the expiry',
      row(),
      row({ expires_at: '2026-01-01T09:00:00Z' }),
      ['operator: ExpiryMoved changed expires_at 2026-01-01T02:00:00Z → 2026-01-01T09:00:00Z'],
    ],
    ['that edits the ttl', row(), row({ ttl_hours: 5 }), ['operator: TtlEdited changed ttl_hours 2 → 5']],
    ['that nudges', row(), row({ nudge: 'please' }), ['operator: Nudged another try was asked for']],
    ['that edits labels', row(), row({ labels: { a: 'b' } }), ['operator: RecordEdited changed labels']],
    [
      'that edits bookkeeping',
      row(),
      row({ status: status({ url: 'http://x' }) }),
      ['operator: RecordEdited changed status'],
    ],
    [
      'that asks for the end',
      row({ phase: 'Ready' }),
      row({ phase: 'Deleting' }),
      ['operator: PhaseChanged Ready → Deleting'],
    ],
    [
      'that says that all is gone has proven nothing',
      row({ phase: 'Ready' }),
      row({ phase: 'Deleted' }),
      ['operator: PhaseChanged Ready → Deleted (Pending)'],
    ],
    [
      'that imitates the controller, but edits the spec',
      row(),
      written({}, { spec: { ...spec, port: 9 } }),
      ['operator: SpecEdited changed spec.port 8080 → 9', 'operator: RecordEdited changed status'],
    ],
    [
      'that puts a stale form',
      row({ status: status({ rev: 7, url: 'http://x' }) }),
      row({ status: status({ rev: 4 }) }),
      ['operator: Reverted an older copy of the record was put over it'],
    ],
    [
      'that puts a stale form over a teardown',
      row({ phase: 'Deleting' }),
      row({ phase: 'Ready' }),
      [
        'operator: Reverted an older copy of the record was put over it',
        'operator: PhaseChanged Deleting → Ready (Pending)',
      ],
    ],
    [
      'that puts an item',
      undefined,
      row({ phase: 'Ready' }),
      ['operator: Created created, lives until 2026-01-01T02:00:00Z'],
    ],
    ['that removes an item', row(), undefined, ['operator: Purged the record is gone from the table']],
  ])('%s', (_, before, after, events) => {
    expect(told(before, after)).toEqual(events);
  });

  test('that puts another incarnation in the place of a record is told in both histories', () => {
    const events = projectEvents(row(), row({ preview_id: OTHER }), place);
    expect(events.map(({ preview_id, type }) => [preview_id, type])).toEqual([
      [UID, 'Reverted'],
      [OTHER, 'Reverted'],
    ]);
  });

  test('that takes the id out of a record is told in the history that the record had', () => {
    const [event] = projectEvents(row(), row({ preview_id: undefined, ttl_hours: 1 }), place);
    expect(event).toMatchObject({ preview_id: UID, by: 'operator' });
  });
});

test('structured changes tell what the message tells', () => {
  const events = projectEvents(
    row(),
    row({ ttl_hours: 5, spec: { ...spec, image: 'a', workdir: '/x' } }),
    place,
  );
  expect(events.map(({ changes }) => changes)).toEqual([
    [{ path: 'spec.image', from: 'shop/web:1', to: 'a' }, { path: 'spec.workdir' }],
    [{ path: 'ttl_hours', from: '2', to: '5' }],
  ]);
});

test('only the end that the controller has proven, and the purge, end a history', () => {
  expect(EVENT_TYPES.filter((type) => isLast({ type }))).toEqual(['Deleted', 'Purged']);
});

/** Nothing but the values of environment variables holds the canary. */
const CANARY = 'canary';
const value = fc.string({ maxLength: 6 }).map((text) => `${CANARY}${text}`);
const anything = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.jsonValue({ maxDepth: 2 }));
const env = fc.oneof(
  fc.dictionary(
    fc.constantFrom('A', 'B', 'TOKEN'),
    fc.oneof(value, fc.array(value), fc.record({ S: value })),
  ),
  fc.array(value),
  value,
);
const specs = fc.record(
  {
    image: fc.oneof(fc.constantFrom('a', 'b'), fc.integer(), fc.constant(null)),
    port: fc.oneof(fc.integer(), fc.string()),
    command: fc.oneof(fc.array(value), value),
    env,
  },
  { requiredKeys: [] },
);
const traces = fc.dictionary(
  fc.constantFrom('rule#a', 'service#b', 'nonsense'),
  fc.oneof(
    anything,
    fc.record({ created_at: fc.constantFrom('1', '2'), absent_at: anything }, { requiredKeys: [] }),
  ),
);
const statuses = fc.record(
  {
    rev: fc.oneof(fc.integer({ min: 0, max: 3 }), anything),
    conditions: fc.oneof(
      anything,
      fc.array(fc.record({ type: fc.constantFrom(...CONDITION_TYPES), status: anything, reason: anything })),
    ),
    resources: fc.oneof(anything, traces),
    slot: fc.oneof(anything, fc.record({ alb: fc.string(), n: fc.integer() })),
    last_error: fc.oneof(anything, fc.record({ reason: fc.string(), message: anything, at: anything })),
    accepted: fc.record({ spec: specs }),
    served_spec: specs,
  },
  { requiredKeys: [] },
);
const drawn = fc.option(
  fc.record(
    {
      preview_id: fc.constantFrom<unknown>(UID, OTHER, 'x', 7),
      spec: fc.oneof(specs, value, fc.array(value)),
      ttl_hours: anything,
      expires_at: anything,
      phase: fc.oneof(fc.constantFrom(...PHASES), anything),
      deletion: fc.oneof(anything, fc.record({ by: anything, reason: anything })),
      nudge: anything,
      status: fc.oneof(statuses, anything),
      purge_at: anything,
      labels: anything,
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
);
/** As the stream shows them: plain maps. */
const rows = drawn.map((one) => one && (JSON.parse(JSON.stringify(one)) as Row));

describe('whatever is stored', () => {
  test('an event holds no value of an environment variable, nor of a command', () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        expect(JSON.stringify(projectEvents(before, after, place))).not.toContain(CANARY);
      }),
      { numRuns: 2_000 },
    );
  });

  test('it is told in events that fit, sort in their order, and are the same every time', () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const events = projectEvents(before, after, place);
        const sequences = events.map(({ sequence }) => sequence);
        expect(sequences).toEqual([...new Set(sequences)].toSorted());
        for (const { message, type, preview_id } of events) {
          expect(message.length).toBeLessThanOrEqual(500);
          expect(EVENT_TYPES).toContain(type);
          expect([UID, OTHER]).toContain(preview_id);
        }
        expect(projectEvents(structuredClone(before), structuredClone(after), place)).toEqual(events);
      }),
    );
  });

  test('a hand that stores a thousand traces at once fills no history', () => {
    const resources = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`rule#${n}`, trace]));
    const events = projectEvents(row(), row({ status: status({ resources }) }), place);
    expect(events).toHaveLength(100);
    expect(events.at(-1)?.sequence).toBe('1.099');
  });
});
