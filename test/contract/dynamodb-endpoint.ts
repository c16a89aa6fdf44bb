import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DynamoDB, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreams, type _Record, type GetRecordsOutput } from '@aws-sdk/client-dynamodb-streams';

import { type Database, openDatabase, type WireAnswer } from '../../localcloud/dynamodb/database.ts';
import { silentLog } from '../../platform/log.ts';
import { systemRandom } from '../../platform/random.ts';
import { ManualClock } from '../fakes/clock.ts';

/** A database on disk behind a real socket, with the real SDK clients in front, that can be closed and reopened. */
export class Endpoint {
  readonly clock = new ManualClock();
  readonly folder: string;
  /** For clients besides these. */
  readonly settings: DynamoDBClientConfig;
  readonly dynamodb: DynamoDB;
  readonly streams: DynamoDBStreams;
  readonly #server: Server;
  #database: Database | undefined;

  private constructor(folder: string) {
    this.folder = folder;
    this.#server = createServer((request, response) => {
      void this.#serve(request).then(({ status, body, headers }) =>
        response.writeHead(status, { ...headers, 'content-type': 'application/x-amz-json-1.0' }).end(body),
      );
    });
    this.settings = {
      endpoint: async () => ({
        protocol: 'http:',
        hostname: '127.0.0.1',
        port: (this.#server.address() as AddressInfo).port,
        path: '/',
      }),
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    };
    this.dynamodb = new DynamoDB(this.settings);
    this.streams = new DynamoDBStreams(this.settings);
  }

  static async open(): Promise<Endpoint> {
    const endpoint = new Endpoint(await mkdtemp(join(tmpdir(), 'tempus-dynamodb-')));
    await once(endpoint.#server.listen(0, '127.0.0.1'), 'listening');
    await endpoint.reopen();
    return endpoint;
  }

  get database(): Database {
    return this.#database!;
  }

  /** Closes the database and opens it from its folder; `between` sees the folder as a killed process left it. */
  async reopen(between: () => void | Promise<void> = () => {}): Promise<void> {
    await this.#database?.close();
    await between();
    const { clock, folder } = this;
    this.#database = await openDatabase({ clock, random: systemRandom, log: silentLog, path: folder });
  }

  async close(): Promise<void> {
    this.dynamodb.destroy();
    this.streams.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #serve(request: IncomingMessage): Promise<WireAnswer & { headers?: OutgoingHttpHeaders }> {
    const body = Buffer.concat(await request.toArray());
    const [service, operation = ''] = String(request.headers['x-amz-target']).split('.');
    const streams = service?.startsWith('DynamoDBStreams');
    return streams ? this.database.streams(operation, body) : this.database.dynamodb(operation, body);
  }

  async streamArn(table: string): Promise<string> {
    const { Table } = await this.dynamodb.describeTable({ TableName: table });
    return Table!.LatestStreamArn!;
  }

  async shards(arn: string) {
    const { StreamDescription } = await this.streams.describeStream({ StreamArn: arn });
    return StreamDescription!.Shards!;
  }

  async iterator(arn: string, shard: string, more: { type?: string; sequence?: string } = {}) {
    const { ShardIterator } = await this.streams.getShardIterator({
      StreamArn: arn,
      ShardId: shard,
      ShardIteratorType: (more.type ?? 'TRIM_HORIZON') as 'TRIM_HORIZON',
      SequenceNumber: more.sequence,
    });
    return ShardIterator!;
  }

  /** Everything that one shard holds now. */
  async readShard(arn: string, shard: string): Promise<_Record[]> {
    const records: _Record[] = [];
    let iterator: string | undefined = await this.iterator(arn, shard);
    while (iterator) {
      const page: GetRecordsOutput = await this.streams.getRecords({ ShardIterator: iterator });
      if (page.Records!.length === 0) break;
      records.push(...page.Records!);
      iterator = page.NextShardIterator;
    }
    return records;
  }

  /** Everything that the latest stream of a table holds now, in the order of the shards: parents first. */
  async records(table: string): Promise<_Record[]> {
    const arn = await this.streamArn(table);
    const records: _Record[] = [];
    for (const { ShardId } of await this.shards(arn)) records.push(...(await this.readShard(arn, ShardId!)));
    return records;
  }
}
