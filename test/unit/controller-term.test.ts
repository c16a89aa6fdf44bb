import { ResourceNotFoundException } from '@aws-sdk/client-scheduler';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AwsPorts } from '../../aws/ports.ts';
import { AWS_PACE, CONTROLLER_TIMES } from '../../controller/config.ts';
import { Controller } from '../../controller/controller.ts';
import { systemRandom } from '../../platform/random.ts';
import { Coordination } from '../../preview/coordination.ts';
import { draftPreview, type PreviewDraft } from '../../preview/draft.ts';
import { EventLog } from '../../preview/event-log.ts';
import { Heartbeats } from '../../preview/heartbeat.ts';
import { PreviewStore } from '../../preview/store.ts';
import { coordinationTable, eventsTable, previewsTable } from '../../preview/tables.ts';
import { ManualClock } from '../fakes/clock.ts';
import { FakeProcess, Link } from '../fakes/process.ts';
import { MemoryDatabase } from '../sim/database/memory-database.ts';

const RETRY_MS = 2_000;
const random = { next: () => 0.5, uuid: () => systemRandom.uuid() };

let clock: ManualClock;
let tables: MemoryDatabase;
let members: Member[];
let store: PreviewStore;

/**
 * AWS as far as these promises need it: every pass over a preview that holds a slot first asks for its schedule, which
 * waits for the gate, and finding none creates it. Everything after that fails.
 */
class Gate {
  asked = 0;
  created = 0;
  #open = Promise.withResolvers<void>();

  open(): void {
    this.#open.resolve();
  }

  ports(process: FakeProcess): AwsPorts {
    const refuse = new Proxy({}, { get: () => () => Promise.reject(new Error('not modelled')) });
    const scheduler = {
      getSchedule: async () => {
        this.asked += 1;
        await this.#open.promise;
        await process.travel(1);
        throw new ResourceNotFoundException({ $metadata: {}, message: 'none', Message: 'none' });
      },
      createSchedule: async () => {
        this.created += 1;
        return {};
      },
    };
    return { ecs: refuse, elbv2: refuse, logs: refuse, scheduler } as unknown as AwsPorts;
  }
}

interface Member {
  controller: Controller;
  process: FakeProcess;
  link: Link;
  gate: Gate;
  signal: AbortController;
  ended: boolean;
}

let logged: string[];

function join(owner: string): Member {
  const process = new FakeProcess(clock);
  const link = new Link(process, tables.document);
  const gate = new Gate();
  const controller = new Controller({
    store: new PreviewStore({ client: link, table: 'previews' }),
    coordination: new Coordination({ client: link, table: 'coordination' }),
    heartbeats: new Heartbeats({ client: link, table: 'coordination' }),
    events: new EventLog({ client: link, table: 'events' }),
    version: '1.2.3',
    ports: gate.ports(process),
    probe: async () => ({ kind: 'unreachable' }) as never,
    clock: process,
    random,
    log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) }),
    config: {
      ...AWS_PACE,
      install: 'test',
      cluster: 'tempus',
      vpc_id: 'vpc-1',
      subnets: ['subnet-1'],
      security_groups: ['sg-1'],
      assign_public_ip: true,
      log_group: '/previews',
      region: 'us-east-1',
      schedule_group: 'tempus',
      fuse_role_arn: 'arn:aws:iam::000000000000:role/fuse',
      albs: [
        {
          name: 'alb-0',
          listener_arn: 'arn:listener',
          probe_address: 'alb:80',
          slots: 10,
          scheme: 'http',
          primary: 'host',
          host_domain: 'preview.test',
        },
      ],
      probe: 'public',
      max_ttl_hours: 336,
      allow_workdir: false,
    },
    dynamodb: tables.dynamodb,
    streams: tables.streams,
    table: 'previews',
    owner,
    times: CONTROLLER_TIMES,
  });
  const signal = new AbortController();
  const member: Member = { controller, process, link, gate, signal, ended: false };
  void controller.run(signal.signal).then(() => (member.ended = true));
  members.push(member);
  return member;
}

beforeEach(() => {
  clock = new ManualClock();
  tables = new MemoryDatabase({ clock, random });
  tables.createTable(previewsTable('previews'));
  tables.createTable(coordinationTable('coordination'));
  tables.createTable(eventsTable('events'));
  store = new PreviewStore({ client: tables.document, table: 'previews' });
  members = [];
  logged = [];
});

