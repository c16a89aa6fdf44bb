import { describe, expect, test } from 'vitest';
import { findCondition } from '../preview/conditions.ts';
import type { PreviewRow } from '../preview/record.ts';
import { useReconciler } from './reconcile-world.ts';

const aws = useReconciler();
const silent = ({ status }: PreviewRow) =>
  findCondition(status.conditions, 'Ready')?.reason === 'UrlNotReady';

/** A preview of which only the answer through its address is missing, and how often that has been asked for. */
async function waiting() {
  const { id } = await aws.create();
  const through = aws.deps.probe;
  const state = { id, isLive: false, asked: 0 };
  aws.deps.probe = async (url, address) => {
    state.asked += 1;
    return state.isLive ? through(url, address) : { status: 404, server: 'awselb/2.0' };
  };
  await aws.until(id, silent);
  state.asked = 0;
  aws.calls.clear();
  aws.changes = [];
  return state;
}

describe('an address that does not answer yet', () => {
  test('is asked again in a moment and ever less often, and AWS is asked at most every five seconds', async () => {
    const state = await waiting();
    const { id } = state;
    const before = await aws.row(id);
    await aws.run(id, 4_900);
    expect(state.asked).toBeGreaterThanOrEqual(10);
    expect(aws.calls).toEqual(new Map());
    await aws.run(id, 55_000);
    expect(aws.calls.get('describeServices')).toBeGreaterThanOrEqual(6);
    expect(aws.calls.get('describeServices')).toBeLessThanOrEqual(12);
    expect(state.asked).toBeLessThan(60);
    expect(await aws.row(id)).toEqual(before);
    expect(aws.changes).toEqual([]);
  });

  test('is Ready within a quarter of a second of its answer when that comes soon, all of it seen once more', async () => {
    const state = await waiting();
    await aws.run(state.id, 1_200);
    state.isLive = true;
    expect(await aws.run(state.id, 250, ({ phase }) => phase === 'Ready')).toBe(true);
    for (const call of ['describeServices', 'describeTargetHealth', 'describeRules'])
      expect(aws.calls.get(call), call).toBe(1);
  });

  test('is asked once in a pass: another node of the load balancer may not know the rule yet', async () => {
    const { id } = await waiting();
    const through = aws.deps.probe;
    let nodes = 0;
    aws.deps.probe = async (url, address) => {
      nodes += 1;
      return nodes === 1 ? { status: 200, server: 'preview' } : through(url, address);
    };
    expect(await aws.run(id, 250, ({ phase }) => phase === 'Ready')).toBe(true);
  });

  test('does not keep from what was edited meanwhile', async () => {
    const { id } = await waiting();
    await aws.edit(id, { ttl_hours: 48 });
    await aws.pass(id);
    expect(aws.changes.map(({ call }) => call)).toEqual(['updateSchedule']);
  });

  test('does not hide for long that nothing is left that could', async () => {
    const { id } = await waiting();
    await aws.elbv2.deleteRule({ RuleArn: (await aws.rules())[0]!.RuleArn });
    await aws.run(id, 6_000);
    expect(await aws.rules()).toHaveLength(1);
  });
});
