import { request } from 'node:http';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { pino } from 'pino';
import { afterEach, beforeEach } from 'vitest';
import { createApi } from '../api/app.ts';
import type { ApiConfig } from '../api/config.ts';
import type { ApiDeps } from '../api/deps.ts';
import { type ApiServer, serveApi } from '../api/server.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import { PreviewStore } from '../preview/store.ts';
import type { PreviewRow } from '../preview/record.ts';
import { previewsTable } from '../preview/tables.ts';
import type { PreviewView } from '../preview/view.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';

export const CONFIG: ApiConfig = {
  version: '1.2.3',
  min_ttl_seconds: 10,
  max_ttl_hours: 336,
  default_ttl_hours: 24,
  allow_workdir: true,
  default_image: 'tempus/hello:latest',
  default_arch: 'X86_64',
  default_capacity: 'on_demand',
  process_image: 'tempus/process:latest',
  routing: {
    scheme: 'http',
    primary: 'host',
    host_domain: 'localhost:8080',
    path_authority: '127.0.0.1:8080',
  },
  allowed_hosts: ['127.0.0.1', 'localhost', '[::1]'],
  log_group: '/previews',
  auth: 'none',
  owner: 'local',
  behind_load_balancer: false,
};

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: () => PreviewView & Record<string, unknown>;
}

/** An API over real sockets and a real table, begun and ended with each test. */
export class ApiWorld {
  aws!: Endpoint;
  store!: PreviewStore;
  logs!: LogsModel;
  server!: ApiServer;
  stop!: AbortController;
  /** Everything that was logged, debug included. */
  logged = '';

  async open(): Promise<void> {
    this.logged = '';
    this.aws = await Endpoint.open();
    await this.aws.dynamodb.createTable(previewsTable('previews'));
    this.store = this.storeOf(PreviewStore);
    this.logs = new LogsModel({ clock });
    await this.serve();
  }

  storeOf(Store: typeof PreviewStore): PreviewStore {
    const marshallOptions = { removeUndefinedValues: true };
    const client = DynamoDBDocument.from(this.aws.dynamodb, { marshallOptions });
    return new Store({ client, table: 'previews' });
  }

  async serve(deps: Partial<ApiDeps> = {}): Promise<void> {
    this.stop = new AbortController();
    const log = pino({ level: 'debug' }, { write: (line: string) => (this.logged += line) });
    const { store, logs, stop } = this;
    const base = { store, logs, clock, random, log, config: CONFIG, stopping: stop.signal };
    this.server = await serveApi({ app: createApi({ ...base, ...deps }), host: '127.0.0.1', port: 0, clock });
  }

  /** The same table, behind another API. */
  async serveAnew(deps: Partial<ApiDeps>): Promise<void> {
    await this.server.close();
    await this.serve(deps);
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.server.close();
    await this.aws.close();
  }

  ask = (method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const { port } = this.server;
      const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('error', reject).on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            json: () => JSON.parse(text) as ReturnType<Reply['json']>,
          }),
        );
      });
      sent.on('error', reject).end(body);
    });

  post = (body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
    this.ask('POST', '/preview/create', typeof body === 'string' ? body : JSON.stringify(body), {
      'content-type': 'application/json',
      ...headers,
    });

  stored = () => Array.fromAsync(this.store.live());

  /** Puts a whole item, as a hand does. */
  async put(row: PreviewRow): Promise<void> {
    const client = DynamoDBDocument.from(this.aws.dynamodb);
    await client.put({ TableName: 'previews', Item: { ...row } });
  }
}

export function useApi(): ApiWorld {
  const world = new ApiWorld();
  beforeEach(() => world.open());
  afterEach(() => world.close());
  return world;
}
