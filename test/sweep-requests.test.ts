import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Sweeper } from '../controller/sweeper.ts';
import { systemRandom as random } from '../platform/random.ts';
import { Coordination } from '../preview/coordination.ts';
import { PreviewStore } from '../preview/store.ts';
import { SweepBoard, type SweepReport } from '../preview/sweep-board.ts';
import { coordinationTable, previewsTable } from '../preview/tables.ts';
import { MemoryDatabase } from './sim/database/memory-database.ts';
import { sdkError, useReconciler } from './reconcile-world.ts';
import { Broom, land, leaveFor, MINUTE, nth } from './sweep-world.ts';

const world = useReconciler({ albs: [10] });
let broom: Broom;
beforeEach(() => {
  broom = new Broom(world);
});

describe('the breaker', () => {
  const many = async (n: number) => {
    for (let at = 1; at <= n; at += 1) await land(world, nth(at), { priority: 40_000 + at });
  };

  test('lets three previews go, and stops before the first of four', async () => {
    await many(3);
    await broom.sweepFor(14);
    expect(await world.revisions()).toEqual([]);
    await many(4);
    const reports = await broom.sweepFor(14);
    expect(reports.flatMap(({ deleted }) => deleted)).toEqual([]);
    expect(reports.at(-1)?.breaker).toMatchObject({ previews: 4, allowed: 3 });
    expect(await world.revisions()).toHaveLength(4);
  });

  test('stays shut for a request that allows too few, and opens for one that does not, until all is gone', async () => {
    await many(4);
    await broom.sweepFor(6);
    expect((await broom.sweep(leaveFor(3))).deleted).toEqual([]);
    const first = await broom.sweep(leaveFor(4));
    expect(new Set(first.deleted.map(({ id }) => id)).size).toBe(4);
    await world.clock.advance(2 * MINUTE);
    await broom.sweepFor(4);
    for (let n = 1; n <= 4; n += 1) expect(await world.group(nth(n).id)).toBeUndefined();
    expect(await world.revisions()).toEqual([]);
  });

  test('a request opens it once: who comes later needs another one', async () => {
    await many(4);
    await broom.sweepFor(6);
    await broom.sweep(leaveFor(4));
    await world.clock.advance(2 * MINUTE);
    await broom.sweepFor(4);
    for (let at = 5; at <= 8; at += 1) await land(world, nth(at), { priority: 40_000 + at });
    const reports = await broom.sweepFor(14);
    expect(reports.flatMap(({ deleted }) => deleted).filter(({ id }) => id >= 'dead0005')).toEqual([]);
    expect(await world.revisions()).toHaveLength(4);
  });
});

describe('a request', () => {
  const four = async () => {
    for (let at = 1; at <= 4; at += 1) await land(world, nth(at), { priority: 40_000 + at });
  };

  test('is left for later while what it is meant for is too young', async () => {
    await four();
    const leave = leaveFor(4);
    await broom.sweep(leave);
    await world.clock.advance(4 * MINUTE);
    expect((await broom.sweep(leave)).request_id).toBeNull();
    await world.clock.advance(2 * MINUTE);
    expect(await broom.sweep(leave)).toMatchObject({ request_id: 'r4', breaker: null });
    expect(leave.used).toBe(true);
  });

  test('is used up where it allows too few, and where there is nothing to allow', async () => {
    const idle = leaveFor(9);
    expect(await broom.sweep(idle)).toMatchObject({ request_id: 'r9', deleted: [] });
    await four();
    await broom.sweepFor(6);
    const small = leaveFor(3);
    const breaker = { previews: 4, allowed: 3 };
    expect(await broom.sweep(small)).toMatchObject({ request_id: 'r3', breaker, deleted: [] });
    expect([idle.used, small.used]).toEqual([true, true]);
  });

  test('that somebody else has taken allows nothing', async () => {
    await four();
    await broom.sweepFor(6);
    const taken = { ...leaveFor(4), take: async () => false };
    expect(await broom.sweep(taken)).toMatchObject({ request_id: null, deleted: [] });
  });

  test('is not used by a sweep whose lists are incomplete', async () => {
    await four();
    await broom.sweepFor(6);
    const leave = leaveFor(4);
    world.twists.set('listSchedules', () => Promise.reject(sdkError('ThrottlingException')));
    await expect(broom.sweep(leave)).rejects.toThrow('ThrottlingException');
    expect(leave.used).toBe(false);
  });
});

