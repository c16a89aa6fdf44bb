import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { wakes } from '../controller/wakes.ts';
import { PRIORITY } from '../controller/work-queue.ts';
import { eventPattern, observe, type ObserveDeps } from '../lambda/observe.ts';
import { EcsModel } from '../localcloud/ecs/model.ts';
import { EventBus } from '../localcloud/events/event-bus.ts';
import type { CloudEvent } from '../localcloud/events/event.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { memoryState } from '../localcloud/state.ts';
import { silentLog } from '../platform/log.ts';
import { draftPreview } from '../preview/draft.ts';
import { projectEvents } from '../preview/events.ts';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { previewsTable } from '../preview/tables.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';
import { ManualClock } from './fakes/clock.ts';
import { matches } from './fakes/event-pattern.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { FakeTargetGroups } from './fakes/fake-target-groups.ts';
import { SeededRandom } from './sim/random.ts';

const UID = '550e8400-e29b-41d4-a716-446655440000';
const ID = '550e8400';
const CLUSTER = 'tempus';
const PLACE = { region: 'us-east-1', account: '000000000000' };
const PATTERN = eventPattern({ ...PLACE, cluster: CLUSTER }) as Record<string, unknown>;

let tables: Endpoint;
let client: DynamoDBDocument;
let deps: ObserveDeps;

beforeEach(async () => {
  tables = await Endpoint.open();
  client = DynamoDBDocument.from(tables.dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  await tables.dynamodb.createTable(previewsTable('previews'));
  deps = {
    store: new PreviewStore({ client, table: 'previews' }),
    cluster: CLUSTER,
    log: { ...silentLog, warn: vi.fn(), debug: vi.fn() },
  };
});

afterEach(() => tables.close());

const draft = draftPreview(
  {
    preview_id: UID,
    owner: 'local',
    labels: {},
    source: {},
    spec: { image: 'i', port: 80, cpu: 256, memory: 512, env: {}, health_path: '/', health_codes: '200' },
    ttl_hours: 24,
    urls: [],
  },
  new Date('2026-01-01T00:00:00Z'),
);

async function born(changes: Partial<PreviewRow> = {}): Promise<PreviewRow> {
  const row = { ...draft, ...changes };
  await client.put({ TableName: 'previews', Item: row });
  return row;
}

const item = async () => (await client.get({ TableName: 'previews', Key: { id: ID } })).Item;
const items = async () => (await client.scan({ TableName: 'previews' })).Items ?? [];

let told = 0;
const service = (eventName: string, name = `tempus-${ID}`, cluster = CLUSTER) => ({
  version: '0',
  id: `00000000-0000-4000-8000-${String((told += 1)).padStart(12, '0')}`,
  source: 'aws.ecs',
  ...PLACE,
  time: '2026-01-01T00:00:07Z',
  'detail-type': eventName.startsWith('SERVICE_DEPLOYMENT')
    ? 'ECS Deployment State Change'
    : 'ECS Service Action',
  resources: [`arn:aws:ecs:us-east-1:000000000000:service/${cluster}/${name}`],
  detail: { eventType: 'INFO', eventName, deploymentId: 'ecs-svc/1' },
});
const task = (lastStatus: string, group = `service:tempus-${ID}`, cluster = CLUSTER) => ({
  ...service('SERVICE_DEPLOYMENT_COMPLETED'),
  'detail-type': 'ECS Task State Change',
  resources: [`arn:aws:ecs:us-east-1:000000000000:task/${cluster}/${'0'.repeat(32)}`],
  detail: {
    clusterArn: `arn:aws:ecs:us-east-1:000000000000:cluster/${cluster}`,
    group,
    lastStatus,
    stoppedReason: 'Essential container in task exited',
  },
});
const at = <E extends { time: string }>(event: E, second: number): E => ({
  ...event,
  time: `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`,
});

const USEFUL = [
  service('SERVICE_DEPLOYMENT_COMPLETED'),
  service('SERVICE_DEPLOYMENT_FAILED'),
  service('SERVICE_TASK_PLACEMENT_FAILURE'),
  task('STOPPED'),
];

describe('an event about a preview', () => {
  test.each(USEFUL)('marks its record, and nothing else of it', async (event) => {
    const row = await born();
    expect(await observe(event, deps)).toBe('observed');
    expect(await item()).toEqual({ ...row, observed_event: `${event.time}#${event.id}` });
  });

  test('that comes twice changes nothing more', async () => {
    await born();
    const [first, second] = [at(task('STOPPED'), 1), at(service('SERVICE_DEPLOYMENT_FAILED'), 2)];
    for (const event of [first, second]) expect(await observe(event, deps)).toBe('observed');
    const marked = await item();
    for (const event of [second, first, second]) expect(await observe(event, deps)).toBe('nothing new');
    expect(await item()).toEqual(marked);
  });

  test('leaves the same record in whatever order it comes with others', async () => {
    // Two of one second among them.
    const events = [1, 2, 2, 3].map((second) => at(task('STOPPED'), second));
    const left = new Set<unknown>();
    for (const order of permutations(events)) {
      await born();
      for (const event of order) await observe(event, deps);
      left.add((await item())?.observed_event);
    }
    expect([...left]).toEqual([`2026-01-01T00:00:03Z#${events[3]!.id}`]);
  });

  test('never brings a record into being', async () => {
    for (const event of USEFUL) expect(await observe(event, deps)).toBe('nothing new');
    expect(await items()).toEqual([]);
  });

  test('is of no use to a tombstone, but to a teardown', async () => {
    const row = await born({ phase: 'Deleted' });
    expect(await observe(task('STOPPED'), deps)).toBe('nothing new');
    expect(await item()).toEqual(row);
    await born({ phase: 'Deleting' });
    expect(await observe(task('STOPPED'), deps)).toBe('observed');
  });

  test('fails the run where the table does not answer, so that it comes again', async () => {
    deps.store = new PreviewStore({ client, table: 'no-such-table' });
    await expect(observe(USEFUL[0], deps)).rejects.toThrow();
  });
});

function permutations<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]];
  return all.flatMap((one, n) => permutations(all.toSpliced(n, 1)).map((rest) => [one, ...rest]));
}

