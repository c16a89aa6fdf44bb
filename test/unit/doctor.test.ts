import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { credentialFault } from '../../aws/errors.ts';
import { explainAws } from '../../cli/doctor/aws-failure.ts';
import { runChecks } from '../../cli/doctor/check.ts';
import { judgeSkew } from '../../cli/doctor/clock-skew.ts';
import { judgeControlPlane } from '../../cli/doctor/cluster.ts';
import { judgeFargate, usedVcpus } from '../../cli/doctor/fargate.ts';
import { ok } from '../../cli/doctor/finding.ts';
import { judgeStream } from '../../cli/doctor/leader.ts';
import {
  type BalancerFacts,
  judgeBalancers,
  judgeTargetGroups,
  SLOTS,
} from '../../cli/doctor/load-balancers.ts';
import { INSTALL_NAME, installNames } from '../../cli/doctor/names.ts';
import type { RecordState } from '../../cli/doctor/live-records.ts';
import { judgeOrphans, withoutRecord } from '../../cli/doctor/orphans.ts';
import { LAPTOP } from '../../cli/doctor/place.ts';
import { judgeRecords } from '../../cli/doctor/records.ts';
import { judgeSweep } from '../../cli/doctor/sweep.ts';
import { judgeTable, wishedTables } from '../../cli/doctor/tables.ts';
import { compareVersions, judgeVersions } from '../../cli/doctor/versions.ts';
import { skewOf } from '../../platform/date-header.ts';
import { ManualClock } from '../fakes/clock.ts';
import { sdkError } from '../reconcile-world.ts';

const NOW = new Date('2026-01-01T12:00:00Z');
const before = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000).toISOString();
const names = installNames('tempus');
const region = 'eu-central-1';

describe('checks', () => {
  test('one that never ends is given up, one that throws is shown as broken, and the others are made', async () => {
    const clock = new ManualClock();
    const done = runChecks(
      [
        { name: 'endless', look: () => new Promise(() => undefined) },
        { name: 'broken', look: () => Promise.reject(new TypeError('x is not a function')) },
        { name: 'foreseen', look: () => Promise.reject(new Error('no')), explain: () => ok('it said no') },
        { name: 'fine', look: async () => [ok('one'), ok('two')] },
      ],
      clock,
    );
    await clock.advance(20_000);
    expect(await done).toMatchObject([
      { check: 'endless', state: 'fail', finding: 'no answer within 20 s' },
      { check: 'broken', state: 'fail', finding: 'this check is broken: x is not a function' },
      { check: 'foreseen', state: 'ok' },
      { check: 'fine', finding: 'one' },
      { check: 'fine', finding: 'two' },
    ]);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ['AccessDeniedException', 'skipped', 'not allowed: ecs:ListTasks'],
    ['ThrottlingException', 'fail', 'AWS asks for patience at ecs:ListTasks'],
    ['TimeoutError', 'fail', 'no answer from AWS to ecs:ListTasks'],
    ['ExpiredTokenException', 'fail', 'credentials do not work for ecs:ListTasks'],
    ['ValidationException', 'fail', 'AWS refuses ecs:ListTasks: ValidationException'],
  ])('%s is %s', (name, state, finding) => {
    const error = name === 'TimeoutError' ? Object.assign(new Error('late'), { name }) : sdkError(name);
    expect(explainAws({ actionOf: () => 'ecs:ListTasks' })(error)).toMatchObject({ state, finding });
  });

  test('what no call to AWS has thrown is a defect, and explained by nobody', () => {
    expect(explainAws({ actionOf: () => undefined })(new TypeError('x'))).toBeUndefined();
  });
});

describe('the clock', () => {
  test('a date within the time that an answer took is no difference', () => {
    const sent = Date.parse('2026-01-01T12:00:00.900Z');
    expect(skewOf('Thu, 01 Jan 2026 12:00:01 GMT', sent, sent + 300)).toBe(0);
    expect(skewOf('Thu, 01 Jan 2026 12:00:00 GMT', sent, sent + 300)).toBe(0);
  });

  test('the difference is never told larger than it is, and smaller by no more than a second and the answer’s time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e9, max: 1e9 }),
        fc.integer({ min: 0, max: 20_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (skew, took, when) => {
          const sent = NOW.getTime() + 137;
          const answered = sent + Math.floor(took * when) + skew;
          const told = skewOf(new Date(answered).toUTCString(), sent, sent + took)!;
          expect(Math.abs(told)).toBeLessThanOrEqual(Math.abs(skew));
          expect(Math.abs(skew) - Math.abs(told)).toBeLessThanOrEqual(took + 1_000);
        },
      ),
    );
  });

  test.each([
    [0, 'ok'],
    [-5_000, 'ok'],
    [6_000, 'warn'],
    [-299_000, 'warn'],
    [301_000, 'fail'],
    [undefined, 'skipped'],
  ])('%s ms is %s', (skew, state) => expect(judgeSkew('AWS', skew).state).toBe(state));
});

