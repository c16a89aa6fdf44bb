import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { pino } from 'pino';
import { afterEach, beforeEach } from 'vitest';
import { createApi } from '../api/app.ts';
import type { ApiConfig } from '../api/config.ts';
import { type ApiServer, serveApi } from '../api/server.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { systemClock } from '../platform/clock.ts';
import { secretBytes, systemRandom as random } from '../platform/random.ts';
import { EventLog } from '../preview/event-log.ts';
import { Heartbeats } from '../preview/heartbeat.ts';
import { PreviewStore } from '../preview/store.ts';
import { SweepBoard } from '../preview/sweep-board.ts';
import { coordinationTable, eventsTable, previewsTable } from '../preview/tables.ts';
import { type Scope, type TokenRow, Tokens } from '../preview/tokens.ts';
import { mintToken, writeToken } from '../preview/token-text.ts';
import { CONFIG } from './api-world.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';
import { ManualClock } from './fakes/clock.ts';
import { noteClient } from './iam/journal.ts';

export const API: ApiConfig = { ...CONFIG, auth: 'token' };

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: () => Record<string, unknown>;
}

/** An API that asks for tokens, over real sockets and real tables, begun and ended with each test. */
export class TokenWorld {
  aws!: Endpoint;
  clock!: ManualClock;
  tokens!: Tokens;
  logs!: LogsModel;
  server!: ApiServer;
  /** Everything that was logged, debug included. */
  logged = '';
  /** Which tokens the table was asked for. */
  reads: string[] = [];
  #asked!: DynamoDB;

  async open(config: ApiConfig): Promise<void> {
    this.aws = await Endpoint.open();
    this.clock = new ManualClock('2026-01-01T00:00:00Z');
    [this.logged, this.reads] = ['', []];
    await this.aws.dynamodb.createTable(previewsTable('previews'));
    await this.aws.dynamodb.createTable(coordinationTable('coordination'));
    await this.aws.dynamodb.createTable(eventsTable('events'));
    // A client of its own: what the test itself asks of the tables is no right of the API's.
    this.#asked = new DynamoDB(this.aws.settings);
    noteClient('api', 'dynamodb', this.#asked);
    this.logs = new LogsModel({ clock: this.clock });
    await this.#serve(config);
  }

  async #serve(config: ApiConfig): Promise<void> {
    const { clock, logs, reads } = this;
    const client = DynamoDBDocument.from(this.#asked, { marshallOptions: { removeUndefinedValues: true } });
    this.#asked.middlewareStack.add(
      (next) => (args) => {
        const { Key } = args.input as { Key?: { key?: string } };
        if (Key?.key?.startsWith('token#')) reads.push(Key.key);
        return next(args);
      },
      { step: 'initialize' },
    );
    const coordination = { client, table: 'coordination' };
    this.tokens = new Tokens({ ...coordination, secretBytes });
    const app = createApi({
      store: new PreviewStore({ client, table: 'previews' }),
      events: new EventLog({ client, table: 'events' }),
      heartbeats: new Heartbeats(coordination),
      sweepBoard: new SweepBoard(coordination),
      tokens: this.tokens,
      logs,
      clock,
      random,
      log: pino({ level: 'debug' }, { write: (line: string) => (this.logged += line) }),
      config,
    });
    this.server = await serveApi({ app, host: '127.0.0.1', port: 0, clock: systemClock });
  }

  async close(): Promise<void> {
    await this.server.close();
    this.#asked.destroy();
    await this.aws.close();
  }

  store = async (scope: Scope, owner = 'web-team', ttl_days = 1): Promise<{ text: string; row: TokenRow }> =>
    this.tokens.create({ kind: 'user', owner, scope, ttl_days, created_by: 'test' }, this.clock.now());

  make = async (...input: Parameters<TokenWorld['store']>): Promise<string> =>
    (await this.store(...input)).text;

  ask = async (
    method: string,
    path: string,
    token?: string,
    body?: object,
    more: Record<string, string> = {},
  ): Promise<Answer> => {
    const headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...more,
    };
    const response = await fetch(`http://127.0.0.1:${this.server.port}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    const json = () => JSON.parse(text) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, text, json };
  };
}

/** A token as this install could have made it, and has not. */
export function guess(): string {
  return writeToken(mintToken('user', secretBytes(8), secretBytes(32)));
}

export function useTokens(config: ApiConfig = API): TokenWorld {
  const world = new TokenWorld();
  beforeEach(() => world.open(config));
  afterEach(() => world.close());
  return world;
}
