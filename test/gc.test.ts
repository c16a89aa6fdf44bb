import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../platform/clock.ts';
import { type Orphan, SweepBoard, type SweepReport, type SweepRequest } from '../preview/sweep-board.ts';
import { coordinationTable } from '../preview/tables.ts';
import { useApi } from './api-world.ts';

const TEMPUS = join(resolve(import.meta.dirname, '..'), 'cli/tempus.js');

const api = useApi();
let board: SweepBoard;
beforeEach(async () => {
  await api.aws.dynamodb.createTable(coordinationTable('coordination'));
  board = new SweepBoard({ client: DynamoDBDocument.from(api.aws.dynamodb), table: 'coordination' });
  await api.serveAnew({ sweepBoard: board });
});

let wrote = 0;
/** Plays the leader: every report is newer than the one before. */
async function report(changes: Partial<SweepReport> = {}): Promise<void> {
  wrote += 1;
  const at = `2026-01-01T00:00:${String(wrote).padStart(2, '0')}Z`;
  const nothing = { orphans: [], deleted: [], kept: [], aborted: null, breaker: null, request_id: null };
  await board.writeReport({ at, ...nothing, ...changes }, undefined);
}

function orphan(id: string, changes: Partial<Orphan> = {}): Orphan {
  const name = `tempus-${id}`;
  return { kind: 'service', name, id, reason: 'NoRecord', first_seen_at: '2026-01-01T00:00:00Z', ...changes };
}

const post = (body: string, headers = { 'content-type': 'application/json' }) =>
  api.ask('POST', '/system/sweep', body, headers);
const status = async () => (await api.ask('GET', '/system/sweep')).json() as unknown;

