import * as z from 'zod';

import type { Clock } from '../../platform/clock.ts';
import { issueIterator, readIterator } from './iterator.ts';
import type { Ledger } from './ledger.ts';
import type { Recorder } from './recorder.ts';
import { Refusal } from './refusal.ts';
import type { Shard } from './shard.ts';
import { toStreamRecord } from './stream-record.ts';
import type { Stream } from './stream.ts';

const pageLimit = z.int().min(1).max(100).default(100);
const listRequest = z.object({
  TableName: z.string().optional(),
  Limit: pageLimit,
  ExclusiveStartStreamArn: z.string().optional(),
});
const describeRequest = z.object({
  StreamArn: z.string(),
  Limit: pageLimit,
  ExclusiveStartShardId: z.string().optional(),
  ShardFilter: z.object({ Type: z.literal('CHILD_SHARDS'), ShardId: z.string() }).optional(),
});
const iteratorRequest = z.object({
  StreamArn: z.string(),
  ShardId: z.string(),
  ShardIteratorType: z.enum(['TRIM_HORIZON', 'LATEST', 'AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER']),
  SequenceNumber: z
    .string()
    .regex(/^\d{21}$/)
    .optional(),
});
const recordsRequest = z.object({ ShardIterator: z.string(), Limit: z.int().min(1).max(1000).default(1000) });

export interface StreamReaderDeps {
  ledger: Ledger;
  recorder: Recorder;
  clock: Clock;
}

/** The four operations of DynamoDBStreams_20120810. Throws Refusal. */
export class StreamReader {
  readonly #deps: StreamReaderDeps;

  constructor(deps: StreamReaderDeps) {
    this.#deps = deps;
  }

  /** Undefined when there is no such operation. */
  call(operation: string, request: object): object | undefined {
    this.#deps.recorder.tidy();
    switch (operation) {
      case 'ListStreams':
        return this.#listStreams(parse(listRequest, request));
      case 'DescribeStream':
        return this.#describeStream(parse(describeRequest, request));
      case 'GetShardIterator':
        return this.#getShardIterator(parse(iteratorRequest, request));
      case 'GetRecords':
        return this.#getRecords(parse(recordsRequest, request));
      default:
        return undefined;
    }
  }

  #listStreams({ TableName, Limit, ExclusiveStartStreamArn }: z.output<typeof listRequest>): object {
    const streams = [...this.#deps.ledger.streams.values()]
      .map(({ head }) => head)
      .filter(({ table }) => TableName === undefined || table === TableName);
    const { page, last } = pageOf(streams, ({ arn }) => arn, ExclusiveStartStreamArn, Limit);
    return {
      Streams: page.map(({ arn, table, label }) => ({
        StreamArn: arn,
        TableName: table,
        StreamLabel: label,
      })),
      ...(last !== undefined && { LastEvaluatedStreamArn: last }),
    };
  }

  #describeStream({
    StreamArn,
    Limit,
    ExclusiveStartShardId,
    ShardFilter,
  }: z.output<typeof describeRequest>): object {
    const { head, enabled, shards } = this.#stream(StreamArn);
    const heads = [...shards.values()]
      .map((shard) => shard.head)
      .filter(({ parent }) => !ShardFilter || parent === ShardFilter.ShardId);
    const { page, last } = pageOf(heads, ({ id }) => id, ExclusiveStartShardId, Limit);
    return {
      StreamDescription: {
        StreamArn,
        StreamLabel: head.label,
        StreamStatus: enabled ? 'ENABLED' : 'DISABLED',
        StreamViewType: head.view_type,
        CreationRequestDateTime: head.created_at / 1000,
        TableName: head.table,
        KeySchema: head.key_schema,
        Shards: page.map(({ id, parent, start, end }) => ({
          ShardId: id,
          SequenceNumberRange: {
            StartingSequenceNumber: start,
            ...(end !== undefined && { EndingSequenceNumber: end }),
          },
          ...(parent !== undefined && { ParentShardId: parent }),
        })),
        ...(last !== undefined && { LastEvaluatedShardId: last }),
      },
    };
  }

  #getShardIterator(request: z.output<typeof iteratorRequest>): object {
    const shard = this.#stream(request.StreamArn).shards.get(request.ShardId);
    if (!shard) throw notFound(`Shard: ${request.ShardId} in Stream: ${request.StreamArn}`);
    const after = startOf(shard, request, this.#now());
    const position = { stream: request.StreamArn, shard: request.ShardId, after };
    return { ShardIterator: issueIterator(this.#deps.clock, position) };
  }

  #getRecords({ ShardIterator, Limit }: z.output<typeof recordsRequest>): object {
    const position = readIterator(this.#deps.clock, ShardIterator);
    const stream = this.#stream(position.stream);
    const shard = stream.shards.get(position.shard);
    if (!shard || position.after < shard.head.trimmed_through) throw trimmed();
    const changes = [...shard.after(position.after, Limit, this.#now())];
    const after = changes.at(-1)?.sequence ?? position.after;
    const readOut = !shard.open && after >= shard.latest;
    return {
      Records: changes.map((change) => toStreamRecord(change, stream.head)),
      ...(!readOut && { NextShardIterator: issueIterator(this.#deps.clock, { ...position, after }) }),
    };
  }

  #now(): number {
    return this.#deps.clock.now().getTime();
  }

  #stream(arn: string): Stream {
    const stream = this.#deps.ledger.streams.get(arn);
    if (!stream) throw notFound(`Stream: ${arn}`);
    return stream;
  }
}

/** The number after which reading starts. */
function startOf(
  shard: Shard,
  { ShardIteratorType: type, SequenceNumber: asked }: z.output<typeof iteratorRequest>,
  now: number,
): string {
  const { start, end, trimmed_through: trimmedThrough } = shard.head;
  if (type === 'TRIM_HORIZON') return trimmedThrough;
  if (type === 'LATEST') return shard.readableThrough(now);
  if (asked === undefined || asked < start || (end !== undefined && asked > end)) {
    throw new Refusal('ValidationException', 'Invalid SequenceNumber: it is not in the range of the shard');
  }
  if (asked <= trimmedThrough && trimmedThrough !== start) throw trimmed();
  if (type === 'AFTER_SEQUENCE_NUMBER') return asked;
  const before = String(BigInt(asked) - 1n);
  return before < trimmedThrough ? trimmedThrough : before;
}

function pageOf<T>(all: readonly T[], idOf: (one: T) => string, after: string | undefined, limit: number) {
  const from = after === undefined ? 0 : all.findIndex((one) => idOf(one) === after) + 1;
  if (after !== undefined && from === 0) throw notFound(after);
  const page = all.slice(from, from + limit);
  const final = page.at(-1);
  return { page, last: final !== undefined && from + limit < all.length ? idOf(final) : undefined };
}

function parse<S extends z.ZodType>(schema: S, request: object): z.output<S> {
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `at '${path.join('.')}': ${message}`);
  const counted = `${faults.length} validation error${faults.length === 1 ? '' : 's'} detected`;
  throw new Refusal('ValidationException', `${counted}: ${faults.join('; ')}`);
}

function notFound(what: string): Refusal {
  return new Refusal('ResourceNotFoundException', `Requested resource not found: ${what} not found`);
}

function trimmed(): Refusal {
  return new Refusal(
    'TrimmedDataAccessException',
    'The operation attempted to read past the oldest stream record in a shard.',
  );
}
