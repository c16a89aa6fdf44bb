import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readable } from '../../controller/shard-graph.ts';
import { wakes } from '../../controller/wakes.ts';
import { PRIORITY } from '../../controller/work-queue.ts';
import { withCondition } from '../../preview/conditions.ts';
import { previewCost, runCost, type TaskSize } from '../../preview/cost.ts';
import { draftPreview } from '../../preview/draft.ts';
import { canonicalInstant, expiresAt, isDue } from '../../preview/expiry.ts';
import { advance } from '../../preview/phases.ts';
import { type Phase, PHASES, type PreviewRow } from '../../preview/record.ts';
import type { AlbConfig } from '../../reconcilers/config.ts';
import { canonicalJson, hashSpec, parseSpec, type Spec } from '../../preview/spec.ts';
import { receiptOf, viewPreview, viewResources } from '../../preview/views.ts';
import { judge } from '../../reconcilers/acceptance.ts';

const SPEC: Spec = {
  image: 'acme/web:1',
  port: 8080,
  cpu: 256,
  memory: 512,
  env: {},
  health_path: '/',
  health_codes: '200-499',
};

function row(changes: Partial<PreviewRow> = {}): PreviewRow {
  const draft = draftPreview(
    {
      preview_id: '550e8400-e29b-41d4-a716-446655440000',
      owner: 'local',
      labels: {},
      source: {},
      spec: SPEC,
      ttl_hours: 2,
      urls: [],
    },
    new Date('2024-01-01T12:00:00.400Z'),
  );
  return { ...draft, ...changes };
}

const LIMITS = { max_ttl_hours: 336, allow_workdir: true, albs: [{ slots: 3 } as AlbConfig] };
const accepted = { spec: SPEC, ttl_hours: 2, expires_at: '2024-01-01T14:00:00Z' };
const withAccepted = (changes: Partial<PreviewRow>) =>
  row({ status: { ...row().status, accepted }, ...changes });

describe('expiry', () => {
  test('a preview expires exactly its hours after its creation, in canonical UTC seconds', () => {
    expect(row().expires_at).toBe('2024-01-01T14:00:00Z');
    expect(expiresAt('2024-01-01T12:00:00Z', 0.0125)).toBe('2024-01-01T12:00:45Z');
  });

  test('a life is rounded up, never cut', () => {
    fc.assert(
      fc.property(fc.double({ min: 1 / 360, max: 336, noNaN: true }), (hours) => {
        const end = Date.parse(expiresAt('2024-01-01T12:00:00Z', hours));
        const exact = Date.parse('2024-01-01T12:00:00Z') + hours * 3_600_000;
        expect(end).toBeGreaterThanOrEqual(Math.floor(exact));
        expect(end - exact).toBeLessThan(1_001);
      }),
    );
  });

  test('a preview is due from the very second of its expiry', () => {
    expect(isDue('2024-01-01T14:00:00Z', new Date('2024-01-01T13:59:59.999Z'))).toBe(false);
    expect(isDue('2024-01-01T14:00:00Z', new Date('2024-01-01T14:00:00.000Z'))).toBe(true);
  });

  test.each([
    ['2024-01-01T14:00:00Z', '2024-01-01T14:00:00Z'],
    ['2024-01-01T14:00Z', '2024-01-01T14:00:00Z'],
    ['2024-01-01T15:00:00+01:00', '2024-01-01T14:00:00Z'],
    ['2024-01-01T14:00:00.001Z', '2024-01-01T14:00:01Z'],
    ['2024-01-01T14:00:00', undefined],
    ['tomorrow', undefined],
    ['2024-13-01T14:00:00Z', undefined],
    [1_704_117_600, undefined],
    [undefined, undefined],
  ])('%s reads as %s', (text, canonical) => {
    expect(canonicalInstant(text)).toBe(canonical);
  });
});