test('credentials that are missing, over, unknown or signed at another time are told apart', () => {
  const fault = (name: string, message = '') => credentialFault(Object.assign(new Error(message), { name }));
  expect(fault('CredentialsProviderError', 'Could not load credentials from any providers')).toBe('none');
  expect(fault('CredentialsProviderError', 'The SSO session has expired')).toBe('expired');
  expect(fault('ExpiredTokenException')).toBe('expired');
  expect(fault('UnrecognizedClientException')).toBe('unknown');
  expect(fault('InvalidSignatureException', 'Signature expired: 20260101T000000Z is now earlier')).toBe(
    'clock',
  );
  expect(fault('InvalidSignatureException', 'The request signature we calculated does not match')).toBe(
    'unknown',
  );
  expect(fault('AccessDeniedException')).toBeUndefined();
});

describe('versions', () => {
  test('are compared by number', () => {
    expect(compareVersions('0.9.0', '0.10.0')).toBeLessThan(0);
    expect(compareVersions('1.0.0', '0.10.0')).toBeGreaterThan(0);
    expect(compareVersions('1.2.3', '1.2.3')).toBe(0);
  });

  test('of a newer command the API is to be upgraded, and the other way round', () => {
    const fixes = (command: string, api: string) =>
      judgeVersions({ command, api, controller: api }, false).map(({ fix }) => fix);
    expect(fixes('2.0.0', '1.0.0')).toEqual(['git pull && npm ci && make build push deploy']);
    expect(fixes('1.0.0', '2.0.0')).toEqual(['git pull && npm ci']);
    expect(judgeVersions({ command: '1.0.0', api: '1.0.0', controller: undefined }, true)).toMatchObject([
      { state: 'ok' },
    ]);
  });
});

describe('the stream', () => {
  const leader = {
    leader: 'c',
    version: '1',
    became_leader_at: before(10),
    at: before(0),
    age_s: 0,
    stale: false,
    queue_depth: 0,
    stream_lag_s: 0,
    last_full_list_at: null,
    last_sweep_at: null,
  };
  test.each([
    [{ stream_lag_s: 60 }, 'ok'],
    [{ stream_lag_s: 61 }, 'warn'],
    [{ stream_lag_s: null }, 'warn'],
    [{ stream_lag_s: null, became_leader_at: before(0.5) }, 'ok'],
    [{ stale: true }, 'skipped'],
  ])('%j is %s', (changes, state) =>
    expect(judgeStream({ ...leader, ...changes }, NOW, LAPTOP).state).toBe(state),
  );
});

describe('the sweep', () => {
  const empty = {
    at: before(60),
    orphans: [],
    deleted: [],
    kept: [],
    aborted: null,
    breaker: null,
    request_id: null,
  };
  const facts = { report: empty, last_sweep_at: before(1), led: true, since: before(60) };
  const orphan = (minutes: number, held_by?: string) => ({
    kind: 'service',
    name: 'n',
    id: 'dead0001',
    reason: 'NoRecord',
    first_seen_at: before(minutes),
    ...(held_by === undefined ? {} : { held_by }),
  });
  const states = (changes: object) =>
    judgeSweep({ ...facts, ...changes }, NOW, LAPTOP).map(({ state, finding }) => `${state}: ${finding}`);

  test('orphans become a failure with their age, and what holds them is said', () => {
    expect(states({ report: { ...empty, orphans: [orphan(10)] } })).toEqual([
      'warn: 1 left over, the first seen 10m ago',
    ]);
    expect(states({ report: { ...empty, orphans: [orphan(16, 'service'), orphan(2)] } })).toEqual([
      'fail: 2 left over, the first seen 16m ago, held by service',
    ]);
  });

  test('silence is told from quiet, and an aborted sweep from both', () => {
    expect(states({})).toEqual(['ok: nothing is left over']);
    expect(states({ last_sweep_at: before(11) })).toEqual(['warn: no sweep for 11m']);
    expect(states({ last_sweep_at: null, report: null })).toEqual(['warn: no sweep for 1h']);
    expect(states({ last_sweep_at: null, since: before(1) })).toEqual(['ok: nothing is left over']);
    expect(states({ report: { ...empty, aborted: 'Throttled' } })).toEqual([
      'warn: the last sweep was aborted: Throttled',
    ]);
    expect(states({ led: false })).toEqual(['skipped: nobody leads, so nobody sweeps']);
  });
});

