import { describe, expect, test, vi } from 'vitest';
import type { PreviewRow } from '../preview/record.ts';
import { sdkError, useReconciler } from './reconcile-world.ts';
import { IMAGES } from './sim/tasks.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const aws = useReconciler({ albs: [5] });

/** Nothing is written and nothing in AWS is changed for an hour. */
async function quiet(id: string): Promise<PreviewRow> {
  const before = await aws.row(id);
  aws.changes = [];
  await aws.run(id, HOUR);
  expect(aws.changes).toEqual([]);
  expect(await aws.row(id)).toEqual(before);
  return before;
}

const failed = ({ phase }: PreviewRow) => phase === 'Failed';
const degraded = ({ phase }: PreviewRow) => phase === 'Degraded';
const ready = ({ phase }: PreviewRow) => phase === 'Ready';
const changes = (name: string) => aws.changes.filter(({ call }) => call === name).length;

describe('an install in which nothing happens is quiet', () => {
  test('a preview that failed runs nothing, and is tried again only when it is asked for', async () => {
    const { id } = await aws.create({ image: IMAGES.crashing });
    await aws.until(id, failed);
    await aws.run(id, MINUTE);
    expect((await aws.service(id))?.desiredCount).toBe(0);
    const row = await quiet(id);
    expect(row.status.last_error?.reason).toBe('ContainerExited');
    await aws.deps.store.nudge(row, 'again');
    await aws.until(id, ({ phase }) => phase === 'Provisioning');
    await aws.until(id, failed);
    await aws.run(id, MINUTE);
    await quiet(id);
  });

  test('an update that was rejected serves what was good before', async () => {
    const { id } = await aws.ready();
    await aws.edit(id, { 'spec.image': IMAGES.crashing });
    await aws.until(id, ({ status }) => status.conditions.some(({ reason }) => reason === 'RolledBack'));
    await aws.run(id, 2 * MINUTE);
    expect((await quiet(id)).phase).toBe('Degraded');
    expect(aws.ask(`http://preview-${id}.test.example/`, aws.config.albs[0]!.listener_arn).status).toBe(200);
  });

  test('a preview that waits for a slot, and one with a refused edit', async () => {
    const all = [];
    for (let n = 0; n < 5; n += 1) all.push(await aws.ready());
    const { id: refused } = all[0]!;
    await aws.edit(refused, { 'spec.port': 'eighty' });
    await aws.until(refused, degraded);
    const { id: waiting } = await aws.create();
    await aws.run(waiting, MINUTE);
    expect(await aws.said(waiting, 'Admitted')).toMatchObject({ reason: 'CapacityExhausted' });
    for (const id of [refused, waiting]) await quiet(id);
  });
});

