import * as logsSdk from '@aws-sdk/client-cloudwatch-logs';
import * as ecsSdk from '@aws-sdk/client-ecs';
import * as schedulerSdk from '@aws-sdk/client-scheduler';
import { type AwsClients, createClients } from '../../aws/clients.ts';
import { openDatabase } from '../../localcloud/dynamodb/database.ts';
import { EcsModel } from '../../localcloud/ecs/model.ts';
import { LogsModel } from '../../localcloud/logs/model.ts';
import { SchedulerModel } from '../../localcloud/scheduler/model.ts';
import { createInvoke } from '../../localcloud/scheduler/targets.ts';
import { memoryState } from '../../localcloud/state.ts';
import { startWireServer } from '../../localcloud/wire/server.ts';
import { describeService } from '../../localcloud/wire/service.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { FakeRuntime } from '../fakes/fake-runtime.ts';
import { FakeTargetGroups } from '../fakes/fake-target-groups.ts';

/** The real SDK clients in front of an endpoint. */
export interface ContractEndpoint {
  endpoint: string;
  clients: AwsClients;
  /** The endpoint is localcloud in this process: what only its models promise may be tested too. */
  isLocal: boolean;
  close(): Promise<void>;
}

/** The endpoint that TEMPUS_CONTRACT_ENDPOINT names; without it, localcloud in memory, running no real task. */
export async function contractEndpoint(): Promise<ContractEndpoint> {
  const given = process.env['TEMPUS_CONTRACT_ENDPOINT'];
  const served = given === undefined ? await serveModels() : undefined;
  const endpoint = given ?? `http://127.0.0.1:${served?.port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const clients = createClients({ region: 'us-east-1', endpoint, credentials });
  return {
    endpoint,
    clients,
    isLocal: served !== undefined,
    close: async () => {
      clients.destroy();
      await served?.close();
    },
  };
}

async function serveModels() {
  const logs = new LogsModel({ clock });
  const elbv2 = new FakeTargetGroups(clock);
  const runtime = new FakeRuntime();
  const ecs = new EcsModel({ clock, random, log, state: memoryState(), runtime, elbv2, logs });
  const invoke = createInvoke({ ecs, functions: {} });
  const scheduler = new SchedulerModel({ clock, log, state: memoryState(), invoke });
  const database = await openDatabase({ clock, random, log });
  await ecs.start();
  scheduler.start();
  const server = await startWireServer({
    clock,
    random,
    log,
    host: '127.0.0.1',
    port: 0,
    database,
    services: {
      json: {
        AmazonEC2ContainerServiceV20141113: describeService('ecs', ecsSdk, ecs),
        Logs_20140328: describeService('logs', logsSdk, logs),
      },
      query: describeService('elbv2', {}, {}),
      rest: describeService('scheduler', schedulerSdk, scheduler),
    },
  });
  return {
    port: server.port,
    close: async () => {
      await server.close();
      await scheduler.stop();
      await ecs.stop();
      await database.close();
    },
  };
}
