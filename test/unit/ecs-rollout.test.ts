import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  breakerThreshold,
  planRollout,
  type RolloutView,
  startDelayMs,
} from '../../localcloud/ecs/rollout.ts';

const tasks = (prefix: string, health: readonly boolean[]) =>
  health.map((healthy, i) => ({ id: `${prefix}${i}`, healthy }));

const view = (more: Partial<RolloutView>): RolloutView => ({
  desired: 1,
  configuration: undefined,
  stalled: false,
  primary: [],
  older: [],
  ...more,
});

describe('a rolling update', () => {
  test('brings the new task up first by default', () => {
    const older = tasks('old', [true]);
    expect(planRollout(view({ older }))).toEqual({ start: 1, stop: [] });
    expect(planRollout(view({ older, primary: tasks('new', [false]) }))).toEqual({ start: 0, stop: [] });
    expect(planRollout(view({ older, primary: tasks('new', [true]) }))).toEqual({ start: 0, stop: ['old0'] });
  });

  test('stops the old task first when only 100 % may run', () => {
    const configuration = { minimumHealthyPercent: 0, maximumPercent: 100 };
    const older = tasks('old', [true]);
    expect(planRollout(view({ configuration, older }))).toEqual({ start: 0, stop: ['old0'] });
    expect(planRollout(view({ configuration }))).toEqual({ start: 1, stop: [] });
  });

  test('scales in the unhealthy tasks first, and everything at 0', () => {
    const primary = tasks('new', [true, false, true]);
    expect(planRollout(view({ primary }))).toEqual({ start: 0, stop: ['new1', 'new2'] });
    expect(planRollout(view({ desired: 0, primary })).stop).toHaveLength(3);
    expect(planRollout(view({ desired: 0, stalled: true, older: tasks('old', [true]) })).stop).toEqual([
      'old0',
    ]);
  });

  test('keeps what serves when it has stalled', () => {
    const older = tasks('old', [true, false]);
    expect(planRollout(view({ stalled: true, older }))).toEqual({ start: 0, stop: [] });
  });

  const health = fc.array(fc.boolean(), { maxLength: 6 });
  test('never runs more than the maximum, nor stops a healthy task below the minimum', () => {
    fc.assert(
      fc.property(
        fc.nat(5),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 101, max: 200 }),
        health,
        health,
        (desired, minimumHealthyPercent, maximumPercent, newer, old) => {
          const primary = tasks('new', newer);
          const older = tasks('old', old);
          const configuration = { minimumHealthyPercent, maximumPercent };
          const plan = planRollout(view({ desired, configuration, primary, older }));
          const most = Math.floor((desired * maximumPercent) / 100);
          const all = [...primary, ...older];
          expect(plan.start === 0 || all.length + plan.start <= most).toBe(true);
          const least = Math.ceil((desired * minimumHealthyPercent) / 100);
          const left = all.filter(({ id, healthy }) => healthy && !plan.stop.includes(id)).length;
          const stopsHealthy = all.some(({ id, healthy }) => healthy && plan.stop.includes(id));
          const scalesIn = primary.length > desired;
          expect(!stopsHealthy || scalesIn || left >= least).toBe(true);
        },
      ),
    );
  });
});

describe('the circuit breaker', () => {
  test.each([
    [1, undefined, 3],
    [20, undefined, 10],
    [1000, undefined, 200],
    [1, { type: 'COUNT', value: 2 }, 2],
    [1, { type: 'UNBOUNDED_PERCENT', value: 50 }, 1],
    [1000, { type: 'UNBOUNDED_PERCENT', value: 50 }, 500],
  ] as const)('for %i tasks and %o takes %i failures', (desired, thresholdConfiguration, expected) => {
    const breaker = {
      enable: true,
      rollback: false,
      ...(thresholdConfiguration ? { thresholdConfiguration } : {}),
    };
    expect(breakerThreshold({ deploymentCircuitBreaker: breaker }, desired)).toBe(expected);
  });

  test('is absent unless enabled', () => {
    expect(breakerThreshold(undefined, 1)).toBeUndefined();
    expect(
      breakerThreshold({ deploymentCircuitBreaker: { enable: false, rollback: false } }, 1),
    ).toBeUndefined();
  });
});

test('failures to start wait longer and longer, at most 27 minutes', () => {
  expect([0, 1, 2, 3, 30].map(startDelayMs)).toEqual([0, 1000, 2000, 4000, 27 * 60_000]);
});
