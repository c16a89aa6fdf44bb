import { describe, expect, test } from 'vitest';
import type { Container } from '../preview/containers.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { SeveralSpec } from '../preview/spec.ts';
import { sweep } from '../reconcilers/sweep.ts';
import { useReconciler } from './reconcile-world.ts';
import { IMAGES } from './sim/tasks.ts';

const aws = useReconciler({ paths: true, albs: [4, 3] });

function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: IMAGES.good, env: {}, essential: true, depends_on: {}, ...more };
}

const HEALTH = { health_path: '/', health_codes: '200' };
const web = container('web', { public: true, port: 3000, ...HEALTH, depends_on: { db: 'started' } });
const api = container('api', { public: 'api', port: 4000, ...HEALTH });
const admin = container('admin', { public: 'admin-ui', port: 5000, ...HEALTH });
const db = container('db', { port: 5432 });

const specOf = (...containers: Container[]): SeveralSpec => ({ containers, cpu: 512, memory: 1024 });
const THREE = specOf(web, api, db);

async function groups(): Promise<string[]> {
  const { TargetGroups = [] } = await aws.elbv2.describeTargetGroups({});
  return TargetGroups.map(({ TargetGroupName = '' }) => TargetGroupName).toSorted();
}

/** The name of the target group that a request for a host is led to. */
async function groupOf(url: string): Promise<string | undefined> {
  const { TargetGroups = [] } = await aws.elbv2.describeTargetGroups({});
  const rule = (await aws.rules()).find(({ Conditions }) =>
    Conditions?.some(({ HostHeaderConfig }) => HostHeaderConfig?.Values?.includes(new URL(url).hostname)),
  );
  return TargetGroups.find((group) => group.TargetGroupArn === rule?.Actions?.[0]?.TargetGroupArn)
    ?.TargetGroupName;
}

const owners = async (alb = 'alb-0') => (await aws.deps.coordination.readSlots(alb)).owners;
const hosts = ({ status }: PreviewRow) => (status.urls ?? []).filter((url) => !url.includes('/preview-'));
const gone = ({ phase }: PreviewRow) => phase === 'Deleted';

describe('a preview of several containers', () => {
  test('has an address, a target group and a slot for each public one, and leaves nothing', async () => {
    const row = await aws.ready({ spec: THREE });
    const { id, preview_id: uid } = row;
    expect(await owners()).toEqual({ [uid]: 0, [`${uid}/api`]: 1 });
    expect((await aws.rules()).map(({ Priority }) => Number(Priority)).toSorted((a, b) => a - b)).toEqual([
      1, 2, 10001, 10002,
    ]);
    const [first = '', second = ''] = row.status.urls!.filter((url) => url.startsWith('http://preview-'));
    expect(await groupOf(first)).toBe(`tempus-${id}`);
    expect(await groupOf(second)).toBe(`tempus-${id}-api`);
    expect(second).toContain(`preview-${id}-api.`);
    for (const url of row.status.urls!)
      expect(aws.ask(url, aws.config.albs[0]!.listener_arn).status).toBe(200);
    expect((await aws.service(id))?.loadBalancers).toMatchObject([
      { containerName: 'web', containerPort: 3000 },
      { containerName: 'api', containerPort: 4000 },
    ]);
    aws.changes = [];
    await aws.run(id, 600_000);
    expect(aws.changes).toEqual([]);
    await aws.remove(id);
    const { status } = await aws.until(id, gone);
    expect([await aws.left(id), await groups(), await owners()]).toEqual([[], [], {}]);
    expect(Object.values(status.resources).every(({ absent_at }) => absent_at)).toBe(true);
    expect(Object.keys(status.resources)).toContain(`target-group#tempus-${id}-api`);
  });

  test('tells each container its own port and where the others listen', async () => {
    const { id } = await aws.ready({ spec: THREE });
    const { taskDefinition } = await aws.ecs.describeTaskDefinition({ taskDefinition: `tempus-${id}` });
    const [first] = taskDefinition!.containerDefinitions!;
    const env = Object.fromEntries(first!.environment!.map(({ name, value }) => [name, value]));
    expect(env).toMatchObject({ PORT: '3000', PORT_WEB: '3000', PORT_API: '4000', PORT_DB: '5432' });
    expect(first!.dependsOn).toEqual([{ containerName: 'db', condition: 'START' }]);
  });

  test('is Ready only when every address has a healthy target, and names the container that is not', async () => {
    const spec = specOf(web, { ...api, image: IMAGES.sick }, db);
    const { id } = await aws.create({ spec });
    const row = await aws.until(id, ({ phase }) => phase === 'Failed');
    expect(row.status.last_error).toMatchObject({ reason: 'HealthCheckFailed' });
    await aws.run(id, 60_000);
    expect((await aws.service(id))?.desiredCount).toBe(0);
  });

  test('names the container that ended, and not those that were stopped with it', async () => {
    const healthcheck = {
      command: ['CMD', 'ready'],
      interval_s: 10,
      timeout_s: 5,
      retries: 3,
      start_period_s: 0,
    };
    const afterDb = { ...web, depends_on: { db: 'healthy' as const } };
    const spec = specOf(afterDb, api, { ...db, image: IMAGES.crashing, healthcheck });
    const { id } = await aws.create({ spec });
    const row = await aws.until(id, ({ phase }) => phase === 'Failed');
    expect(row.status.last_error).toMatchObject({ reason: 'ContainerExited' });
    expect(row.status.last_error!.message).toContain('container db');
  });
});

