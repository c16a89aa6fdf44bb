import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HealthServer, serveHealth } from '../controller/health-server.ts';
import { silentLog as log } from '../platform/log.ts';
import { Metrics } from '../platform/metrics.ts';
import type { Supervision } from '../platform/supervision.ts';
import { type Heartbeat, Heartbeats } from '../preview/heartbeat.ts';
import { SweepBoard } from '../preview/sweep-board.ts';
import { coordinationTable } from '../preview/tables.ts';
import { useApi } from './api-world.ts';
import { ManualClock } from './fakes/clock.ts';

const HEARTBEAT: Heartbeat = {
  owner: 'controller-1',
  version: '1.2.3',
  tenure: 7,
  became_leader_at: '2026-01-01T00:00:00.000Z',
  at: '2026-01-01T01:00:00.000Z',
  queue_depth: 3,
  stream_lag_s: 0.2,
  last_full_list_at: '2026-01-01T00:59:00.000Z',
  last_sweep_at: null,
};

/** A process whose state the test decides. */
class FakeProcess implements Supervision {
  healthy = true;
  fit = true;
  readonly #metrics = new Metrics();

  constructor() {
    this.#metrics.counter('tempus_things_total', 'Things').inc(2);
  }

  metrics = () => this.#metrics.text();
  alive = () => ({ ok: this.healthy, detail: { age_s: 1 } });
  ready = () => ({ ok: this.fit, detail: { leader: true } });
}

describe("the controller's own port", () => {
  let process: FakeProcess;
  let server: HealthServer;
  beforeEach(async () => {
    process = new FakeProcess();
    server = await serveHealth({ supervision: process, host: '127.0.0.1', port: 0, log });
  });
  afterEach(() => server.close());

  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  test('a healthy process answers 200 with what that rests on, a sick one 503', async () => {
    expect(await ask('/healthz')).toEqual({ status: 200, text: '{"ok":true,"age_s":1}\n' });
    expect(await ask('/readyz?verbose')).toEqual({ status: 200, text: '{"ok":true,"leader":true}\n' });
    process.fit = false;
    expect(await ask('/readyz')).toEqual({ status: 503, text: '{"ok":false,"leader":true}\n' });
    expect((await ask('/healthz')).status).toBe(200);
    process.healthy = false;
    expect((await ask('/healthz')).status).toBe(503);
  });

  test('metrics are Prometheus text, and everything else is not found', async () => {
    expect(await ask('/metrics')).toMatchObject({ status: 200 });
    expect((await ask('/metrics')).text).toContain('tempus_things_total 2\n');
    expect(await ask('/previews')).toMatchObject({ status: 404 });
  });

  test('metrics that fail are a 500, and the next request is served', async () => {
    process.metrics = () => Promise.reject(new Error('broken'));
    expect((await ask('/metrics')).status).toBe(500);
    expect((await ask('/healthz')).status).toBe(200);
  });

  test('a port that is taken is an error at the start', async () => {
    const { port } = server;
    await expect(serveHealth({ supervision: process, host: '127.0.0.1', port, log })).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});

/** Who asks an API that asks for no token. */
const CALLER = { owner: 'local', scope: 'admin' };

describe('GET /system', () => {
  const world = useApi();
  const clock = new ManualClock('2026-01-01T01:00:00Z');
  let heartbeats: Heartbeats;
  beforeEach(async () => {
    await world.aws.dynamodb.createTable(coordinationTable('coordination'));
    heartbeats = new Heartbeats({ client: DynamoDBDocument.from(world.aws.dynamodb), table: 'coordination' });
    await world.serveAnew({ heartbeats, clock });
  });

  const system = async () => (await world.ask('GET', '/system')).json() as unknown;

  test('before any controller has led it says so', async () => {
    expect(await system()).toEqual({ version: '1.2.3', caller: CALLER, controller: null, sweep: null });
  });

  test('it tells who leads and how, and when that has become old news', async () => {
    await heartbeats.write(HEARTBEAT);
    const { owner, tenure: _tenure, ...told } = HEARTBEAT;
    await clock.advance(30_000);
    expect(await system()).toEqual({
      version: '1.2.3',
      caller: CALLER,
      controller: { ...told, leader: owner, age_s: 30, stale: false },
      sweep: null,
    });
    await clock.advance(60_000);
    expect(await system()).toMatchObject({ controller: { age_s: 90, stale: false } });
    await clock.advance(1_000);
    expect(await system()).toMatchObject({ controller: { age_s: 91, stale: true } });
  });

  test('a heartbeat that comes late does not hide the one of the next leader', async () => {
    expect(await heartbeats.write({ ...HEARTBEAT, tenure: 9, owner: 'controller-2' })).toBe(true);
    expect(await heartbeats.write(HEARTBEAT)).toBe(false);
    expect(await system()).toMatchObject({ controller: { leader: 'controller-2' } });
    expect(await heartbeats.write({ ...HEARTBEAT, tenure: 10, owner: 'controller-3' })).toBe(true);
    expect(await system()).toMatchObject({ controller: { leader: 'controller-3' } });
  });

  test('it shows what the sweeps found', async () => {
    const board = new SweepBoard({
      client: DynamoDBDocument.from(world.aws.dynamodb),
      table: 'coordination',
    });
    await world.serveAnew({ heartbeats, sweepBoard: board, clock });
    const at = '2026-01-01T00:00:00Z';
    const orphan = { kind: 'rule', name: 'r', id: '550e8400', reason: 'NoRecord', first_seen_at: at };
    const report = { at, orphans: [orphan], deleted: [], kept: [] };
    const nothing = { aborted: null, breaker: null, request_id: null };
    await board.writeReport({ ...report, ...nothing }, undefined);
    expect(await system()).toEqual({
      version: '1.2.3',
      caller: CALLER,
      controller: null,
      sweep: { ...report, ...nothing },
    });
  });

  test('where the controller is a part of the process, its health is served here, and nowhere else', async () => {
    for (const path of ['/metrics', '/healthz', '/readyz'])
      expect((await world.ask('GET', path)).status).toBe(404);
    const process = new FakeProcess();
    await world.serveAnew({ supervision: process });
    expect((await world.ask('GET', '/metrics')).text).toContain('tempus_things_total 2\n');
    expect((await world.ask('GET', '/healthz')).json()).toMatchObject({ ok: true });
    process.fit = false;
    expect(await world.ask('GET', '/readyz')).toMatchObject({ status: 503 });
  });
});
