import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NAMES } from '../../laptop/infrastructure.ts';
import { Laptop, until } from './laptop-process.ts';
import * as operator from './operator.ts';
import { clientsOf, inspect, NOTHING, processesWith } from './world.ts';

let laptop: Laptop;
let table: DynamoDBDocument;

beforeAll(async () => {
  laptop = await Laptop.start();
  table = clientsOf(laptop).document;
});

afterAll(() => laptop.dispose());

const edit = (id: string, path: string[], value: unknown) => operator.edit(laptop, id, path, value);

async function readyPreview(body: object = {}) {
  const created = await laptop.create({ ttl_hours: 1, ...body });
  return laptop.reach(created.id, 'Ready');
}

const seen = async (id: string, path = '/api') =>
  JSON.parse((await laptop.visit({ id }, path)).text) as object;

const echo = (word: string) => [
  'node',
  '-e',
  `require('http').createServer((q, s) => s.end(JSON.stringify({ word: '${word}', color: process.env.COLOR }))).listen(process.env.PORT)`,
];

test.concurrent(
  'an edited command and an edited environment roll out without a gap',
  async () => {
    const { id } = await readyPreview({ command: echo('one') });
    expect(await seen(id)).toMatchObject({ word: 'one' });
    let refused = 0;
    let done = false;
    const watching = (async () => {
      while (!done) if ((await laptop.visit({ id })).status !== 200) refused += 1;
    })();
    await edit(id, ['spec', 'command'], echo('two'));
    await until('the new command serves', async () => (await laptop.visit({ id })).text.includes('"two"'));
    await laptop.reach(id, 'Ready');
    await edit(id, ['spec', 'env'], { COLOR: 'teal' });
    await until('the new environment serves', async () => (await laptop.visit({ id })).text.includes('teal'));
    await laptop.reach(id, 'Ready');
    done = true;
    await watching;
    expect(refused).toBe(0);
    expect((await inspect(laptop)).services.filter((arn) => arn.includes(id))).toHaveLength(1);
    await laptop.delete(id);
    expect((await laptop.reach(id, 'Deleted')).receipt.left_over).toBe(0);
  },
  60_000,
);

test.concurrent(
  'a nonsense edit is refused with a reason while the accepted state keeps serving',
  async () => {
    const { id, spec } = await readyPreview({ command: echo('good') });
    await edit(id, ['spec', 'port'], 'eighty');
    const refused = await until('the edit is judged', async () => {
      const view = await laptop.get(id);
      return view.conditions.find(({ type }) => type === 'SpecAccepted')?.status === 'False' && view;
    });
    expect(refused.conditions.find(({ type }) => type === 'SpecAccepted')).toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('spec.port'),
    });
    expect(refused.phase).toBe('Degraded');
    expect(await seen(id)).toMatchObject({ word: 'good' });
    await edit(id, ['spec', 'port'], spec.port);
    const mended = await laptop.reach(id, 'Ready');
    expect(mended.conditions.find(({ type }) => type === 'SpecAccepted')?.status).toBe('True');
    await laptop.delete(id);
    await laptop.reach(id, 'Deleted');
  },
  60_000,
);

test.concurrent(
  'a rejected update falls back to what was Ready before, and a mended one goes through',
  async () => {
    const { id } = await readyPreview({ command: echo('good') });
    await edit(id, ['spec', 'command'], ['node', '-e', 'process.exit(7)']);
    const rolledBack = await until(
      'the update is rejected',
      async () => {
        const view = await laptop.get(id);
        return view.conditions.find(({ type }) => type === 'Ready')?.reason === 'RolledBack' && view;
      },
      60_000,
    );
    expect(rolledBack.phase).toBe('Degraded');
    expect(rolledBack.last_error).toMatchObject({ reason: 'ContainerExited' });
    expect(await seen(id)).toMatchObject({ word: 'good' });
    await edit(id, ['spec', 'command'], echo('better'));
    await until('the mended update serves', async () => (await laptop.visit({ id })).text.includes('better'));
    await laptop.reach(id, 'Ready');
    await laptop.delete(id);
    await laptop.reach(id, 'Deleted');
  },
  120_000,
);

test.concurrent(
  'an edited image that cannot run here is rejected by name, and the sample app goes on',
  async () => {
    const { id } = await readyPreview();
    await edit(id, ['spec', 'image'], 'ghcr.io/acme/web:pr-12');
    const view = await until(
      'the image is rejected',
      async () => {
        const seenNow = await laptop.get(id);
        return seenNow.last_error?.reason === 'NoContainerEngine' && seenNow.phase === 'Degraded' && seenNow;
      },
      60_000,
    );
    expect(view.spec.image).toBe('ghcr.io/acme/web:pr-12');
    expect((await laptop.visit({ id })).status).toBe(200);
    await laptop.delete(id);
    await laptop.reach(id, 'Deleted');
  },
  90_000,
);