describe('of no concern are', () => {
  const FOREIGN: [string, CloudEvent | object][] = [
    ['a service of another cluster', service('SERVICE_DEPLOYMENT_FAILED', undefined, 'other')],
    ['a task in another cluster', task('STOPPED', undefined, 'other')],
    ['a cluster whose name ends like ours', task('STOPPED', undefined, 'not-tempus')],
    ["the install's own services", service('SERVICE_DEPLOYMENT_COMPLETED', 'tempus-controller')],
    ['a name that only begins like ours', service('SERVICE_DEPLOYMENT_COMPLETED', `tempus-${ID}-x`)],
    ['a task of a family without a service', task('STOPPED', `family:tempus-${ID}`)],
    ['a rollout that begins', service('SERVICE_DEPLOYMENT_IN_PROGRESS')],
    ['a steady state', service('SERVICE_STEADY_STATE')],
    ['a task on its way', task('PENDING')],
    ['a task that runs', task('RUNNING')],
    ['a task about to stop', task('DEPROVISIONING')],
  ];
  test.each(FOREIGN)('%s', async (_what, event) => {
    const row = await born();
    expect(await observe(event, deps)).toBe('ignored');
    expect(deps.log.debug).toHaveBeenCalledOnce();
    expect(await items()).toEqual([row]);
  });

  const MALFORMED: [string, unknown][] = [
    ['nothing', undefined],
    ['a text', 'SERVICE_DEPLOYMENT_COMPLETED'],
    ['another source', { ...USEFUL[0], source: 'acme.ecs' }],
    ['another kind of event', { ...USEFUL[0], 'detail-type': 'ECS Container Instance State Change' }],
    ['an event without resources', { ...USEFUL[0], resources: [] }],
    ['an event without a detail', { ...USEFUL[0], detail: undefined }],
    ['a time that is none', { ...USEFUL[0], time: 'now' }],
    ['an id that is none', { ...USEFUL[0], id: '' }],
    ['a task without a state', { ...task('STOPPED'), detail: {} }],
  ];
  test.each(MALFORMED)(
    '%s: it is said and let go, for it would be no better the next time',
    async (_what, event) => {
      const row = await born();
      expect(await observe(event, deps)).toBe('malformed');
      expect(deps.log.warn).toHaveBeenCalledWith({ problem: expect.any(String) }, 'refused event');
      expect(await items()).toEqual([row]);
    },
  );

  test('all of them to the rule, too: the pattern lets through what the function uses', () => {
    for (const event of USEFUL) expect(matches(PATTERN, event)).toBe(true);
    const names = new Set(["the install's own services", 'a name that only begins like ours']);
    for (const [what, event] of FOREIGN)
      expect([what, matches(PATTERN, event as Record<string, unknown>)]).toEqual([what, names.has(what)]);
  });
});