describe('an edit', () => {
  test('that adds an address gets a slot for it, and serves it', async () => {
    const { id } = await aws.ready({ spec: THREE });
    await aws.edit(id, { spec: specOf(web, api, admin, db) });
    await aws.until(id, ({ phase, status }) => phase === 'Ready' && status.urls!.length === 6);
    expect(await groups()).toEqual([`tempus-${id}`, `tempus-${id}-admin-ui`, `tempus-${id}-api`]);
  });

  test('that drops an address takes its rules at once, and its group and slot when nothing uses them', async () => {
    const { id, preview_id: uid } = await aws.ready({ spec: THREE });
    await aws.edit(id, { spec: specOf(web, db) });
    await aws.pass(id);
    expect((await aws.rules()).map(({ Priority }) => Priority)).toEqual(['1', '10001']);
    expect(await groups()).toContain(`tempus-${id}-api`);
    await aws.until(id, ({ phase }) => phase === 'Ready');
    expect([await groups(), await owners()]).toEqual([[`tempus-${id}`], { [uid]: 0 }]);
    await aws.remove(id);
    await aws.until(id, gone);
    expect(await aws.left(id)).toEqual([]);
  });

  test('that is rejected falls back to the addresses before it', async () => {
    const { id, preview_id: uid } = await aws.ready({ spec: THREE });
    await aws.edit(id, { spec: specOf({ ...web, image: IMAGES.crashing }, admin, db) });
    const row = await aws.until(id, ({ phase, status }) => {
      const ready = status.conditions.find(({ type }) => type === 'Ready');
      return phase === 'Degraded' && ready?.reason === 'RolledBack';
    });
    expect(row.status.urls!.some((url) => url.includes(`preview-${id}-api`))).toBe(true);
    await aws.run(id, 60_000);
    expect(await groups()).toEqual([`tempus-${id}`, `tempus-${id}-api`]);
    expect(Object.keys(await owners()).toSorted()).toEqual([uid, `${uid}/api`]);
  });

  test('from one container to several and back keeps the preview at its address', async () => {
    const { id, spec } = await aws.ready();
    await aws.edit(id, { spec: THREE });
    await aws.until(id, ({ phase, status }) => phase === 'Ready' && status.urls!.length === 4);
    await aws.edit(id, { spec });
    await aws.until(id, ({ phase, status }) => phase === 'Ready' && status.urls!.length === 2);
    expect(await groups()).toEqual([`tempus-${id}`]);
    expect(hosts(await aws.row(id)).length).toBeLessThanOrEqual(1);
  });
});