describe('judging edited desired state', () => {
  test('an edited ttl_hours moves the end, counted from the creation', () => {
    const verdict = judge(withAccepted({ ttl_hours: 5 }), LIMITS);
    expect(verdict.finding.status).toBe('True');
    expect(verdict.expires_at).toBe('2024-01-01T17:00:00Z');
  });

  test('an edited expires_at alone decides, even beside an edited ttl_hours', () => {
    const edit = { ttl_hours: 5, expires_at: '2024-01-02T00:00:00+00:00' };
    expect(judge(withAccepted(edit), LIMITS).expires_at).toBe('2024-01-02T00:00:00Z');
  });

  test.each<[string, Partial<PreviewRow>, string]>([
    ['an unknown field', { spec: { ...SPEC, replicas: 3 } as unknown as Spec }, 'InvalidSpec'],
    ['a wrong type', { spec: { ...SPEC, port: '80' } as unknown as Spec }, 'InvalidSpec'],
    ['an impossible size', { spec: { ...SPEC, memory: 4096 } }, 'InvalidSpec'],
    ['no spec at all', { spec: undefined as unknown as Spec }, 'InvalidSpec'],
    ['a ttl that is no number', { ttl_hours: 'long' as unknown as number }, 'InvalidTtl'],
    ['a ttl over the maximum', { ttl_hours: 337 }, 'InvalidTtl'],
    ['an expiry that is no time', { expires_at: 'banana' }, 'InvalidExpiry'],
    ['an expiry beyond the maximum', { expires_at: '2999-01-01T00:00:00Z' }, 'InvalidExpiry'],
  ])('%s is refused with a reason, and what was accepted keeps ruling', (_what, edit, reason) => {
    const verdict = judge(withAccepted(edit), LIMITS);
    expect(verdict.finding).toMatchObject({ type: 'SpecAccepted', status: 'False', reason });
    expect(verdict.accepted?.spec).toEqual(SPEC);
    expect(verdict.expires_at).toBe(accepted.expires_at);
  });

  test('a record that was never acceptable still ends: a day after its creation', () => {
    const verdict = judge(row({ spec: {} as Spec, expires_at: 'banana' }), LIMITS);
    expect(verdict.accepted).toBeUndefined();
    expect(verdict.expires_at).toBe('2024-01-02T12:00:00Z');
  });

  test('workdir is refused where previews do not run on this machine', () => {
    const verdict = judge(row({ spec: { ...SPEC, workdir: '/tmp' } }), { ...LIMITS, allow_workdir: false });
    expect(verdict.finding.reason).toBe('InvalidSpec');
  });
});

describe('phases', () => {
  const moves: [Phase, Phase, Phase][] = [
    ['Pending', 'Provisioning', 'Provisioning'],
    ['Pending', 'Ready', 'Provisioning'],
    ['Failed', 'Ready', 'Provisioning'],
    ['Ready', 'Failed', 'Ready'],
    ['Degraded', 'Updating', 'Degraded'],
    ['Provisioning', 'Degraded', 'Provisioning'],
    ['Failed', 'Degraded', 'Failed'],
    ['Deleting', 'Ready', 'Deleting'],
    ['Deleted', 'Ready', 'Deleted'],
    ['Deleted', 'Deleting', 'Deleting'],
    ['Deleting', 'Deleted', 'Deleted'],
  ];
  test.each(moves)('from %s on the way to %s comes %s', (from, to, next) => {
    expect(advance(from, to)).toBe(next);
  });

  test('nothing leaves Deleting but Deleted', () => {
    for (const to of PHASES) expect(['Deleting', 'Deleted']).toContain(advance('Deleting', to));
  });

  test('Ready is never written in passing', () => {
    for (const from of PHASES)
      for (const to of PHASES)
        if (to !== 'Ready' && from !== 'Ready') expect(advance(from, to)).not.toBe('Ready');
  });

  test('a phase that is none is set right', () => {
    expect(advance('Bananas' as Phase, 'Provisioning')).toBe('Provisioning');
  });
});

describe('waking', () => {
  const before = { ...row(), status: { ...row().status, rev: 3 } };
  const bump = (rev: number) => ({ ...before.status, rev });
  test.each<[string, unknown, unknown, number | undefined]>([
    ['an insert', undefined, before, PRIORITY.change],
    ['a removal', before, undefined, PRIORITY.change],
    ['missing images', undefined, undefined, PRIORITY.change],
    ['an own status write', before, { ...before, phase: 'Ready', status: bump(4) }, undefined],
    ['an own recomputed expiry', before, { ...before, expires_at: 'x', status: bump(4) }, undefined],
    ['an edited spec', before, { ...before, spec: { ...SPEC, port: 1 } }, PRIORITY.change],
    ['an edited expiry', before, { ...before, expires_at: 'x' }, PRIORITY.change],
    ['an edited ttl', before, { ...before, ttl_hours: 9 }, PRIORITY.change],
    ['a nudge', before, { ...before, nudge: 'again' }, PRIORITY.change],
    ['a stale item put over a newer one', before, { ...before, status: bump(1) }, PRIORITY.change],
    ['a spec edit inside a status write', before, { ...before, spec: {}, status: bump(4) }, PRIORITY.change],
    ['a deletion', before, { ...before, phase: 'Deleting' }, PRIORITY.deletion],
    ['an own flip to Deleting', before, { ...before, phase: 'Deleting', status: bump(4) }, PRIORITY.deletion],
  ])('%s', (_what, was, is, priority) => {
    expect(wakes(was as Record<string, unknown>, is as Record<string, unknown>)).toBe(priority);
  });
});

describe('shards', () => {
  const shard = (ShardId: string, ParentShardId?: string) => ({
    ShardId,
    ...(ParentShardId ? { ParentShardId } : {}),
  });
  test('children are read only after their parents have ended', () => {
    const graph = [shard('a'), shard('b', 'a'), shard('c', 'b')];
    expect(readable(graph, new Set())).toEqual(['a']);
    expect(readable(graph, new Set(['a']))).toEqual(['b']);
    expect(readable(graph, new Set(['a', 'b']))).toEqual(['c']);
  });

  test('a parent that was trimmed holds nobody up', () => {
    expect(readable([shard('b', 'trimmed')], new Set())).toEqual(['b']);
  });
});