/** Whatever a test did, in the end everybody can be stopped, and leaves nothing behind. */
afterEach(async () => {
  for (const { signal, process, link, gate } of members) {
    link.fault = () => undefined;
    process.resume();
    gate.open();
    signal.abort();
  }
  await clock.advance(60_000);
  expect(members.map(({ ended }) => ended)).toEqual(members.map(() => true));
  expect(clock.pending).toBe(0);
});

async function ask(preview_id: string, ttl_hours = 24): Promise<void> {
  const health = { health_path: '/', health_codes: '200-399' };
  const spec = { image: 'shop/web:1', port: 8080, cpu: 256, memory: 512, env: {}, ...health };
  const draft = { preview_id, owner: 'me', labels: {}, source: {}, spec, ttl_hours, urls: [] };
  const coordination = new Coordination({ client: tables.document, table: 'coordination' });
  await coordination.reserveSlots('alb-0', [{ n: Number(preview_id[0]), holder: preview_id }]);
  await store.create(draftPreview(draft as PreviewDraft, clock.now()));
}

const UUID = '550e8400-e29b-41d4-a716-446655440000';

async function until(holds: () => boolean, atMost = 120_000): Promise<number> {
  const start = clock.monotonic();
  while (!holds()) {
    if (clock.monotonic() - start > atMost)
      throw new Error(`it did not come to that:\n${logged.slice(-5).join('')}`);
    await clock.advance(10);
  }
  return clock.monotonic() - start;
}

/** A leader in the middle of a pass over one preview, and a standby. */
async function midPass(): Promise<[Member, Member]> {
  const one = join('one');
  await until(() => one.controller.isLeader);
  const two = join('two');
  await ask(UUID);
  await until(() => one.gate.asked === 1);
  return [one, two];
}

describe('told to stop', () => {
  test('a leader lets the pass that runs finish its calls under the lease, then the standby leads at once', async () => {
    const [one, two] = await midPass();
    one.signal.abort();
    await clock.advance(20_000);
    expect([one.controller.isLeader, two.controller.isLeader, one.ended]).toEqual([true, false, false]);
    one.gate.open();
    expect(await until(() => two.controller.isLeader)).toBeLessThanOrEqual(RETRY_MS + 100);
    expect(one.gate.created).toBe(1);
    expect(one.ended).toBe(true);
  });

  test('a leader takes no more keys', async () => {
    const [one] = await midPass();
    one.signal.abort();
    await ask('650e8400-e29b-41d4-a716-446655440000');
    await clock.advance(20_000);
    expect(one.gate.asked).toBe(1);
  });

  test('a pass that outlasts the drain changes nothing any more, and is awaited to its end', async () => {
    const [one, two] = await midPass();
    one.signal.abort();
    const handedOver = await until(() => two.controller.isLeader);
    expect(handedOver).toBeGreaterThanOrEqual(CONTROLLER_TIMES.drain_ms);
    expect(handedOver).toBeLessThanOrEqual(CONTROLLER_TIMES.drain_ms + RETRY_MS + 100);
    await clock.advance(60_000);
    expect(one.ended).toBe(false);
    one.gate.open();
    await until(() => one.ended);
    expect(one.gate.created).toBe(0);
    two.gate.open();
    await until(() => two.gate.created === 1);
  });

  test('a standby ends at once', async () => {
    const [, two] = await midPass();
    two.signal.abort();
    expect(await until(() => two.ended)).toBeLessThanOrEqual(100);
  });
});

describe('a leader that loses its lease in the middle of a pass', () => {
  test('changes nothing any more, and the next leader does the work', async () => {
    const [one, two] = await midPass();
    one.link.fault = () => 'cut';
    await until(() => two.controller.isLeader);
    expect(one.controller.isLeader).toBe(false);
    one.gate.open();
    await clock.advance(1_000);
    expect(one.gate.created).toBe(0);
    two.gate.open();
    await until(() => two.gate.created === 1);
  });

  test('does not lead again before that pass has truly ended, though nobody else does', async () => {
    const [one, two] = await midPass();
    two.signal.abort();
    one.link.fault = () => 'cut';
    await clock.advance(20_000);
    one.link.fault = () => undefined;
    await clock.advance(60_000);
    expect(one.controller.isLeader).toBe(false);
    expect(one.gate.asked).toBe(1);
    one.gate.open();
    await until(() => one.controller.isLeader);
    await until(() => one.gate.created === 1);
    expect(await one.controller.metrics()).toContain('tempus_lease_losses_total 1\n');
  });

  test('changes nothing after its machine was stopped for a while, though nothing has told it so yet', async () => {
    const [one, two] = await midPass();
    one.gate.open();
    one.process.stop();
    await until(() => two.controller.isLeader);
    one.process.resume();
    await clock.advance(1_000);
    expect(one.gate.created).toBe(0);
  });
});

