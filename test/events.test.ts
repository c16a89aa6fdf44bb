import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EventProjector } from '../controller/event-projector.ts';
import { readStream } from '../controller/stream-reader.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { Coordination } from '../preview/coordination.ts';
import type { PreviewEvent } from '../preview/events.ts';
import { coordinationTable } from '../preview/tables.ts';
import { AT, useEvents } from './event-world.ts';

const world = useEvents();
const { api, create, tell } = world;
const { ask } = api;

const types = async (id: string) =>
  (await world.events.read(id, { limit: 100 })).items.map(({ type, by }) => `${type} ${by}`);

describe('the leader', () => {
  beforeEach(async () => {
    await api.aws.dynamodb.createTable(coordinationTable('coordination'));
  });
  const stops: AbortController[] = [];
  const leaders: Promise<void>[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) stop.abort();
    await Promise.all(leaders.splice(0));
  });

  /** Reads the stream and tells it, from its checkpoints on or, as if they were lost, from the oldest record. */
  function lead({ checkpoints = 'coordination' } = {}): void {
    const stop = new AbortController();
    const projector = new EventProjector({ events: world.events, clock, random, log }, stop.signal);
    stops.push(stop);
    leaders.push(
      readStream(
        {
          dynamodb: api.aws.dynamodb,
          streams: api.aws.streams,
          coordination: new Coordination({ client: world.client, table: checkpoints }),
          clock,
          random,
          log,
          table: 'previews',
          pollMs: 5,
          syncMs: 50,
          checkpointMs: 0,
          onPage: (records, { stream_arn }) => projector.project(records, stream_arn),
          onGap: () => undefined,
        },
        stop.signal,
      ),
    );
  }

  async function aLife(): Promise<string> {
    const row = await create();
    const resources = { 'service#tempus': { created_at: '2026-01-01T00:00:05Z' } };
    await api.store.writeStatus(row, { phase: 'Provisioning', status: { ...row.status, resources } });
    await world.client.update({
      TableName: 'previews',
      Key: { id: row.id },
      UpdateExpression: 'SET spec.env.#name = :secret',
      ConditionExpression: 'attribute_exists(id)',
      ExpressionAttributeNames: { '#name': 'TOKEN' },
      ExpressionAttributeValues: { ':secret': 'canary-two' },
    });
    await ask('POST', `/preview/${row.id}/retry`);
    await ask('DELETE', `/preview/${row.id}`);
    const now = (await api.store.get(row.id))!;
    const deleted_at = '2026-01-01T02:00:00Z';
    await api.store.writeStatus(now, {
      phase: 'Deleted',
      status: { ...now.status, deleted_at },
      purge_at: 1,
    });
    return row.preview_id;
  }

  const LIFE = [
    'Created api',
    'PhaseChanged controller',
    'ResourceCreated controller',
    'SpecEdited operator',
    'Nudged api',
    'DeletionRequested api',
    'PhaseChanged api',
    'PhaseChanged controller',
    'Deleted controller',
  ];

  test('tells who did what, edits by hand included, and never what an environment variable holds', async () => {
    lead();
    const id = await aLife();
    await vi.waitFor(async () => expect(await types(id)).toEqual(LIFE), 5_000);
    const answer = await ask('GET', `/preview/${id}/events`);
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({
          type: 'SpecEdited',
          by: 'operator',
          message: 'changed spec.env.TOKEN',
          changes: [{ path: 'spec.env.TOKEN' }],
        }),
      ]),
      next_cursor: null,
    });
    expect(answer.text).not.toContain('canary');
  });

  test('a stream that is read twice tells everything once, also by two leaders at once', async () => {
    const id = await aLife();
    await api.aws.dynamodb.createTable(coordinationTable('lost'));
    lead();
    lead({ checkpoints: 'lost' });
    await vi.waitFor(async () => expect(await types(id)).toEqual(LIFE), 5_000);
    const told = (await world.events.read(id, { limit: 100 })).items;
    await api.aws.dynamodb.createTable(coordinationTable('lost-again'));
    lead({ checkpoints: 'lost-again' });
    const last = await create();
    await vi.waitFor(async () => expect(await types(last.preview_id)).toEqual(['Created api']), 5_000);
    expect((await world.events.read(id, { limit: 100 })).items).toEqual(told);
  });
});

describe('tempus events', () => {
  function start(...args: string[]) {
    const cli = join(import.meta.dirname, '../cli/tempus.js');
    const env = { PATH: process.env['PATH'], TEMPUS_SERVER: `http://127.0.0.1:${api.server.port}` };
    const child = spawn(process.execPath, [cli, 'events', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const run = { stdout: '', ended: once(child, 'close').then(() => child.exitCode) };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (run.stdout += chunk));
    return run;
  }

  test('prints a line an event, all pages of them', async () => {
    const { preview_id: id } = await create();
    for (const n of [1, 2]) await tell(id, n);
    const run = start(id);
    expect([await run.ended, run.stdout.split('\n')]).toEqual([
      0,
      [`${AT}  api         Nudged             the 1th`, `${AT}  api         Nudged             the 2th`, ''],
    ]);
  });

  test('-f goes on until the preview is Deleted, with --json an object a line', async () => {
    const { preview_id: id } = await create();
    await tell(id, 1);
    const run = start(id, '-f', '--json');
    await vi.waitFor(() => expect(run.stdout).toContain('the 1th'), 5_000);
    await tell(id, 2);
    await tell(id, 3, 'Deleted');
    expect(await run.ended).toBe(0);
    const lines = run.stdout.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as PreviewEvent).message)).toEqual([
      'the 1th',
      'the 2th',
      'the 3th',
    ]);
  });
});
