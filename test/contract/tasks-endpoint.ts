import * as logsSdk from '@aws-sdk/client-cloudwatch-logs';
import * as ecsSdk from '@aws-sdk/client-ecs';

import type { Database } from '../../localcloud/dynamodb/database.ts';
import { EcsModel } from '../../localcloud/ecs/model.ts';
import type { EcsState } from '../../localcloud/ecs/state.ts';
import { LogsModel } from '../../localcloud/logs/model.ts';
import { memoryState } from '../../localcloud/state.ts';
import { startWireServer } from '../../localcloud/wire/server.ts';
import { describeService } from '../../localcloud/wire/service.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { FakeRuntime } from '../fakes/fake-runtime.ts';
import { FakeTargetGroups } from '../fakes/fake-target-groups.ts';

/** The real SDK clients of ECS and Logs in front of an endpoint. */
export interface TasksEndpoint {
  ecs: ecsSdk.ECS;
  logs: logsSdk.CloudWatchLogs;
  close(): Promise<void>;
}

/** The endpoint that TEMPUS_CONTRACT_ENDPOINT names; without it, the models behind a real socket, running nothing. */
export async function openTasksEndpoint(): Promise<TasksEndpoint> {
  const given = process.env['TEMPUS_CONTRACT_ENDPOINT'];
  const served = given ? undefined : await serveModels();
  const settings = {
    endpoint: given ?? `http://127.0.0.1:${served?.port}`,
    region: 'us-east-1',
    maxAttempts: 1,
    ...(given ? {} : { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }),
  };
  const ecs = new ecsSdk.ECS(settings);
  const logs = new logsSdk.CloudWatchLogs(settings);
  return {
    ecs,
    logs,
    close: async () => {
      ecs.destroy();
      logs.destroy();
      await served?.close();
    },
  };
}

async function serveModels() {
  const logs = new LogsModel({ clock });
  const elbv2 = new FakeTargetGroups(clock);
  const state = memoryState<EcsState>();
  const ecs = new EcsModel({ clock, random, log, state, runtime: new FakeRuntime(), elbv2, logs });
  await ecs.start();
  const server = await startWireServer({
    clock,
    random,
    log,
    host: '127.0.0.1',
    port: 0,
    database: {} as Database, // no test of this endpoint speaks to it
    services: {
      json: {
        AmazonEC2ContainerServiceV20141113: describeService('ecs', ecsSdk, ecs),
        Logs_20140328: describeService('logs', logsSdk, logs),
      },
      query: describeService('elbv2', {}, {}),
      rest: describeService('scheduler', {}, {}),
    },
  });
  return {
    port: server.port,
    close: async () => {
      await server.close();
      await ecs.stop();
    },
  };
}
