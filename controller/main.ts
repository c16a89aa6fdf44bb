import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CallMeter } from '../aws/call-meter.ts';
import { createClients } from '../aws/clients.ts';
import { GateMeter } from '../aws/gate-meter.ts';
import { systemClock } from '../platform/clock.ts';
import { parseConfig, processEnv } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { Metrics } from '../platform/metrics.ts';
import { systemRandom } from '../platform/random.ts';
import { Coordination } from '../preview/coordination.ts';
import { EventLog } from '../preview/event-log.ts';
import { Heartbeats } from '../preview/heartbeat.ts';
import { SweepBoard } from '../preview/sweep-board.ts';
import { PreviewStore } from '../preview/store.ts';
import { httpProbe } from '../reconcilers/probe.ts';
import { AWS_DISCIPLINE, CONTROLLER_TIMES, controllerSchema, reconcilerConfig } from './config.ts';
import { Controller } from './controller.ts';
import { serveHealth } from './health-server.ts';

const env = parseConfig(controllerSchema, processEnv());
const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(manifest) as { version: string };
const log = createLog(env.TEMPUS_LOG_LEVEL);
const metrics = new Metrics();
const clients = createClients({ region: env.AWS_REGION, endpoint: env.TEMPUS_AWS_ENDPOINT });

const controller = new Controller({
  store: new PreviewStore({ client: clients.document, table: env.TEMPUS_TABLE_PREVIEWS }),
  coordination: new Coordination({ client: clients.document, table: env.TEMPUS_TABLE_COORDINATION }),
  ports: new CallMeter(metrics, systemClock).measured(clients),
  probe: httpProbe,
  clock: systemClock,
  random: systemRandom,
  log,
  config: reconcilerConfig(env),
  dynamodb: clients.dynamodb,
  streams: clients.streams,
  table: env.TEMPUS_TABLE_PREVIEWS,
  owner: `${hostname()}-${process.pid}-${systemRandom.uuid()}`,
  times: CONTROLLER_TIMES,
  discipline: {
    ...AWS_DISCIPLINE,
    rate_share: env.TEMPUS_RATE_SHARE,
    strict: env.TEMPUS_STRICT_RATES,
    meter: new GateMeter(metrics),
  },
  metrics,
  heartbeats: new Heartbeats({ client: clients.document, table: env.TEMPUS_TABLE_COORDINATION }),
  events: new EventLog({ client: clients.document, table: env.TEMPUS_TABLE_EVENTS }),
  sweepBoard: new SweepBoard({ client: clients.document, table: env.TEMPUS_TABLE_COORDINATION }),
  vitalsLog: log,
  version,
});
const health = await serveHealth({
  supervision: controller,
  host: env.TEMPUS_HEALTH_HOST,
  port: env.TEMPUS_HEALTH_PORT,
  log,
});

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    stop.abort();
  });
}
await controller.run(stop.signal);
await health.close();
clients.destroy();
log.info('stopped');