describe('load balancers', () => {
  const LIMITS = new Map([
    ['rules-per-application-load-balancer', 100],
    ['target-groups-per-application-load-balancer', 100],
  ]);
  const balancer = (
    changes: Partial<Record<'rules' | 'target_groups' | 'slots', number>> = {},
  ): BalancerFacts => ({
    name: 'tempus-previews-1',
    state: 'active',
    ports: [80],
    rules: Array.from({ length: changes.rules ?? 0 }, () => ({})),
    target_groups: changes.target_groups ?? 0,
    holders: Array.from({ length: changes.slots ?? 0 }, (_, n) => String(n)),
  });
  const judge = (...all: BalancerFacts[]) =>
    judgeBalancers(all, LIMITS, { names, region }).map(({ state, finding }) => `${state}: ${finding}`);

  test('one that is full beside one that is empty is no reason to worry', () => {
    expect(judge(balancer({ slots: 95 }), balancer())).toEqual(['ok: 2 of previews, 95 of 190 slots used']);
  });

  test('slots, rules and target groups each have their own limit', () => {
    expect(judge(balancer({ slots: 75, rules: 98, target_groups: 98 }))).toEqual([
      expect.stringMatching(/^ok/),
    ]);
    expect(judge(balancer({ slots: 76 }))).toEqual(['warn: 76 of 95 slots are used']);
    expect(judge(balancer({ rules: 99 }))).toEqual(['warn: tempus-previews-1 has 99 of 100 rules']);
    expect(judge(balancer({ target_groups: 100 }))).toEqual([
      'fail: tempus-previews-1 has 100 of 100 target groups',
    ]);
  });

  test('with four of them there is no more to be had but another install', () => {
    const full = Array.from({ length: 4 }, () => balancer({ slots: 95 }));
    const [found] = judgeBalancers(full, LIMITS, { names, region });
    expect(found!.fix).toContain('second install');
  });

  test('the Region’s target groups are judged by their quota, which may not be known', () => {
    expect(judgeTargetGroups(2_399, 3_000, region).state).toBe('ok');
    expect(judgeTargetGroups(2_400, 3_000, region)).toMatchObject({
      state: 'warn',
      fix: expect.stringContaining('--desired-value 6000 --quota-code $(aws service-quotas') as string,
    });
    expect(judgeTargetGroups(3_000, 3_000, region).state).toBe('fail');
    expect(judgeTargetGroups(3_000, undefined, region).state).toBe('ok');
  });
});

describe('Fargate', () => {
  const tasks = [
    { cpu: '256' },
    { cpu: '512', capacityProviderName: 'FARGATE' },
    { cpu: '1024', capacityProviderName: 'FARGATE_SPOT' },
  ];

  test('what runs on Spot counts against the quota of Spot alone', () => {
    expect([usedVcpus(tasks, 'on demand'), usedVcpus(tasks, 'Spot')]).toEqual([0.75, 1]);
  });

  test.each([
    [6, 0, 'warn', 24],
    [undefined, 1, 'warn', 20],
    [100, 10, 'ok', 360],
    [100, 80, 'warn', 80],
    [6, 5.9, 'fail', 0],
    [6, 7, 'fail', 0],
  ])('%s vCPU with %s used is %s, and %s fit', (quota, used, state, fits) => {
    expect(judgeFargate('on demand', quota, used, region)).toMatchObject({ state, facts: { fits } });
  });
});

