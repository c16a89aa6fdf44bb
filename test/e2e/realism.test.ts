import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, type TestContext } from 'vitest';
import type { PreviewView } from '../../preview/view.ts';
import { ask, Laptop, until } from './laptop-process.ts';
import { clientsOf, inspect, NOTHING, processesWith } from './world.ts';

/** A laptop mode with AWS's rates and quotas, and with this much of its delays. */
async function start({ onTestFinished }: Pick<TestContext, 'onTestFinished'>, factor: number) {
  const laptop = await Laptop.prepare({ env: { TEMPUS_REALISM: String(factor) } });
  onTestFinished(() => laptop.dispose());
  await laptop.start();
  return laptop;
}

/** Reads are late: what is gone may be listed for a while. */
async function emptied(laptop: Laptop): Promise<void> {
  await expect.poll(() => inspect(laptop), { timeout: 30_000, interval: 500 }).toEqual(NOTHING);
  await expect.poll(() => inspect(laptop), { timeout: 30_000, interval: 500 }).toEqual(NOTHING);
}

/** Calls of the controller that ended in `outcome`, and which they were. */
async function calls(laptop: Laptop, outcome: string): Promise<Record<string, number>> {
  const { text } = await ask(`${laptop.api}/metrics`);
  const line = /^tempus_aws_calls_total\{service="(\w+)",call="(\w+)",outcome="(\w+)"\} (\d+)$/gm;
  const counted = [...text.matchAll(line)].filter((match) => match[3] === outcome && match[4] !== '0');
  return Object.fromEntries(counted.map(([, service, call, , n]) => [`${service}.${call}`, Number(n)]));
}

test("with AWS's delays a preview takes its time to be Ready and to be gone, and leaves nothing", async (context) => {
  const laptop = await start(context, 0.1);
  const begun = performance.now();
  const created = await laptop.create({ ttl_hours: 1 });
  const ready = await laptop.reach(created.id, 'Ready', 45_000);
  // 3 s, 10 s and 20 s until the task runs, 6 s until it is checked, 5 s until the rollout ends: a tenth of them.
  expect(performance.now() - begun).toBeGreaterThan(1_500);
  expect((await laptop.visit(ready)).status).toBe(200);
  await laptop.delete(created.id);
  const gone = await laptop.reach(created.id, 'Deleted', 45_000);
  expect(gone.receipt.left_over).toBe(0);
  expect(processesWith(`TEMPUS_PREVIEW_ID=${created.id}`)).toEqual([]);
  await emptied(laptop);
  // Whether its schedule is gone is asked by its name; nothing else is ever refused as such.
  expect(Object.keys(await calls(laptop, 'invalid'))).toEqual(['scheduler.getSchedule']);
}, 120_000);

test("with AWS's delays a kill -9 loses nothing, and what has expired meanwhile goes", async (context) => {
  const laptop = await start(context, 0.05);
  const [lives, expires] = await Promise.all([
    laptop.create({ ttl_hours: 1 }),
    laptop.create({ ttl_hours: 20 / 3600 }),
  ]);
  await laptop.reach(lives.id, 'Ready', 45_000);
  await laptop.end('SIGKILL');
  await laptop.start();
  await until('it serves again', async () => (await laptop.visit(lives)).status === 200, 45_000);
  const gone = await laptop.reach(expires.id, 'Deleted', 60_000);
  expect(gone).toMatchObject({ deletion: { reason: 'Expired' }, receipt: { left_over: 0 } });
  await laptop.delete(lives.id);
  await laptop.reach(lives.id, 'Deleted', 45_000);
  await emptied(laptop);
}, 200_000);

test('ten previews at once come and go in an account that others use too, throttled but without a failure', async (context) => {
  const laptop = await start(context, 0.05);
  const neighbour = clientsOf(laptop);
  const over = new AbortController();
  context.onTestFinished(() => over.abort());
  /** Changes that somebody else makes in the account, and that AWS counts with everybody's. */
  const disturb = async () => {
    const TargetGroupArn = `arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/x/${'0'.repeat(16)}`;
    while (!over.signal.aborted) {
      await neighbour.elbv2.deleteTargetGroup({ TargetGroupArn }).catch(() => undefined);
      await delay(1_000);
    }
    neighbour.destroy();
  };
  const disturbed = disturb();
  await Promise.all(
    Array.from({ length: 30 }, () => neighbour.elbv2.deleteRule({ RuleArn: 'x' }).catch(() => undefined)),
  );
  const phases = new Map<string, Set<PreviewView['phase']>>();
  const reach = async (id: string, phase: PreviewView['phase']) =>
    until(
      `${phase} of ${id}`,
      async () => {
        const view = await laptop.get(id);
        phases.set(id, (phases.get(id) ?? new Set()).add(view.phase));
        return view.phase === phase && view;
      },
      150_000,
    );
  const created = await Promise.all(Array.from({ length: 10 }, () => laptop.create({ ttl_hours: 1 })));
  await Promise.all(created.map(({ id }) => reach(id, 'Ready')));
  await Promise.all(created.map(({ id }) => laptop.delete(id)));
  const gone = await Promise.all(created.map(({ id }) => reach(id, 'Deleted')));
  over.abort();
  await disturbed;
  expect(gone.map(({ receipt }) => receipt.left_over)).toEqual(created.map(() => 0));
  expect([...phases.values()].flatMap((seen) => [...seen])).not.toContain('Failed');
  expect(await calls(laptop, 'throttle')).not.toEqual({});
  await emptied(laptop);
}, 300_000);