describe('a pass that overruns its deadline', () => {
  const deadline = CONTROLLER_TIMES.pass_deadline_ms;

  test('keeps its key until its true end, and is counted', async () => {
    const [one] = await midPass();
    await clock.advance(deadline + 600_000);
    expect(one.gate.asked).toBe(1);
    const metrics = await one.controller.metrics();
    expect(metrics).toContain('tempus_reconcile_overruns_total 1\n');
    expect(Number(/longest_running_seconds ([\d.]+)/.exec(metrics)?.[1])).toBeGreaterThan(deadline / 1000);
    expect(logged.filter((line) => line.includes('pass overran its deadline'))).toHaveLength(1);
  });

  test('changes nothing any more; the next pass goes on from there', async () => {
    const [one] = await midPass();
    await clock.advance(deadline);
    one.gate.open();
    await clock.advance(100);
    expect([one.gate.asked, one.gate.created]).toEqual([1, 0]);
    expect(await one.controller.metrics()).toContain('tempus_reconcile_errors_total{kind="transient"} 1\n');
    await until(() => one.gate.created === 1, 5_000);
  });
});

describe('a new leader', () => {
  test('finds what was asked for while nobody led, without the stream', async () => {
    tables.switchStream('previews', false);
    await ask(UUID);
    const one = join('one');
    expect(await until(() => one.gate.asked === 1)).toBeLessThan(1_000);
  });

  test('says within two seconds that it lives, and goes on saying so', async () => {
    const heartbeats = new Heartbeats({ client: tables.document, table: 'coordination' });
    const one = join('one');
    await clock.advance(2_000);
    expect(await heartbeats.read()).toMatchObject({
      owner: 'one',
      version: '1.2.3',
      queue_depth: 0,
      last_full_list_at: expect.any(String),
    });
    await clock.advance(600_000);
    const age = clock.now().getTime() - Date.parse((await heartbeats.read())?.at ?? '');
    expect(age).toBeLessThanOrEqual(30_000);
    one.signal.abort();
    join('two');
    await clock.advance(4_000);
    expect((await heartbeats.read())?.owner).toBe('two');
  });
});

test('an events table that does not answer delays no wake-up and no stop, and gets the history once it answers', async () => {
  const one = join('one');
  await until(() => one.controller.isLeader);
  one.link.fault = (_call, table) => (table === 'events' ? 'cut' : undefined);
  const ids = Array.from({ length: 8 }, (_, n) => UUID.replace('5', String(n + 1)));
  for (const [n, id] of ids.entries()) {
    await ask(id);
    expect(await until(() => one.gate.asked === n + 1)).toBeLessThan(1_000);
  }
  await clock.advance(600_000);
  one.link.fault = () => undefined;
  await clock.advance(40_000);
  const events = new EventLog({ client: tables.document, table: 'events' });
  for (const id of ids) expect((await events.read(id, { limit: 1 })).items[0]?.type).toBe('Created');
  one.link.fault = (_call, table) => (table === 'events' ? 'cut' : undefined);
  await ask(UUID.replace('5', '9'));
  await until(() => one.gate.asked === 9);
  one.signal.abort();
  one.gate.open();
  expect(await until(() => one.ended)).toBeLessThan(3_000);
});