describe('hashes and conditions', () => {
  test('equal specs hash equally in whatever order their keys were stored', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).toReversed());
        expect(hashSpec(reversed)).toBe(hashSpec(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('last_transition_at moves only when the status flips', () => {
    const find = (status: 'True' | 'False', reason: string) =>
      ({ type: 'Ready', status, reason, message: '' }) as const;
    const first = withCondition([], find('False', 'Starting'), 't1');
    const same = withCondition(first, find('False', 'Crashed'), 't2');
    const flipped = withCondition(same, find('True', 'Serving'), 't3');
    expect([first, same, flipped].map(([ready]) => ready?.last_transition_at)).toEqual(['t1', 't1', 't3']);
  });

  test('a record from before there was a choice of processor and capacity is accepted, and its hash stays', () => {
    expect(parseSpec(SPEC).data).toEqual(SPEC);
    expect(hashSpec(parseSpec(SPEC).data)).toBe(hashSpec(SPEC));
    expect(parseSpec({ ...SPEC, arch: 'ARM64', capacity: 'spot' }).success).toBe(true);
    expect(parseSpec({ ...SPEC, arch: 'arm64' }).error?.issues[0]?.path).toEqual(['arch']);
  });

  test('the accepted sizes are those that Fargate sells', () => {
    expect(parseSpec(SPEC).success).toBe(true);
    expect(parseSpec({ ...SPEC, cpu: 300 }).success).toBe(false);
    const refused = parseSpec({ ...SPEC, cpu: 2048, memory: 512 });
    expect(refused.error?.issues[0]).toMatchObject({
      path: ['memory'],
      message: expect.stringContaining('4096'),
    });
  });
});

describe('cost and receipt', () => {
  const size = { cpu: 256, memory: 512 };
  test('a quarter vCPU, half a gigabyte and an address cost $0.0173 an hour, by the second, at least a minute', () => {
    expect(runCost(size, 1)).toBeCloseTo(0.01734, 5);
    expect(runCost(size, 24)).toBeCloseTo(0.4162, 4);
    expect(runCost(size, 1 / 3600)).toBe(runCost(size, 1 / 60));
    expect(runCost(size, 0)).toBe(0);
  });

  test.each([
    ['ARM', { arch: 'ARM64' }, 0.014875],
    ['Spot', { capacity: 'spot' }, 0.00895],
    ['ARM on Spot', { arch: 'ARM64', capacity: 'spot' }, 0.00816],
    ['nonsense that a hand has stored', { arch: 'vax', capacity: 'free' }, 0.01734],
  ] as [string, Partial<TaskSize>, number][])('%s costs what it costs', (_what, place, usd) => {
    expect(runCost({ ...size, ...place }, 1)).toBeCloseTo(usd, 5);
  });

  test('cost stops counting when the service was seen absent', () => {
    const resources = {
      'service#tempus-550e8400': { created_at: '2024-01-01T12:00:00Z', absent_at: '2024-01-01T13:00:00Z' },
    };
    const gone = row({ status: { ...row().status, resources } });
    expect(previewCost(gone, new Date('2024-01-05T00:00:00Z')).so_far).toBeCloseTo(0.01734, 5);
  });

  test('after a rejection the cost is that of what runs, and not of what was asked for', () => {
    const served_spec: Spec = { ...SPEC, capacity: 'on_demand' };
    const spec: Spec = { ...SPEC, capacity: 'spot' };
    const status = { ...row().status, accepted: { ...accepted, spec }, served_spec };
    const now = new Date('2024-01-01T12:00:00Z');
    expect(previewCost(row({ status }), now).per_hour).toBeCloseTo(0.00895, 5);
    const rejected = row({ status: { ...status, failed_spec: hashSpec(spec) } });
    expect(previewCost(rejected, now).per_hour).toBeCloseTo(0.01734, 5);
  });

  test('what was intended and never proven absent counts as left over', () => {
    const resources = {
      'service#a': { created_at: 't1', deleted_at: 't2', absent_at: 't3' },
      'schedule#a': { created_at: 't1', deleted_at: 't2' },
      'listener-rule#a': {},
    };
    const view = viewResources(row({ status: { ...row().status, resources } }));
    expect(receiptOf(view)).toEqual({ created: 2, deleted: 1, left_over: 2 });
  });

  test('a view shows the names of environment variables and never their values', () => {
    const secret = row({ spec: { ...SPEC, env: { TOKEN: 'hunter2' } } });
    const view = viewPreview(secret, new Date());
    expect(view.spec.env).toEqual(['TOKEN']);
    expect(JSON.stringify(view)).not.toContain('hunter2');
  });
});