test('the rule that Terraform makes says the same', () => {
  const file = readFileSync(join(import.meta.dirname, '../terraform/observe.tf'), 'utf8');
  const [, block = ''] = /event_pattern = jsonencode\(([^]*?)\n {2}\}\)/.exec(file) ?? [];
  const text = block
    .replaceAll('local.cluster_arn', '"${local.arn.ecs}:cluster/${var.install}"')
    .replaceAll('${local.arn.ecs}', 'arn:aws:ecs:us-east-1:000000000000')
    .replaceAll('${var.install}', CLUSTER);
  const strings = (all: Iterable<RegExpMatchArray>) =>
    [...all].map(([, one = '']) => one).toSorted((a, b) => a.localeCompare(b));
  // Terraform writes most names without quotes.
  const names = /"(?:source|detail-type|resources|prefix|detail|eventName|clusterArn|group|lastStatus)":/g;
  expect(strings(text.matchAll(/"([^"]*)"/g))).toEqual(
    strings(
      JSON.stringify(PATTERN)
        .replaceAll(names, '')
        .matchAll(/"([^"]*)"/g),
    ),
  );
});

describe('a record that was observed', () => {
  const before = { ...draft } as unknown as Record<string, unknown>;
  const marked = { ...before, observed_event: '2026-01-01T00:00:07Z#a' };
  const place = { sequence: '1', at: '2026-01-01T00:00:08Z' };

  test('is looked at as if a timer had come early, a teardown before all others', () => {
    expect(wakes(before, marked)).toBe(PRIORITY.timer);
    const deleting = { phase: 'Deleting' };
    expect(wakes({ ...before, ...deleting }, { ...marked, ...deleting })).toBe(PRIORITY.deletion);
    expect(wakes(before, { ...marked, ttl_hours: 3 })).toBe(PRIORITY.change);
    const own = { ...marked, status: { ...draft.status, rev: draft.status.rev + 1 } };
    expect(wakes(marked, own)).toBeUndefined();
  });

  test('has no line of it in its history; what a hand writes there has one', () => {
    expect(projectEvents(before, marked, place)).toEqual([]);
    expect(projectEvents({ ...before, phase: 'Deleting' }, { ...marked, phase: 'Deleting' }, place)).toEqual(
      [],
    );
    expect(projectEvents(marked, { ...marked, observed_event: 'x' }, place)).toMatchObject([
      { type: 'RecordEdited', by: 'operator', message: 'changed observed_event' },
    ]);
  });

  test.each(['2026-13-45T00:00:00Z#a', '2026-01-01T25:00:00Z#a', 'zzz'])(
    'with a mark that is none, %s, is a hand’s edit and has a line',
    (observed_event) => {
      expect(projectEvents(before, { ...before, observed_event }, place)).toMatchObject([
        { type: 'RecordEdited', by: 'operator' },
      ]);
    },
  );

  test('that a stale form sets back is marked again by the next event', async () => {
    await born();
    await observe(at(task('STOPPED'), 5), deps);
    await born();
    expect(await observe(at(task('STOPPED'), 6), deps)).toBe('observed');
  });
});

test('the rule lets few events of a life through: its end, and each rollout and each failure', async () => {
  const clock = new ManualClock();
  const random = new SeededRandom('pattern');
  const all: CloudEvent[] = [];
  const bus = new EventBus({ clock, random, log: silentLog, deliver: async (event) => all.push(event) });
  const ecs = new EcsModel({
    clock,
    random,
    log: silentLog,
    state: memoryState(),
    publish: (happening) => bus.publish(happening),
    runtime: new FakeRuntime(),
    elbv2: new FakeTargetGroups(clock),
    logs: new LogsModel({ clock }),
  });
  await ecs.start();
  await ecs.createCluster({ clusterName: CLUSTER });
  const family = `tempus-${ID}`;
  const of = { cluster: CLUSTER, service: family };
  const register = () =>
    ecs.registerTaskDefinition({
      family,
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: 'web', image: 'any' }],
    });
  await register();
  await ecs.createService({
    cluster: CLUSTER,
    serviceName: family,
    taskDefinition: family,
    desiredCount: 1,
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
  });
  await clock.advance(5_000);
  await register();
  await ecs.updateService({ ...of, taskDefinition: family });
  await clock.advance(5_000);
  await ecs.deleteService({ ...of, force: true });
  await clock.advance(5_000);
  const through = all.filter((event) => matches(PATTERN, event as unknown as Record<string, unknown>));
  const names = through.map(({ detail }) => String(detail['eventName'] ?? detail['lastStatus']));
  expect(names.toSorted((a, b) => a.localeCompare(b))).toEqual([
    'SERVICE_DEPLOYMENT_COMPLETED',
    'SERVICE_DEPLOYMENT_COMPLETED',
    'STOPPED',
    'STOPPED',
  ]);
  await born();
  for (const event of through) expect(await observe(event, deps)).not.toBe('ignored');
  for (const event of all.filter((one) => !through.includes(one)))
    expect(await observe(event, deps)).toBe('ignored');
  const stopped = ecs.stop();
  await clock.advance(1_000);
  await stopped;
  await bus.stop();
});