describe('the board', () => {
  const AT = '2026-01-01T00:00:00Z';
  const report = (at: string, n = 0): SweepReport => ({
    at,
    orphans: Array.from({ length: n }, (_, i) => {
      return { kind: 'service', name: `s${i}`, id: 'dead0001', reason: 'NoRecord', first_seen_at: AT };
    }),
    deleted: [],
    kept: [],
    aborted: null,
    breaker: null,
    request_id: null,
  });
  let board: SweepBoard;
  beforeEach(() => {
    board = new SweepBoard({ client: world.client, table: 'coordination' });
  });

  test('holds no more of a long report than an item can, and says so', async () => {
    await board.writeReport(report(AT, 5_000), undefined);
    const stored = await board.readReport();
    expect(stored?.orphans).toHaveLength(100);
    expect(stored?.left_out).toBe(4_900);
  });

  test('keeps the report of the next leader when an older one comes late', async () => {
    const next = report('2026-01-01T00:02:00Z', 1);
    await board.writeReport(next, undefined);
    await board.writeReport(report(AT, 2), undefined);
    expect(await board.readReport()).toEqual(next);
  });

  test('gives a request to one sweep', async () => {
    await board.request({ request_id: 'a', max: 4, requested_at: AT, by: 'test' });
    expect(await board.useRequest('b', AT)).toBe(false);
    expect(await board.useRequest('a', AT)).toBe(true);
    expect(await board.useRequest('a', AT)).toBe(false);
  });
});

describe("the leader's loop", () => {
  let board: SweepBoard;
  let reports: SweepReport[];
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    const { clock, deps } = world;
    // In memory: what has to settle before time goes on settles by promises alone.
    const database = new MemoryDatabase({ clock, random });
    database.createTable(previewsTable('previews'));
    database.createTable(coordinationTable('coordination'));
    const client = database.document;
    board = new SweepBoard({ client, table: 'coordination' });
    const store = new PreviewStore({ client, table: 'previews' });
    const coordination = new Coordination({ client, table: 'coordination' });
    reports = [];
    stop = new AbortController();
    const onSwept = (report: SweepReport) => reports.push(report);
    running = new Sweeper({ ...deps, store, coordination, random, board, onSwept }).run(stop.signal);
    await world.clock.advance(0);
    expect(reports).toHaveLength(1);
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  const ask = (request_id: string, max: number, requested_at = world.clock.now().toISOString()) =>
    board.request({ request_id, max, requested_at, by: 'test' });
  const usedAt = async () => (await board.readRequest())?.used_at;

  test('sweeps every two minutes, and writes one report of an install where nothing happens', async () => {
    const first = await board.readReport();
    await world.clock.advance(20 * MINUTE);
    expect(reports.length).toBeGreaterThanOrEqual(8);
    expect(reports.length).toBeLessThanOrEqual(14);
    expect(await board.readReport()).toEqual(first);
  });

  test('answers a request within 15 s', async () => {
    await world.clock.advance(20_000);
    await ask('now', 4);
    await world.clock.advance(15_000);
    expect(reports.map(({ request_id }) => request_id)).toEqual([null, 'now']);
    expect(await usedAt()).toBeDefined();
  });

  test('sweeps no more often for a request that it leaves for later, and uses it when it is needed', async () => {
    for (let at = 1; at <= 4; at += 1) await land(world, nth(at), { priority: 40_000 + at });
    await ask('early', 4);
    await world.clock.advance(15_000);
    expect(reports).toHaveLength(2);
    await world.clock.advance(75_000);
    expect([reports.length, await usedAt()]).toEqual([2, undefined]);
    await world.clock.advance(12 * MINUTE);
    expect(reports.filter(({ request_id }) => request_id === 'early')).toHaveLength(1);
    expect(await world.revisions()).toEqual([]);
    expect(reports.at(-1)?.orphans).toEqual([]);
  });

  test('takes no leave that was given more than an hour ago', async () => {
    await ask('old', 9, '2025-12-31T22:59:00Z');
    await world.clock.advance(10 * MINUTE);
    expect(await usedAt()).toBeUndefined();
  });

  test('reports a list that failed, keeps the request for a sweep that works, and goes on', async () => {
    world.twists.set('listSchedules', () => Promise.reject(sdkError('ThrottlingException')));
    await ask('patient', 4);
    await world.clock.advance(3 * MINUTE);
    expect(await board.readReport()).toMatchObject({ aborted: 'ThrottlingException', request_id: null });
    expect(await usedAt()).toBeUndefined();
    world.twists.clear();
    await world.clock.advance(3 * MINUTE);
    expect(reports.some(({ request_id }) => request_id === 'patient')).toBe(true);
    expect((await board.readReport())?.aborted).toBeNull();
  });

  test('deletes nothing more once its tenure has ended', async () => {
    for (let at = 1; at <= 3; at += 1) await land(world, nth(at), { priority: 40_000 + at });
    world.twists.set('deleteService', async (proceed) => {
      stop.abort();
      return proceed();
    });
    await world.clock.advance(10 * MINUTE);
    await running;
    const left = [1, 2, 3].map((n) => world.service(nth(n).id));
    expect((await Promise.all(left)).map((service) => service?.status)).toEqual([
      undefined,
      'ACTIVE',
      'ACTIVE',
    ]);
  });
});