test.concurrent(
  'a failed preview runs nothing, and a nudge has it tried again',
  async () => {
    const flag = join(laptop.home, 'flag');
    const run = `test -e ${flag} || exit 9; exec node -e "${(echo('late')[2] ?? '').replaceAll('"', '')}"`;
    const { id } = await laptop.create({ command: run, ttl_hours: 1 });
    const failed = await laptop.reach(id, 'Failed', 60_000);
    expect(failed.last_error?.message).toContain('9');
    await until('nothing of it runs', async () => processesWith(`TEMPUS_PREVIEW_ID=${id}`).length === 0);
    writeFileSync(flag, '');
    await edit(id, ['nudge'], 'please');
    await laptop.reach(id, 'Ready');
    expect(await seen(id)).toMatchObject({ word: 'late' });
    await laptop.delete(id);
    await laptop.reach(id, 'Deleted');
  },
  90_000,
);

test.concurrent(
  'a shortened ttl_hours ends the preview, counted from its creation',
  async () => {
    const { id, created_at } = await readyPreview();
    await edit(id, ['ttl_hours'], 12 / 3600);
    const gone = await laptop.reach(id, 'Deleted', 40_000);
    expect(Date.parse(gone.expires_at) - Date.parse(created_at)).toBe(12_000);
    expect(gone.deletion?.reason).toBe('Expired');
  },
  60_000,
);

test.concurrent(
  'an extended expires_at keeps the preview and moves its fuse',
  async () => {
    const created = await laptop.create({ ttl_hours: 15 / 3600 });
    await laptop.reach(created.id, 'Ready');
    const later = `${new Date(Date.now() + 7_200_000).toISOString().slice(0, 19)}Z`;
    await edit(created.id, ['expires_at'], later);
    const { scheduler } = clientsOf(laptop);
    const at = new Date(Date.parse(later) + 15 * 60_000).toISOString().slice(0, 19);
    await until('the fuse has moved', async () => {
      const schedule = await scheduler.getSchedule({
        GroupName: NAMES.schedule_group,
        Name: `tempus-${created.id}`,
      });
      return schedule.ScheduleExpression === `at(${at})`;
    });
    await until(
      'its first expiry has passed',
      async () => Date.now() > Date.parse(created.expires_at) + 6_000,
      40_000,
    );
    expect((await laptop.get(created.id)).phase).toBe('Ready');
    await laptop.delete(created.id);
    await laptop.reach(created.id, 'Deleted');
  },
  90_000,
);

test.concurrent('phase = Deleting by hand destroys the preview, with the operator named', async () => {
  const { id } = await readyPreview();
  await edit(id, ['phase'], 'Deleting');
  const gone = await laptop.reach(id, 'Deleted');
  expect(gone.deletion).toMatchObject({ reason: 'OperatorRequested', by: 'operator' });
  expect(gone.receipt).toEqual({ created: 6, deleted: 6, left_over: 0 });
});

test.concurrent(
  'a record that claims to be Deleted while its resources stand is destroyed before it is believed',
  async () => {
    const { id } = await readyPreview();
    await edit(id, ['phase'], 'Deleted');
    const gone = await until('it is really gone', async () => {
      const view = await laptop.get(id);
      return view.deleted_at !== null && view;
    });
    expect(gone.receipt.left_over).toBe(0);
  },
);

test.concurrent(
  'a record that claims to be Ready before it is, is not believed',
  async () => {
    const { id } = await laptop.create({ command: 'sleep 1; exec node -e ""', ttl_hours: 1 });
    await edit(id, ['phase'], 'Ready');
    const corrected = await until('the phase is set right', async () => {
      const view = await laptop.get(id);
      return view.phase !== 'Ready' && view;
    });
    expect(['Provisioning', 'Failed']).toContain(corrected.phase);
    await laptop.delete(id);
    await laptop.reach(id, 'Deleted');
  },
  60_000,
);

test.concurrent('a stale copy of a record that is put back over its tombstone revives nothing', async () => {
  const { id } = await readyPreview();
  const stale = (await table.get({ TableName: NAMES.previews, Key: { id } })).Item;
  await laptop.delete(id);
  await laptop.reach(id, 'Deleted');
  await table.put({ TableName: NAMES.previews, Item: stale });
  const gone = await until('it is torn down again', async () => {
    const view = await laptop.get(id);
    return view.phase === 'Deleted' && view;
  });
  expect(gone.receipt.left_over).toBe(0);
});

test('in the end nothing is left', async () => {
  expect(await inspect(laptop)).toEqual(NOTHING);
});
