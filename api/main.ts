import { readFileSync } from 'node:fs';
import { createClients } from '../aws/clients.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { parseConfig, processEnv } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { secretBytes, systemRandom as random } from '../platform/random.ts';
import { EventLog } from '../preview/event-log.ts';
import { Heartbeats } from '../preview/heartbeat.ts';
import { PreviewStore } from '../preview/store.ts';
import { SweepBoard } from '../preview/sweep-board.ts';
import { Tokens } from '../preview/tokens.ts';
import { createApi } from './app.ts';
import { apiConfig, apiSchema } from './config.ts';
import { serveApi } from './server.ts';
import { openWaitingRoom } from './waiting-room.ts';

const env = parseConfig(apiSchema, processEnv());
const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(manifest) as { version: string };
const log = createLog(env.TEMPUS_LOG_LEVEL);
const clients = createClients({ region: env.AWS_REGION, endpoint: env.TEMPUS_AWS_ENDPOINT });
const stop = new AbortController();

const store = new PreviewStore({ client: clients.document, table: env.TEMPUS_TABLE_PREVIEWS });

const app = createApi({
  store,
  events: new EventLog({ client: clients.document, table: env.TEMPUS_TABLE_EVENTS }),
  heartbeats: new Heartbeats({ client: clients.document, table: env.TEMPUS_TABLE_COORDINATION }),
  sweepBoard: new SweepBoard({ client: clients.document, table: env.TEMPUS_TABLE_COORDINATION }),
  tokens: new Tokens({ client: clients.document, table: env.TEMPUS_TABLE_COORDINATION, secretBytes }),
  logs: clients.logs,
  clock,
  random,
  log,
  config: apiConfig(env, version),
  stopping: stop.signal,
});
const server = await serveApi({ app, host: env.TEMPUS_HOST, port: env.TEMPUS_API_PORT, clock });
const waitingRoom =
  env.TEMPUS_WAITING_PORT === undefined
    ? undefined
    : await openWaitingRoom({
        store,
        clock,
        log,
        host: env.TEMPUS_HOST,
        port: env.TEMPUS_WAITING_PORT,
        showLogs: env.TEMPUS_WAITING_LOGS,
      });
log.info({ port: server.port, waiting_port: waitingRoom?.port }, 'listening');

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    stop.abort();
  });
}
await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
await server.close();
await waitingRoom?.close();
clients.destroy();