describe('the control plane', () => {
  const at = { cluster: 'tempus', region };
  const wanted = ['tempus-api', 'tempus-controller'];
  const service = (serviceName: string, changes: object = {}) => ({
    serviceName,
    desiredCount: 2,
    runningCount: 2,
    deployments: [{ status: 'PRIMARY', rolloutState: 'COMPLETED' as const }],
    ...changes,
  });
  const judge = (...services: Parameters<typeof judgeControlPlane>[1]) =>
    judgeControlPlane(wanted, services, at).map(({ state, finding }) => `${state}: ${finding}`);
  const api = service('tempus-api');

  test('is judged by tasks and rollouts', () => {
    expect(judge()).toEqual([expect.stringMatching(/^skipped/)]);
    expect(judge(api)).toEqual(['fail: service tempus-controller is not there']);
    expect(judge(api, service('tempus-controller'))).toEqual([
      expect.stringMatching(/^ok: tempus-api runs 2, tempus-/),
    ]);
    const other = (changes: object) => judge(api, service('tempus-controller', changes));
    expect(other({ runningCount: 0 })).toEqual(['fail: tempus-controller runs 0 of 2']);
    expect(other({ runningCount: 1 })).toEqual(['warn: tempus-controller runs 1 of 2']);
    const rollout = (rolloutState: string) => other({ deployments: [{ status: 'PRIMARY', rolloutState }] });
    expect(rollout('FAILED')).toEqual(['fail: the rollout of tempus-controller has failed']);
    expect(rollout('IN_PROGRESS')).toEqual(['warn: tempus-controller is being rolled out']);
  });

  test('a rollout that ECS takes back has failed, while it goes back and after that has completed', () => {
    const failed = ['fail: the rollout of tempus-controller has failed'];
    const primary = (rolloutState: string, rolloutStateReason: string, minutes = 60) => ({
      status: 'PRIMARY',
      rolloutState,
      rolloutStateReason,
      createdAt: new Date(before(minutes)),
    });
    const other = (changes: object) => judge(api, service('tempus-controller', changes));
    const back = 'ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.';
    const completed = primary('COMPLETED', 'ECS deployment ecs-svc/3 completed.');
    expect(other({ deployments: [primary('IN_PROGRESS', back)] })).toEqual(failed);
    expect(other({ deployments: [completed, { status: 'ACTIVE', rolloutState: 'FAILED' }] })).toEqual(failed);
    // The failed deployment is gone, and the one that went back says no more than that it has completed.
    const events = [
      {
        message: '(service tempus-controller) rolling back to deployment ecs-svc/1.',
        createdAt: new Date(before(60)),
      },
    ];
    expect(other({ deployments: [completed], events })).toEqual(failed);
    const mended = primary('COMPLETED', 'ECS deployment ecs-svc/4 completed.', 10);
    expect(other({ deployments: [mended], events })).toEqual([expect.stringMatching(/^ok/)]);
  });
});

