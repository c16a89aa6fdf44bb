import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import { afterEach, expect, test } from 'vitest';

import { createClients } from '../../aws/clients.ts';
import { type ContractRun, runContract } from './contract-run.ts';
import { IS_LOCAL } from './endpoint.ts';
import { startLocalcloud } from './localcloud-child.ts';
import { OPERATIONS, SERVICES, type ServiceName } from './operations.ts';

const MINUTES = 60_000;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const failures = ({ tests }: ContractRun) => tests.filter(({ status }) => status === 'failed');
const passed = ({ tests }: ContractRun) => tests.filter(({ status }) => status === 'passed');
const skipped = ({ tests }: ContractRun) =>
  tests.filter(({ status }) => status === 'skipped' || status === 'pending');

test.runIf(IS_LOCAL)(
  'every suite passes at a localcloud of which it knows the URL only, and leaves nothing there',
  { timeout: 3 * MINUTES },
  async () => {
    const { endpoint, process: cloud } = await startLocalcloud();
    closing.push(() => cloud.disconnect());
    const run = await runContract(endpoint, SERVICES);
    expect(failures(run)).toEqual([]);
    expect(run.said).not.toContain(' lacks ');
    const held = passed(run).map(({ name }) => name);
    const holds = (service: ServiceName, operation: string) =>
      held.some((name) => name.includes(`every modelled operation of ${service} ${operation} has`));
    const notHeld = SERVICES.flatMap((service) =>
      OPERATIONS[service].filter((operation) => !holds(service, operation)),
    );
    // There is no task to stop where none can be started without an image, a network and a bill.
    expect(notHeld).toEqual(['StopTask']);
    expect(await leftAt(endpoint)).toEqual({
      tables: [],
      balancers: [],
      groups: [],
      schedules: ['default'],
      services: [],
    });
  },
);

async function leftAt(endpoint: string) {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const clients = createClients({ region: 'us-east-1', endpoint, credentials });
  closing.push(() => clients.destroy());
  const { dynamodb, elbv2, scheduler, ecs } = clients;
  return {
    tables: (await dynamodb.listTables({})).TableNames,
    balancers: (await elbv2.describeLoadBalancers({})).LoadBalancers,
    groups: (await elbv2.describeTargetGroups({})).TargetGroups,
    schedules: (await scheduler.listScheduleGroups({})).ScheduleGroups!.map(({ Name }) => Name),
    services: (await ecs.listServices({})).serviceArns,
  };
}

test.runIf(IS_LOCAL)(
  'at an emulator that has tables and nothing else, the rest is skipped by name',
  { timeout: 2 * MINUTES },
  async () => {
    const endpoint = await startDynalite();
    const run = await runContract(endpoint, ['dynamodb', 'streams']);
    expect(failures(run)).toEqual([]);
    expect(passed(run).length).toBeGreaterThan(50);
    const said = run.said.split('\n').map((line) => / lacks (.*): skipped/.exec(line)?.[1]);
    expect(said).toEqual(expect.arrayContaining(['streams ListStreams', 'dynamodb UpdateTimeToLive']));
    expect(skipped(run).some(({ name }) => name.includes('every way to write an item'))).toBe(true);
  },
);

/** dynalite's own server: DynamoDB's tables and items as localcloud has them, with no streams and no time to live. */
async function startDynalite(): Promise<string> {
  const quick = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
  const dynalite = createRequire(import.meta.url)('dynalite') as (options: object) => Server;
  const server = createServer(dynalite(quick).listeners('request')[0] as RequestListener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