describe('/system/sweep', () => {
  test('before anything was swept or asked for it says so', async () => {
    expect(await status()).toEqual({ report: null, request: null });
  });

  test('shows the report, and a request until it is used', async () => {
    await report({ orphans: [orphan('dead0001', { held_by: 'service' })] });
    const reply = await post('{"max": 12}');
    expect(reply.status).toBe(202);
    const asked = reply.json() as unknown as SweepRequest;
    expect(asked).toMatchObject({ max: 12, by: 'local', used_at: null, open: true });
    expect(await status()).toMatchObject({
      report: { orphans: [{ id: 'dead0001', held_by: 'service' }] },
      request: asked,
    });
    const { request_id } = asked;
    expect(await board.useRequest(request_id, '2026-01-01T00:00:00Z')).toBe(true);
    expect(await status()).toMatchObject({
      request: { request_id, used_at: '2026-01-01T00:00:00Z', open: false },
    });
  });

  test.each([
    ['{}', '/max'],
    ['{"max": 0}', '/max'],
    ['{"max": 1.5}', '/max'],
    ['{"max": "5"}', '/max'],
    ['{"max": 10001}', '/max'],
    ['{"max": 5, "force": true}', '/force'],
    ['[]', ''],
    ['null', '/max'],
  ])('refuses %s, pointing at the field, and asks for nothing', async (body, pointer) => {
    const reply = await post(body);
    expect(reply.status).toBe(422);
    expect(reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    expect(await board.readRequest()).toBeUndefined();
  });

  test('refuses a body that does not say that it is JSON, and other methods', async () => {
    expect((await post('{"max": 5}', { 'content-type': 'text/plain' })).status).toBe(415);
    const reply = await api.ask('DELETE', '/system/sweep');
    expect([reply.status, reply.headers['allow']]).toEqual([405, 'GET, POST']);
    expect(await board.readRequest()).toBeUndefined();
  });
});

describe('tempus gc', () => {
  const start = (...args: string[]) => {
    const env = { PATH: process.env['PATH'], TEMPUS_SERVER: `http://127.0.0.1:${api.server.port}` };
    const child = spawn(process.execPath, [TEMPUS, 'gc', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return ended.then(([stdout, stderr]) => ({ code: child.exitCode, stdout, stderr }));
  };
  /** The request that the command makes. */
  const asked = async (): Promise<SweepRequest> => {
    for (;;) {
      const request = await board.readRequest();
      if (request) return request;
      await clock.sleep(20);
    }
  };

  test('only shows, unless it is told otherwise', async () => {
    await report({
      orphans: [orphan('dead0001'), orphan('dead0002', { kind: 'target-group', held_by: 'service' })],
      kept: [orphan('dead0003')],
    });
    const { code, stdout } = await start();
    expect(code).toBe(0);
    expect(stdout).toMatch(/service +dead0001 +NoRecord .* goes once seen for long enough/);
    expect(stdout).toMatch(/target-group +dead0002 .* held by service/);
    expect(stdout).toMatch(/service +dead0003 .* kept by tempus:keep/);
    expect(await board.readRequest()).toBeUndefined();
  });

  test('tells the way on when the breaker has stopped the sweep', async () => {
    await report({ orphans: [orphan('dead0001')], breaker: { previews: 12, allowed: 3 } });
    const { code, stdout } = await start();
    expect(code).toBe(0);
    expect(stdout).toContain('stopped by the breaker');
    expect(stdout).toContain('tempus gc --yes --max 12');
  });

  test('says when there is nothing, when nothing is known, and when what is known is old', async () => {
    expect((await start()).stdout).toBe('No sweep has reported yet.\n');
    await report();
    expect((await start()).stdout).toBe('Nothing is left over.\n');
    await report({ aborted: 'ThrottlingException' });
    expect((await start()).stdout).toContain('aborted (ThrottlingException)');
  });

  test('prints JSON that a program can read', async () => {
    await report({ orphans: [orphan('dead0001')] });
    const { stdout } = await start('--json');
    expect(JSON.parse(stdout)).toMatchObject({ report: { orphans: [{ id: 'dead0001' }] }, request: null });
  });

  test.each([
    [['--yes'], '--yes needs --max'],
    [['--max', '5'], '--max does nothing by itself'],
    [['--yes', '--max', '0'], 'whole number'],
    [['--yes', '--max', 'all'], 'whole number'],
  ])('%j is a mistake in usage, and asks for nothing', async (args, message) => {
    const { code, stderr } = await start(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(await board.readRequest()).toBeUndefined();
  });

  test('waits for the sweep that answers its request, and shows what that deleted', async () => {
    await report({ breaker: { previews: 4, allowed: 3 } });
    const run = start('--yes', '--max', '4');
    const { request_id, max } = await asked();
    expect(max).toBe(4);
    // Another sweep's report is not the answer.
    await report({ orphans: [orphan('dead0009')] });
    await clock.sleep(700);
    await report({ deleted: [orphan('dead0001')], request_id });
    const { code, stdout, stderr } = await run;
    expect(code).toBe(0);
    expect(stdout).toMatch(/service +dead0001 .* deleted/);
    expect(stdout).not.toContain('dead0009');
    expect(stderr).toContain('Asked for a sweep of up to 4 previews');
  });

  test('exits with 5 when more would go than it allowed, and when another request took its place', async () => {
    const small = start('--yes', '--max', '4');
    const { request_id } = await asked();
    await report({ breaker: { previews: 9, allowed: 3 }, request_id });
    expect(await small).toMatchObject({ code: 5, stderr: expect.stringContaining('--max 9') as string });
    const replaced = start('--yes', '--max', '5');
    while ((await asked()).max !== 5) await clock.sleep(20);
    await board.request({ request_id: 'other', max: 7, requested_at: '2026-01-01T00:00:00Z', by: 'else' });
    expect(await replaced).toMatchObject({ code: 5, stderr: expect.stringContaining('by else') as string });
  });

  test('exits with 6 when no sweep answers in time', async () => {
    const { code, stderr } = await start('--yes', '--max', '4', '--timeout', '1s');
    expect([code, stderr]).toEqual([6, expect.stringContaining('no sweep has answered')]);
  });
});
