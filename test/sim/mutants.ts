import type { Mutant } from './mutate.ts';
import type { Plan, PlannedFault } from './plan.ts';

/** A defect, and the runs that are made to notice it. */
export interface Suspect extends Mutant {
  plans?: Plan[];
}

/** How many seeds each defect has, after its own runs, before it counts as alive. */
export const SEED_BUDGET = 150;

const late = (call: string, ms = 600_000): Plan => ({
  scenario: 'shortest-life',
  faults: [[`controller/${call}#1`, 'late', ms]],
});

const LEAK: Plan[] = ['elbv2.createTargetGroup', 'scheduler.createSchedule', 'coordination.update'].map(
  (call) => late(call),
);

/** No list of records shows yet what was made a moment ago. */
const OLD_LISTS: Plan = {
  scenario: 'births-around-a-sweep',
  faults: Array.from({ length: 200 }, (_, n): PlannedFault => [
    `controller/previews.query#${n + 1}`,
    'stale',
    20_000,
  ]),
};

const READS = [
  'ecs.describeServices',
  'ecs.listTaskDefinitions',
  'elbv2.describeTargetGroups',
  'elbv2.describeRules',
  'scheduler.getSchedule',
];
/** The first reads of every kind show what AWS was like before anything was made. */
const BLIND: Plan = {
  scenario: 'delete-mid-provision',
  faults: READS.flatMap((read) =>
    Array.from({ length: 8 }, (_, n): PlannedFault => [`controller/${read}#${n + 1}`, 'stale', 20_000]),
  ),
};

