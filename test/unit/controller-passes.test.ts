import { TargetGroupNotFoundException } from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from 'vitest';
import { AWS_PACE } from '../../controller/config.ts';
import { Passes } from '../../controller/passes.ts';
import { PRIORITY } from '../../controller/work-queue.ts';
import { silentLog as log } from '../../platform/log.ts';
import type { ReconcilerDeps } from '../../reconcilers/pass.ts';
import { ManualClock } from '../fakes/clock.ts';

const random = { next: () => 0.5, uuid: () => '' };

/** Passes over a store that answers what the test says; nothing gets as far as AWS. */
function passesOver(get: () => Promise<unknown>) {
  const clock = new ManualClock();
  const counted: string[] = [];
  const passes = new Passes({
    reconciler: {
      clock,
      log,
      config: { ...AWS_PACE, max_ttl_hours: 336 },
      store: { get, writeStatus: async (row: object) => row },
      coordination: { isGone: async () => false },
      ports: { ecs: {}, elbv2: {}, scheduler: {}, logs: {} },
    } as unknown as ReconcilerDeps,
    random,
    deadlineMs: 120_000,
    assertLeader: () => undefined,
    observer: { onPass: ({ kind }) => void counted.push(kind), onOverrun: () => undefined },
  });
  return { passes, counted, clock };
}

const refused = {
  id: '550e8400',
  preview_id: '550e8400-e29b-41d4-a716-446655440000',
  phase: 'Pending',
  created_at: '2026-01-01T00:00:00Z',
  expires_at: '2026-01-02T00:00:00Z',
  ttl_hours: 24,
  spec: { image: 'Not an image' },
  status: { rev: 0, conditions: [], resources: {} },
};

describe('what follows a pass', () => {
  test('a record that is gone is not looked at again', async () => {
    const { passes, counted } = passesOver(async () => undefined);
    expect(await passes.run('550e8400', PRIORITY.change)).toBeUndefined();
    expect(counted).toEqual(['finished']);
  });

  test('a failed pass is tried again later each time, at the priority that it had', async () => {
    const { passes, counted } = passesOver(() => Promise.reject(new Error('no answer')));
    for (const priority of Object.values(PRIORITY))
      expect((await passes.run(`key-${priority}`, priority))?.priority).toBe(priority);
    const delays: (number | undefined)[] = [];
    for (let n = 0; n < 12; n += 1) delays.push((await passes.run('550e8400', PRIORITY.change))?.ms);
    expect(delays.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(delays.at(-1)).toBe(300_000);
    expect(counted).not.toContain('again');
  });

  test('what AWS does not show yet is tried again sooner, and in the end as seldom', async () => {
    const unseen = new TargetGroupNotFoundException({ $metadata: {}, message: 'not found' });
    const { passes } = passesOver(() => Promise.reject(unseen));
    const delays: (number | undefined)[] = [];
    for (let n = 0; n < 14; n += 1) delays.push((await passes.run('550e8400', PRIORITY.change))?.ms);
    expect(delays.slice(0, 4)).toEqual([250, 500, 1_000, 2_000]);
    expect(delays.at(-1)).toBe(300_000);
  });

  test('a pass that went well lets the next failure start from the shortest delay', async () => {
    let broken = true;
    const { passes } = passesOver(() =>
      broken ? Promise.reject(new Error('no answer')) : Promise.resolve(refused),
    );
    for (let n = 0; n < 5; n += 1) await passes.run('550e8400', PRIORITY.change);
    broken = false;
    await passes.run('550e8400', PRIORITY.change);
    broken = true;
    expect((await passes.run('550e8400', PRIORITY.change))?.ms).toBe(1_000);
  });

  test('what is looked at again comes back as a timer, except what is being taken away', async () => {
    const { passes } = passesOver(async () => refused);
    for (const priority of [PRIORITY.change, PRIORITY.timer, PRIORITY.list])
      expect((await passes.run('550e8400', priority))?.priority).toBe(PRIORITY.timer);
    expect((await passes.run('550e8400', PRIORITY.deletion))?.priority).toBe(PRIORITY.deletion);
  });
});

test('a pass leaves no timer behind', async () => {
  const { passes, clock } = passesOver(async () => undefined);
  await passes.run('550e8400', PRIORITY.change);
  expect(clock.pending).toBe(0);
});
