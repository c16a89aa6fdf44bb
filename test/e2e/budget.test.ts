import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TempusClient } from '../../client/client.ts';
import { startSystem } from '../../laptop/system.ts';
import type { WireCall } from '../../localcloud/wire/server.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { freePort, until } from './laptop-process.ts';

const READS = /^(Describe|List|Get|Filter)/;
const TABLES = new Set(['dynamodb', 'streams']);

test('one life takes a bounded number of calls, and a preview that is settled takes no mutating one', async ({
  onTestFinished,
}) => {
  const home = mkdtempSync(join(tmpdir(), 'tempus-budget-'));
  let calls: WireCall[] = [];
  const system = await startSystem({
    host: '127.0.0.1',
    ports: { api: await freePort(), router: await freePort(), aws: await freePort() },
    home,
    routing: 'host',
    runtime: 'process',
    env: { PATH: process.env['PATH'] },
    log,
    version: '0.0.0',
    onCall: (call) => calls.push(call),
  });
  onTestFinished(async () => {
    await system.stop();
    rmSync(home, { recursive: true, force: true });
  });
  const client = new TempusClient({ server: system.api, clock });
  const mutating = () =>
    calls.filter(({ service, operation }) => !TABLES.has(service) && !READS.test(operation));
  const reading = () =>
    calls.filter(({ service, operation }) => !TABLES.has(service) && READS.test(operation));
  const writes = () => calls.filter(({ operation }) => operation === 'UpdateItem' || operation === 'PutItem');

  calls = [];
  const { preview_id } = await client.create({ ttl_hours: 1 });
  await client.waitFor(preview_id, ({ phase }) => phase === 'Ready', { everyMs: 20 });
  const created = mutating().map(({ operation }) => operation);
  expect(created.toSorted()).toEqual(
    [
      'CreateRule',
      'CreateRule',
      'CreateSchedule',
      'CreateService',
      'CreateTargetGroup',
      // From the waiting room to the preview, for each form of its address.
      'ModifyRule',
      'ModifyRule',
      'ModifyTargetGroupAttributes',
      'RegisterTaskDefinition',
    ].toSorted(),
  );

  calls = [];
  const began = performance.now();
  await until('a settled preview is compared with AWS', async () =>
    calls.some(({ operation }) => operation === 'DescribeTargetHealth'),
  );
  expect(mutating()).toEqual([]);
  // Lease, heartbeat and checkpoints go on, each every second or two; however long the machine took over it.
  const seconds = (performance.now() - began) / 1000;
  expect(writes().filter(({ status }) => status === 200).length).toBeLessThan(4 + 2 * seconds);

  calls = [];
  await client.delete(preview_id);
  await client.waitFor(preview_id, ({ phase }) => phase === 'Deleted', { everyMs: 20 });
  const deleted = mutating().map(({ operation }) => operation);
  expect(deleted.toSorted()).toEqual(
    [
      'DeleteRule',
      'DeleteRule',
      'DeleteSchedule',
      'DeleteService',
      'DeleteTargetGroup',
      'DeleteTaskDefinitions',
      'DeregisterTaskDefinition',
    ].toSorted(),
  );
  expect(reading().length).toBeLessThan(120);
}, 60_000);