export const MUTANTS: readonly Suspect[] = [
  {
    name: 'the record is closed before anything is seen absent',
    file: 'reconcilers/teardown.ts',
    find: "if (outcome === 'absent' && !fault) return sighted(begun, work, deps);",
    replace: 'return close(begun, work, deps);',
  },
  {
    name: 'one sighting of absence is enough',
    file: 'reconcilers/teardown.ts',
    find: 'seenFor >= config.absence_grace_ms',
    replace: 'true',
    plans: [BLIND],
  },
  {
    name: 'names are drawn at random',
    file: 'preview/names.ts',
    find: 'return `tempus-${id}`;',
    replace: 'return `tempus-${id.slice(0, 4)}${Math.floor(Math.random() * 9000 + 1000)}`;',
  },
  {
    name: 'nothing is ever listed',
    file: 'controller/resync.ts',
    find: 'await this.#list(full);',
    replace: '',
  },
  {
    name: 'a list ends after its first page',
    file: 'preview/store.ts',
    find: '} while (from);',
    replace: '} while (false);',
  },
  {
    name: 'an expiry does not rest on the expiry that was seen',
    file: 'preview/store.ts',
    find: "const EXPIRES_AS_READ = 'expires_at = :seen';",
    replace: "const EXPIRES_AS_READ = '(expires_at = :seen OR expires_at <> :seen)';",
  },
  {
    name: 'a status write does not rest on the rev that was read',
    file: 'preview/store.ts',
    find: '(#status.rev = :rev OR attribute_not_exists(#status.rev))',
    replace: '(#status.rev = :rev OR attribute_not_exists(#status.rev) OR #status.rev <> :rev)',
  },
  {
    name: 'a preview is due a second after its time',
    file: 'preview/store.ts',
    find: 'expires_at <= :now',
    replace: 'expires_at < :now',
  },
  {
    name: 'a retry brings an erased record back',
    file: 'preview/store.ts',
    find: "const IS_SAME = 'attribute_exists(id) AND preview_id = :uid';",
    replace: "const IS_SAME = '(attribute_not_exists(id) OR preview_id = :uid)';",
  },
  {
    name: 'an event brings an erased record back',
    file: 'preview/store.ts',
    find: "const MAY_BE_OBSERVED = 'attribute_exists(id) AND phase <> :deleted';",
    replace: "const MAY_BE_OBSERVED = 'phase <> :deleted';",
    plans: [{ scenario: 'events-of-what-is-no-more', faults: [] }],
  },
  {
    name: 'an event asks for another try',
    file: 'preview/store.ts',
    find: "'SET observed_event = :mark'",
    replace: "'SET observed_event = :mark, nudge = :mark'",
    plans: [{ scenario: 'events-ask-for-nothing', faults: [] }],
  },
  {
    name: 'whoever hears events does not look by himself',
    file: 'controller/config.ts',
    find: 'rollout_poll_ms: 30_000,',
    replace: 'rollout_poll_ms: 36_000_000,',
    also: [
      {
        file: 'controller/config.ts',
        find: 'full_list_ms: 300_000,',
        replace: 'full_list_ms: 36_000_000,',
      },
    ],
    plans: [{ scenario: 'events-that-all-get-lost', faults: [] }],
  },
  {
    name: 'whatever carries the name of the install is adopted',
    file: 'preview/names.ts',
    find: 'tags.get(TAGS.install) === install && tags.get(TAGS.uid) === row.preview_id',
    replace: 'tags.get(TAGS.install) === install',
  },
  {
    name: 'nothing says that a teardown has begun',
    file: 'reconcilers/teardown.ts',
    find: 'await coordination.markGone(row.preview_id);',
    replace: 'await Promise.resolve();',
  },
  {
    name: 'an extension does not move the fuse',
    file: 'reconcilers/fuse.ts',
    find: 'observed.ScheduleExpression !== fuse.ScheduleExpression ||',
    replace: '',
  },
  {
    name: 'the fuse comes after the service',
    file: 'reconcilers/converge.ts',
    find: "    { condition: 'RouteReady', ensure: ensureFuse },\n",
    replace: '',
    also: [
      {
        file: 'reconcilers/converge.ts',
        find: "  [{ condition: 'ServiceReady', ensure: ensureService }],",
        replace: `  [{ condition: 'ServiceReady', ensure: ensureService }],
  [{ condition: 'RouteReady', ensure: ensureFuse }],`,
      },
    ],
  },
  {
    name: 'the service does not wait for the fuse',
    file: 'reconcilers/converge.ts',
    find: "    { condition: 'RouteReady', ensure: ensureFuse },\n",
    replace: '',
    also: [
      {
        file: 'reconcilers/converge.ts',
        find: "  [{ condition: 'ServiceReady', ensure: ensureService }],",
        replace: `  [
    { condition: 'RouteReady', ensure: ensureFuse },
    { condition: 'ServiceReady', ensure: ensureService },
  ],`,
      },
    ],
  },
  {
    name: 'a rejected spec is deployed again and again',
    file: 'reconcilers/rollout.ts',
    find: 'const rejected = status.failed_spec === hash',
    replace: 'const rejected = false && status.failed_spec === hash',
  },
  {
    name: 'a slot is not given back',
    file: 'reconcilers/teardown.ts',
    find: 'await releaseSlots(row, config.albs, coordination);',
    replace: '',
  },
  {
    name: 'the controller does not look at the time itself',
    file: 'reconcilers/preview.ts',
    find: "isDue(judge(row, deps.config).expires_at, now) ? because('Expired', 'controller') : undefined",
    replace: 'undefined',
  },
  {
    name: 'nothing is swept',
    file: 'controller/term.ts',
    find: 'if (board) parts.push(this.#sweep(board, tenure));',
    replace: '',
    plans: LEAK,
  },
  {
    name: 'what is seen once, in a list, is swept',
    file: 'reconcilers/sweep.ts',
    find: 'clock.monotonic() - seen.ms >= config.orphan_age_ms',
    replace: 'true',
    also: [
      {
        file: 'reconcilers/sweep.ts',
        find: 'if (!(await isStrayStill(stray, deps))) continue;',
        replace: '',
      },
    ],
    plans: [OLD_LISTS],
  },
  {
    name: 'neither the sweep nor its deletes look at whose a resource is',
    file: 'reconcilers/orphans.ts',
    find: 'if (!proof || proof.install !== config.install || proof.uid === undefined) return [];',
    replace: 'if (!proof || proof.uid === undefined) return [];',
    also: [
      {
        file: 'preview/names.ts',
        find: 'tags.get(TAGS.install) === install && tags.get(TAGS.uid) === row.preview_id',
        replace: 'tags.get(TAGS.uid) === row.preview_id',
      },
    ],
  },
];
