import { hostname } from 'node:os';
import { createApi } from '../api/app.ts';
import { serveApi } from '../api/server.ts';
import { openWaitingRoom } from '../api/waiting-room.ts';
import { CallMeter } from '../aws/call-meter.ts';
import { type AwsClients, createClients } from '../aws/clients.ts';
import { GateMeter } from '../aws/gate-meter.ts';
import { Controller } from '../controller/controller.ts';
import { expireDue } from '../lambda/expire.ts';
import { observe } from '../lambda/observe.ts';
import type { RuntimeChoice } from '../localcloud/choose-runtime.ts';
import { type Cloud, type CloudDeps, startCloud } from '../localcloud/cloud.ts';
import { systemClock as clock } from '../platform/clock.ts';
import type { Env } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import { Metrics } from '../platform/metrics.ts';
import { systemRandom as random } from '../platform/random.ts';
import { Coordination } from '../preview/coordination.ts';
import { EventLog } from '../preview/event-log.ts';
import { Heartbeats } from '../preview/heartbeat.ts';
import { SweepBoard } from '../preview/sweep-board.ts';
import { PreviewStore } from '../preview/store.ts';
import { httpProbe } from '../reconcilers/probe.ts';
import {
  apiConfig,
  CONTROLLER_PACE,
  DISCIPLINE,
  reconcilerConfig,
  routingOf,
  SCHEDULER_MINUTE_MS,
} from './config.ts';
import { cloudFolder } from './fresh.ts';
import { createRealism, paced } from './realism.ts';
import { LISTENER_PORT, NAMES, provision } from './infrastructure.ts';
import { registerWaitingRoom } from './waiting-target.ts';
import { createTaskRuntime, requireEngine } from './task-runtime.ts';

export interface SystemOptions {
  host: string;
  ports: { api: number; router: number; aws: number };
  /** Folder of everything that outlives a run. */
  home: string;
  routing: 'host' | 'path';
  runtime: RuntimeChoice;
  /** How much of AWS's delays, with all of its rates and quotas; absent: none of it. */
  realism?: number | undefined;
  env: Env;
  log: Log;
  version: string;
  /** Sees every call that goes to AWS. */
  onCall?: CloudDeps['onCall'];
}

export interface System {
  api: string;
  aws: string;
  stop(): Promise<void>;
}

/** Anything will do: localcloud looks only at the form of a signature. */
const CREDENTIALS = { accessKeyId: 'laptop', secretAccessKey: 'laptop' };
const REGION = 'us-east-1';

/** Starts every part of Tempus in this process, joined by nothing but endpoints, as they are on AWS. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { log, home } = options;
  await requireEngine(options.runtime, options.env);
  // The Lambdas need the endpoint of the cloud that invokes them: on AWS their environment tells, here it is set below.
  let store: PreviewStore | undefined;
  const lambdas = { cluster: NAMES.cluster, clock, log: part(log, 'lambda') };
  const cloud = await startCloudAt(options, {
    functions: { [NAMES.expire_function]: async () => store && expireDue({ store, ...lambdas }) },
    events: async (event) => store && observe(event, { store, ...lambdas }),
  });
  const clients = createClients({ region: REGION, endpoint: cloud.endpoint, credentials: CREDENTIALS });
  const { listenerArn } = await provision(clients);
  store = new PreviewStore({ client: clients.document, table: NAMES.previews });
  const waitingRoom = await openWaitingRoom({
    store,
    clock,
    log: part(log, 'waiting_room'),
    host: options.host,
    port: 0,
    // Nobody but the people of this machine gets here.
    showLogs: true,
  });
  const waitingGroup = await registerWaitingRoom(clients, { host: options.host, port: waitingRoom.port });
  const heartbeats = new Heartbeats({ client: clients.document, table: NAMES.coordination });
  const events = new EventLog({ client: clients.document, table: NAMES.events });
  const sweepBoard = new SweepBoard({ client: clients.document, table: NAMES.coordination });
  const controller = createController({
    options,
    clients,
    store,
    heartbeats,
    sweepBoard,
    events,
    listenerArn,
    waitingGroup,
  });
  const stopController = run(controller);
  const stopping = new AbortController();
  const api = await serveApi({
    clock,
    app: createApi({
      stopping: stopping.signal,
      store,
      heartbeats,
      events,
      sweepBoard,
      supervision: controller,
      logs: clients.logs,
      clock,
      random,
      log: part(log, 'api'),
      config: apiConfig(routingOf(options.routing, options.ports.router), options.version),
    }),
    host: options.host,
    port: options.ports.api,
  });
  log.info({ home, pid: process.pid }, 'started');
  return {
    api: `http://${options.host}:${api.port}`,
    aws: cloud.endpoint,
    stop: async () => {
      stopping.abort();
      await api.close();
      await stopController();
      await waitingRoom.close();
      await cloud.stop();
      clients.destroy();
      log.info('stopped');
    },
  };
}

function part(log: Log, name: string): Log {
  return log.child({ part: name });
}

function startCloudAt(
  { host, ports, home, runtime, realism, env, log, onCall }: SystemOptions,
  lambdas: Pick<CloudDeps, 'functions' | 'events'>,
): Promise<Cloud> {
  const own = part(log, 'localcloud');
  return startCloud({
    clock,
    random,
    log: own,
    path: cloudFolder(home),
    host,
    awsPort: ports.aws,
    listenerPorts: { [LISTENER_PORT]: ports.router },
    runtime: createTaskRuntime({ choice: runtime, home, cloud: cloudFolder(home), env, log: own }),
    ...lambdas,
    realism: createRealism(realism),
    ...(realism === undefined ? { schedulerMinuteMs: SCHEDULER_MINUTE_MS } : {}),
    ...(onCall ? { onCall } : {}),
  });
}

interface ControllerParts {
  options: SystemOptions;
  clients: AwsClients;
  store: PreviewStore;
  heartbeats: Heartbeats;
  sweepBoard: SweepBoard;
  events: EventLog;
  listenerArn: string;
  waitingGroup: string;
}

function createController(parts: ControllerParts): Controller {
  const { options, clients, store, heartbeats, sweepBoard, events, listenerArn, waitingGroup } = parts;
  const { routing, ports, home, log, host, version, realism } = options;
  const metrics = new Metrics();
  const own = reconcilerConfig(routingOf(routing, ports.router), {
    listener_arn: listenerArn,
    waiting_target_group: waitingGroup,
    probe_address: `${host}:${ports.router}`,
  });
  const laptop = { config: own, times: CONTROLLER_PACE, discipline: DISCIPLINE };
  const { config, times, discipline } = paced(laptop, realism);
  return new Controller({
    store,
    coordination: new Coordination({ client: clients.document, table: NAMES.coordination }),
    ports: new CallMeter(metrics, clock).measured(clients),
    probe: httpProbe,
    clock,
    random,
    log: part(log, 'controller'),
    config,
    dynamodb: clients.dynamodb,
    streams: clients.streams,
    table: NAMES.previews,
    owner: `${hostname()}-${process.pid}`,
    home: `${hostname()}:${home}`,
    times,
    discipline: { ...discipline, meter: new GateMeter(metrics) },
    metrics,
    heartbeats,
    sweepBoard,
    events,
    version,
  });
}

/** Answers how to stop it: the passes that run are waited for, the lease is given back. */
function run(controller: Controller): () => Promise<void> {
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  return async () => {
    stop.abort();
    await running;
  };
}