describe('tables', () => {
  const wish = wishedTables({ names })['previews']!;
  const { KeySchema, GlobalSecondaryIndexes = [] } = wish.table;
  const table = {
    TableStatus: 'ACTIVE' as const,
    KeySchema,
    StreamSpecification: wish.table.StreamSpecification,
    GlobalSecondaryIndexes: GlobalSecondaryIndexes.map((index) => ({
      ...index,
      IndexStatus: 'ACTIVE' as const,
    })),
  };
  const judge = (changes: object, rest = {}) =>
    judgeTable(
      wish,
      { table: { ...table, ...changes }, ttl: 'purge_at', recoverable: true, ...rest },
      region,
    );

  test('as preview/tables.ts makes one there is nothing to say', () => {
    expect(judge({})).toMatchObject([{ state: 'ok' }]);
  });

  test('a stream of another kind is turned off first, because it cannot be changed', () => {
    const [found] = judge({ StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' } });
    expect(found).toMatchObject({ state: 'fail', finding: expect.stringContaining('KEYS_ONLY') as string });
    expect(found!.fix).toMatch(/StreamEnabled=false && aws dynamodb wait .* && .*NEW_AND_OLD_IMAGES$/);
  });

  test('of a table with another key nothing is to be lost', () => {
    const [found] = judge({ KeySchema: [{ AttributeName: 'name', KeyType: 'HASH' }] });
    expect(found).toMatchObject({ state: 'fail', finding: 'tempus-previews has the key name' });
    expect(found!.fix).toMatch(
      /^give --install, or install under another name; .*back it up and delete it, then make deploy$/,
    );
  });

  test('an index that is being made, a table that is, and time to live on another attribute', () => {
    const [index] = GlobalSecondaryIndexes;
    expect(judge({ GlobalSecondaryIndexes: [{ ...index, IndexStatus: 'CREATING' }] })).toMatchObject([
      { state: 'fail', fix: 'wait until it is ACTIVE' },
    ]);
    expect(judge({ TableStatus: 'UPDATING' })).toMatchObject([{ state: 'warn' }]);
    expect(judge({ TableStatus: 'CREATING' })).toMatchObject([{ state: 'fail' }]);
    expect(judge({}, { ttl: 'expires_at' })).toMatchObject([{ state: 'warn' }]);
  });
});

describe('records and what they leave over', () => {
  const record = (id: string, changes: object = {}) => ({
    id,
    preview_id: `${id}-0000-4000-8000-000000000000`,
    phase: 'Ready' as const,
    expires_at: before(-60),
    ...changes,
  });

  test('five minutes past the end are not yet a failure, and a teardown is none', () => {
    expect(judgeRecords([record('aaaa0001', { expires_at: before(5) })], NOW)).toMatchObject([
      { state: 'ok' },
    ]);
    expect(judgeRecords([record('aaaa0001', { expires_at: before(5.1) })], NOW)).toMatchObject([
      { state: 'fail', finding: '1 preview (aaaa0001) past the end, by up to 5m 6s' },
    ]);
    const deletion = { requested_at: before(40), reason: 'Expired', by: 'lambda' };
    const deleting = { phase: 'Deleting' as const, expires_at: before(40) };
    expect(judgeRecords([record('aaaa0001', { ...deleting, deletion })], NOW)).toMatchObject([
      { state: 'warn', fix: 'tempus show aaaa0001' },
    ]);
    expect(judgeRecords([record('aaaa0001', deleting)], NOW)).toMatchObject([{ state: 'ok' }]);
  });

  test('many are counted, and five of them named', () => {
    const all = Array.from({ length: 7 }, (_, n) => record(`aaaa000${n}`, { phase: 'Failed' }));
    expect(judgeRecords(all, NOW)[0]!.finding).toBe(
      '7 previews (aaaa0000, aaaa0001, aaaa0002, aaaa0003, aaaa0004 and 2 more) Failed',
    );
  });

  test('tags decide whose something is, and a name where there are none', () => {
    const live = record('aaaa0001');
    const standing = [
      { kind: 'listener-rule' as const, name: 'own', id: live.id, uid: live.preview_id, kept: false },
      { kind: 'listener-rule' as const, name: 'earlier', id: live.id, uid: 'another', kept: false },
      { kind: 'schedule' as const, name: 'named', id: live.id, kept: false },
      { kind: 'schedule' as const, name: 'alone', id: 'bbbb0001', kept: false },
    ];
    expect(withoutRecord(standing, [live]).map(({ name }) => name)).toEqual(['earlier', 'alone']);
  });

  test('what a record has come for since the list is no orphan; what one was closed over long ago has failed', () => {
    const { id, preview_id } = record('aaaa0001');
    const one = { kind: 'service' as const, name: 'tempus-aaaa0001', id, uid: preview_id, kept: false };
    const judge = (state?: RecordState) => judgeOrphans([one], new Map([[id, state]]), NOW).state;
    expect(judge()).toBe('warn');
    expect(judge({ preview_id, phase: 'Pending' })).toBe('ok');
    expect(judge({ preview_id: 'another', phase: 'Pending' })).toBe('warn');
    expect(judge({ preview_id, phase: 'Deleted', deleted_at: before(15) })).toBe('warn');
    expect(judge({ preview_id, phase: 'Deleted', deleted_at: before(16) })).toBe('fail');
    expect(judge({ preview_id: 'another', phase: 'Deleted', deleted_at: before(16) })).toBe('warn');
  });
});

describe('names', () => {
  const terraform = [
    'names',
    'tables',
    'cluster',
    'load-balancers',
    'fuse',
    'expire',
    'api',
    'controller',
    'variables',
  ]
    .map((file) => readFileSync(new URL(`../../terraform/${file}.tf`, import.meta.url), 'utf8'))
    .join('\n');

  test('are those that Terraform gives', () => {
    for (const name of Object.values(installNames('${var.install}'))) {
      if (name === '${var.install}') expect(terraform).toMatch(/^\s+name = var\.install$/m);
      else expect(terraform).toContain(`"${name}${name.endsWith('-') ? '${n}' : ''}"`);
    }
  });

  test('and so is the number of slots', () => {
    expect(terraform).toMatch(new RegExp(`^ +slots = ${SLOTS}$`, 'm'));
  });

  test.each([
    ['tempus', true],
    ['a', true],
    ['tempus-qa-16-chars', false],
    ['exactly-16-chars', true],
    ['tempus-', false],
    ['1tempus', false],
  ])('%s as an install: %s', (name, good) => expect(INSTALL_NAME.test(name)).toBe(good));
});
