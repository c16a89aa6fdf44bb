import * as sdk from '@aws-sdk/client-dynamodb-streams';
import type { StreamsPort } from '../../../aws/ports.ts';
import type { Item, KeyElement } from '../../../localcloud/dynamodb/item.ts';
import { forgetfulJournal } from '../../../localcloud/dynamodb/journal.ts';
import { Ledger } from '../../../localcloud/dynamodb/ledger.ts';
import { Recorder } from '../../../localcloud/dynamodb/recorder.ts';
import { Refusal, refusalName } from '../../../localcloud/dynamodb/refusal.ts';
import { StreamReader } from '../../../localcloud/dynamodb/stream-reader.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Random } from '../../../platform/random.ts';
import type { TypedItem } from './attribute-values.ts';
import type { MemoryTable } from './memory-table.ts';

const ERRORS = {
  ResourceNotFoundException: sdk.ResourceNotFoundException,
  TrimmedDataAccessException: sdk.TrimmedDataAccessException,
  ExpiredIteratorException: sdk.ExpiredIteratorException,
} as const;

type WireRecord = sdk._Record & { dynamodb: { ApproximateCreationDateTime: number } };

/** On the wire a time is a number of seconds; the SDK makes a Date of it. */
function fromWire({ dynamodb, ...record }: WireRecord): sdk._Record {
  const created = new Date(dynamodb.ApproximateCreationDateTime * 1000);
  return { ...record, dynamodb: { ...dynamodb, ApproximateCreationDateTime: created } };
}

/** The streams of tables in memory: the laptop's own model of DynamoDB Streams, which keeps nothing on disk here. */
export class MemoryStreams {
  readonly #ledger = new Ledger(forgetfulJournal());
  readonly #recorder: Recorder;
  readonly #reader: StreamReader;
  readonly #clock: Clock;

  constructor(deps: { clock: Clock; random: Random; shardLifeMs: number }) {
    this.#clock = deps.clock;
    this.#recorder = new Recorder({ ledger: this.#ledger, ...deps });
    this.#reader = new StreamReader({ ledger: this.#ledger, recorder: this.#recorder, clock: deps.clock });
  }

  readonly port: StreamsPort = {
    describeStream: (input) => this.#call('DescribeStream', input),
    getShardIterator: (input) => this.#call('GetShardIterator', input),
    getRecords: async (input) => {
      const page = await this.#call<{ Records: WireRecord[] }>('GetRecords', input);
      return { ...page, Records: page.Records.map(fromWire) };
    },
  };

  latestArn(table: string): string | undefined {
    return this.#ledger.latestStream(table)?.head.arn;
  }

  record(
    table: MemoryTable,
    key: TypedItem,
    before: TypedItem | undefined,
    after: TypedItem | undefined,
  ): void {
    if (!this.#ledger.enabledStream(table.name)) return;
    const intent = {
      id: this.#ledger.nextIntent(),
      table: table.name,
      operation: 'PutItem',
      request: {},
      key: key as unknown as Item,
      ...(before ? { old: before as unknown as Item } : {}),
    } as const;
    this.#recorder.settle(intent, after as unknown as Item | undefined);
  }

  switch(table: MemoryTable, on: boolean): void {
    const enabled = this.#ledger.enabledStream(table.name);
    if (!on && enabled) this.#recorder.disable(enabled);
    if (!on || enabled) return;
    const TableArn = `arn:aws:dynamodb:us-east-1:000000000000:table/${table.name}`;
    const KeySchema = table.keySchema as KeyElement[];
    this.#recorder.open({ TableName: table.name, TableArn, KeySchema }, 'NEW_AND_OLD_IMAGES');
  }

  /** Ends every open shard; `children` take over for each. */
  roll(table: string, children: number): void {
    const stream = this.#ledger.enabledStream(table);
    if (stream) this.#recorder.roll(stream, stream.openShards(), children);
  }

  /** As if a day had passed over everything that is in the stream now. */
  trim(table: string): void {
    this.#ledger.enabledStream(table)?.trim(this.#clock.now().getTime() + 1);
  }

  async #call<T>(operation: string, input: object): Promise<T> {
    try {
      return this.#reader.call(operation, input) as T;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const name = refusalName(error.answer) as keyof typeof ERRORS;
      const known = ERRORS[name] as (typeof ERRORS)[keyof typeof ERRORS] | undefined;
      throw known ? new known({ $metadata: {}, message: error.message }) : Object.assign(error, { name });
    }
  }
}