describe('slots', () => {
  test('are given all at once and on one load balancer, the oldest first', async () => {
    const small = await aws.ready({ created_at: '2025-12-31T00:00:00Z' });
    const four = specOf(web, api, admin, db, container('x', { public: 'x', port: 6000, ...HEALTH }));
    const big = await aws.create({ spec: four, created_at: '2025-12-31T01:00:00Z' });
    await aws.pass(big.id);
    expect((await aws.row(big.id)).status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Admitted', status: 'False', reason: 'CapacityExhausted' }),
    );
    const young = await aws.create({ created_at: '2025-12-31T02:00:00Z' });
    await aws.pass(young.id);
    // Three are free on the first and three on the second: the young one must not take what the big one waits for.
    expect((await aws.row(young.id)).phase).toBe('Pending');
    await aws.remove(small.id);
    aws.woken = [];
    await aws.until(small.id, gone);
    expect(aws.woken).toEqual([big.id, young.id]);
    await aws.until(big.id, ({ phase }) => phase === 'Ready');
    await aws.until(young.id, ({ phase }) => phase === 'Ready');
    expect(Object.keys(await owners()).length).toBe(4);
    expect(Object.keys(await owners('alb-1'))).toEqual([young.preview_id]);
  });

  test('more than any load balancer has are refused, and hold up nobody', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const more = names.map((name, n) => container(name, { public: name, port: 6000 + n, ...HEALTH }));
    const { id } = await aws.create({ spec: specOf(web, db, ...more), created_at: '2025-12-31T00:00:00Z' });
    await aws.pass(id);
    expect(await aws.said(id, 'SpecAccepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    expect((await aws.ready()).phase).toBe('Ready');
  });

  test('that an edit needs and nobody has are waited for, while what was served goes on', async () => {
    const { id } = await aws.ready({ spec: specOf(web, api, db) });
    const other = await aws.ready({ spec: specOf(web, api, db) });
    await aws.edit(id, { spec: specOf(web, api, admin, db) });
    await aws.pass(id);
    const row = await aws.row(id);
    expect(row.phase).toBe('Degraded');
    expect(row.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', reason: 'CapacityExhausted' }),
    );
    for (const url of row.status.urls!)
      expect(aws.ask(url, aws.config.albs[0]!.listener_arn).status).toBe(200);
    await aws.remove(other.id);
    await aws.until(other.id, gone);
    await aws.until(id, ({ phase, status }) => phase === 'Ready' && status.urls!.length === 6);
  });
});

describe('what an address leaves behind', () => {
  test('is found by its slot although an old copy of the record was put back', async () => {
    const { id } = await aws.ready();
    const old = await aws.row(id);
    await aws.edit(id, { spec: THREE });
    await aws.until(id, ({ phase, status }) => phase === 'Ready' && status.urls!.length === 4);
    await aws.client.put({ TableName: 'previews', Item: { ...old } });
    await aws.remove(id);
    await aws.until(id, gone);
    expect([await groups(), await aws.rules(), await owners()]).toEqual([[], [], {}]);
  });

  test('is swept when a call came after the end', async () => {
    const { id, preview_id: uid } = await aws.ready({ spec: THREE });
    const { TargetGroups = [] } = await aws.elbv2.describeTargetGroups({ Names: [`tempus-${id}-api`] });
    const { TagDescriptions = [] } = await aws.elbv2.describeTags({
      ResourceArns: [TargetGroups[0]!.TargetGroupArn!],
    });
    await aws.remove(id);
    await aws.until(id, gone);
    await aws.elbv2.createTargetGroup({
      Name: `tempus-${id}-api`,
      TargetType: 'ip',
      Protocol: 'HTTP',
      Port: 80,
      VpcId: 'vpc-1',
      Tags: TagDescriptions[0]!.Tags,
    });
    await aws.deps.coordination.reserveSlots('alb-0', [{ n: 2, holder: `${uid}/api` }]);
    const sightings = new Map();
    for (let n = 0; n < 4; n += 1) {
      await sweep(sightings, undefined, aws.deps);
      await aws.clock.advance(aws.config.orphan_age_ms / 2);
    }
    expect([await groups(), await owners()]).toEqual([[], {}]);
  });
});