describe('lists', () => {
  const edit = (set: string, value: unknown) =>
    tables.document.update({
      TableName: 'previews',
      Key: { id: UUID.slice(0, 8) },
      UpdateExpression: `SET ${set} = :value`,
      ConditionExpression: 'attribute_exists(id)',
      ExpressionAttributeValues: { ':value': value },
    });

  /** A leader whose passes over one preview all fail, six of them so far; the next one is 64 s away. */
  async function failing(ttl_hours = 24): Promise<Member> {
    const one = join('one');
    one.gate.open();
    await until(() => one.controller.isLeader);
    await ask(UUID, ttl_hours);
    await until(() => one.gate.asked === 7);
    return one;
  }

  test('leave the pace of a preview that fails alone: nothing has changed that a pass could find', async () => {
    const one = await failing();
    await clock.advance(60_000);
    expect(one.gate.asked).toBe(7);
    await clock.advance(5_000);
    expect(one.gate.asked).toBe(8);
  });

  test('find an edit by hand within their period when the stream is dead, whatever the pace', async () => {
    const one = await failing();
    tables.switchStream('previews', false);
    await edit('nudge', 'again');
    expect(await until(() => one.gate.asked === 8)).toBeLessThanOrEqual(37_000);
  });

  test('find a preview whose time is up when the stream is dead, whatever the pace', async () => {
    const one = await failing(0.02);
    tables.switchStream('previews', false);
    await clock.advance(47_000);
    expect((await store.get(UUID))?.phase).toBe('Deleting');
    expect(one.gate.asked).toBe(7);
  });
});

describe('health', () => {
  test('leader and standby are ready while they hear of the lease; both are alive without it', async () => {
    const [one, two] = await midPass();
    await clock.advance(60_000);
    expect(one.controller.ready()).toMatchObject({ ok: true, detail: { leader: true, queue_depth: 0 } });
    expect(two.controller.ready()).toMatchObject({ ok: true, detail: { leader: false } });
    one.gate.open();
    for (const { link } of [one, two]) link.fault = () => 'cut';
    await clock.advance(30_000);
    for (const { controller } of [one, two]) {
      expect(controller.ready().ok).toBe(false);
      expect(controller.alive().ok).toBe(true);
    }
  });

  test('a process whose pass never ends after a lost lease is not alive: only a restart can help', async () => {
    const [one, two] = await midPass();
    two.signal.abort();
    one.link.fault = () => 'cut';
    await clock.advance(120_000);
    expect(one.controller.alive().ok).toBe(false);
  });
});

test('how far behind the stream is read shows, and that records were lost', async () => {
  const one = join('one');
  await until(() => one.controller.isLeader);
  one.process.stop();
  await ask(UUID);
  await clock.advance(5_000);
  one.process.resume();
  await until(() => one.gate.asked === 1);
  const lag = async () => Number(/stream_lag_seconds ([\d.]+)/.exec(await one.controller.metrics())?.[1]);
  expect(await lag()).toBeGreaterThanOrEqual(5);
  expect(await lag()).toBeLessThan(8);
  one.gate.open();
  tables.switchStream('previews', false);
  tables.switchStream('previews', true);
  await clock.advance(CONTROLLER_TIMES.stream_sync_ms + 1_000);
  expect(await one.controller.metrics()).toMatch(/tempus_stream_gap_total [1-9]/);
});

test('every label value is there from the start, and a standby adds nothing to sums over controllers', async () => {
  const one = join('one');
  await until(() => one.controller.isLeader);
  const two = join('two');
  await clock.advance(1_000);
  const [leading, standing] = await Promise.all([one.controller.metrics(), two.controller.metrics()]);
  for (const line of [
    'tempus_leader 1',
    'tempus_slots_total{alb="alb-0"} 10',
    'tempus_slots_used{alb="alb-0"} 0',
    'tempus_previews{phase="Degraded"} 0',
    'tempus_workqueue_depth{priority="deletion"} 0',
    'tempus_reconcile_total{result="again"} 0',
    'tempus_reconcile_errors_total{kind="denied"} 0',
    'tempus_overdue_seconds 0',
    'tempus_stream_gap_total 0',
  ])
    expect(leading).toContain(`${line}\n`);
  expect(standing).toContain('tempus_leader 0\n');
  expect(standing).toContain('tempus_slots_total{alb="alb-0"} 0\n');
});

test('a preview that has outlived its time shows, by how much and in which phase', async () => {
  const one = join('one');
  await until(() => one.controller.isLeader);
  await ask(UUID, 0.01);
  await until(() => one.gate.asked === 1);
  await clock.advance(136_000);
  const metrics = await one.controller.metrics();
  expect(Number(/tempus_overdue_seconds ([\d.]+)/.exec(metrics)?.[1])).toBeGreaterThan(60);
  expect(metrics).toContain('tempus_previews{phase="Provisioning"} 1\n');
  expect(metrics).toContain('tempus_slots_used{alb="alb-0"} 1\n');
});