describe('steps that do not need each other', () => {
  test('are all made as far as they get, though one of them fails', async () => {
    const { id } = await aws.create();
    aws.twists.set('describeTargetGroups', () => Promise.reject(new Error('cut off')));
    expect(await aws.pass(id)).toMatchObject({ kind: 'fault', fault: { kind: 'transient' } });
    expect(await aws.fuses()).toEqual([`tempus-${id}`]);
    expect(aws.changes.map(({ call }) => call)).toEqual(['createSchedule']);
    aws.twists.clear();
    await aws.until(id, ready);
  });

  test('have all ended when their pass has, also where one fails at once', async () => {
    const { id } = await aws.create();
    const held = Promise.withResolvers<void>();
    aws.twists.set('getSchedule', async (proceed) => {
      await held.promise;
      return proceed();
    });
    aws.twists.set('describeTargetGroups', () => Promise.reject(new Error('cut off')));
    let ended = false;
    const pass = aws.pass(id).finally(() => (ended = true));
    await vi.waitFor(() => expect(aws.calls.get('describeServices')).toBe(1));
    for (let n = 0; n < 10; n += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    held.resolve();
    await pass;
    expect(await aws.fuses()).toEqual([`tempus-${id}`]);
  });
});

describe('what time can cure', () => {
  test('a missing image is tried again every five minutes, and is Ready once it is there', async () => {
    const { id } = await aws.create({ image: IMAGES.missing });
    await aws.until(id, failed);
    await aws.run(id, MINUTE);
    aws.changes = [];
    await aws.run(id, HOUR);
    expect((await aws.row(id)).status.last_error?.reason).toBe('ImageNotFound');
    // Up and down again each time: two changes of the service, and no new revision.
    expect(changes('updateService')).toBeGreaterThan(12);
    expect(changes('updateService')).toBeLessThanOrEqual(26);
    expect(changes('registerTaskDefinition')).toBe(0);
    aws.published.add(IMAGES.missing);
    await aws.until(id, ready, 8 * MINUTE);
  });

  test('an update to a missing image serves the old one between the tries', async () => {
    const { id } = await aws.ready();
    await aws.edit(id, { 'spec.image': IMAGES.missing });
    await aws.until(id, ({ status }) => status.conditions.some(({ reason }) => reason === 'RolledBack'));
    for (let n = 0; n < 20; n += 1) {
      await aws.run(id, MINUTE);
      const { status } = aws.ask(`http://preview-${id}.test.example/`, aws.config.albs[0]!.listener_arn);
      expect(status).toBe(200);
    }
    aws.published.add(IMAGES.missing);
    await aws.until(id, ready, 8 * MINUTE);
  });

  const denials: [string, string][] = [
    ['createService', 'AccessDeniedException'],
    ['createTargetGroup', 'AccessDenied'],
    ['registerTaskDefinition', 'AccessDeniedException'],
    ['createSchedule', 'AccessDeniedException'],
    ['createRule', 'TooManyRules'],
  ];
  test.each(denials)(
    '%s refused with %s is said, tried in peace, and done when it may be',
    async (call, name) => {
      aws.twists.set(call, () => Promise.reject(sdkError(name, 'User: x is not authorized')));
      const { id } = await aws.create();
      await aws.run(id, 2 * MINUTE);
      expect((await aws.said(id, 'Ready'))?.status).toBe('False');
      const before = await aws.row(id);
      aws.changes = [];
      await aws.run(id, HOUR);
      expect(changes(call)).toBeGreaterThan(5);
      expect(changes(call)).toBeLessThanOrEqual(13);
      expect((await aws.row(id)).status.rev).toBe(before.status.rev);
      aws.twists.clear();
      await aws.until(id, ready, 8 * MINUTE);
    },
  );

  test('AWS that does not answer is said once, and the record is not written at every try', async () => {
    const { id } = await aws.ready();
    aws.twists.set('describeServices', () => Promise.reject(new Error('socket hang up')));
    await aws.run(id, DRIFT);
    await aws.run(id, 5 * MINUTE);
    expect(await aws.said(id, 'ServiceReady')).toMatchObject({ status: 'Unknown', reason: 'AwsUnavailable' });
    const before = await aws.row(id);
    await aws.run(id, HOUR);
    expect(await aws.row(id)).toEqual(before);
    aws.twists.clear();
    await aws.until(
      id,
      (row) => ready(row) && row.status.conditions.every(({ status }) => status === 'True'),
    );
  });
});

const DRIFT = 6 * MINUTE;

describe('the fuse', () => {
  const fuse = (id: string) => aws.scheduler.getSchedule({ GroupName: 'tempus', Name: `tempus-${id}` });

  test('stands before anything that costs, and follows an extension with all that belongs to it', async () => {
    const { id } = await aws.ready({ ttl_hours: 1, expires_at: '2026-01-01T01:00:00Z' });
    const order = aws.changes.map(({ call }) => call);
    expect(order.indexOf('createSchedule')).toBeLessThan(order.indexOf('createService'));
    const before = await fuse(id);
    expect(before.ScheduleExpression).toBe('at(2026-01-01T01:15:00)');
    await aws.edit(id, { expires_at: '2026-01-01T05:00:00Z' });
    await aws.run(id, MINUTE);
    const after = await fuse(id);
    expect(after.ScheduleExpression).toBe('at(2026-01-01T05:15:00)');
    expect(after.Target).toEqual(before.Target);
    expect(after.ActionAfterCompletion).toBe('DELETE');
  });

  test('one that fired early is said and repaired, and Ready comes back', async () => {
    const { id } = await aws.ready({ ttl_hours: 1, expires_at: '2026-01-01T01:00:00Z' });
    await aws.edit(id, { expires_at: '2026-01-01T20:00:00Z' });
    await aws.clock.advance(2 * HOUR);
    expect((await aws.service(id))?.desiredCount).toBe(0);
    expect(await aws.fuses()).toEqual([]);
    await aws.until(id, ({ status }) => status.conditions.some(({ reason }) => reason === 'FuseFired'));
    expect(await aws.said(id, 'Ready')).toMatchObject({ status: 'False', reason: 'FuseFired' });
    await aws.until(id, ready);
    expect((await fuse(id)).ScheduleExpression).toBe('at(2026-01-01T20:15:00)');
    expect((await aws.service(id))?.desiredCount).toBe(1);
  });

  test('one that has fired at the end of a preview leaves nothing of it behind', async () => {
    const { id } = await aws.ready({ expires_at: '2026-01-01T00:10:00Z' });
    await aws.run(id, 9 * MINUTE);
    await aws.clock.advance(30 * MINUTE);
    expect((await aws.service(id))?.desiredCount).toBe(0);
    await aws.until(id, ({ phase }) => phase === 'Deleted');
    expect(await aws.left(id)).toEqual([]);
  });
});
