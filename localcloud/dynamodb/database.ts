import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Realism } from '../realism/realism.ts';
import { ContinuousBackups } from './continuous-backups.ts';
import { DynaliteEngine } from './dynalite-engine.ts';
import type { Entry } from './entries.ts';
import { forgetfulJournal, openJournal } from './journal.ts';
import { LateIndexes } from './late-indexes.ts';
import { Ledger } from './ledger.ts';
import { Recorder } from './recorder.ts';
import { type Answer, Refusal } from './refusal.ts';
import { StreamReader } from './stream-reader.ts';
import { Tables } from './tables.ts';
import { TimeToLive } from './time-to-live.ts';
import { Turns } from './turns.ts';
import { writeTargets } from './write-targets.ts';
import { Writes } from './writes.ts';

export interface DatabaseDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** The folder of tables and streams. Absent: everything is in memory. */
  path?: string;
  /** AWS's delays. Absent: none. */
  realism?: Realism | undefined;
  shardLifeMs?: number;
  ttlSweepMs?: number;
}

export interface WireAnswer {
  status: number;
  body: string;
}

/** DynamoDB alone sends a checksum, which several of the SDKs verify. */
export interface ChecksummedAnswer extends WireAnswer {
  headers: { 'x-amz-crc32': string };
}

/** DynamoDB and DynamoDB Streams on one machine. What it has answered survives a kill -9. */
export interface Database {
  /**
   * One DynamoDB call as it came over the wire: `operation` is the part after the dot of X-Amz-Target, `body` the
   * raw JSON. Never rejects: a refusal and a failure are answers too. Nothing is read from the client's `headers`:
   * signatures are not checked.
   */
  dynamodb(operation: string, body: Buffer, headers?: IncomingHttpHeaders): Promise<ChecksummedAnswer>;
  /** The same for DynamoDBStreams_20120810. */
  streams(operation: string, body: Buffer): Promise<WireAnswer>;
  /** Ends the open shards of a table's stream and opens `children` successors of each. */
  rollShards(table: string, children?: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens the database and finishes what a crash left unfinished. */
export async function openDatabase(deps: DatabaseDeps): Promise<Database> {
  const { clock, random, log, path, realism, shardLifeMs = 4 * 60 * 60 * 1000, ttlSweepMs = 60_000 } = deps;
  const engine = await DynaliteEngine.open(path === undefined ? undefined : join(path, 'tables'));
  const ledger = openLedger(path);
  const turns = new Turns();
  const recorder = new Recorder({
    ledger,
    clock,
    random,
    shardLifeMs,
    ...(realism ? { recordDelayMs: () => realism.delayMs('stream_record') } : {}),
  });
  const indexes =
    realism && (await LateIndexes.open({ engine, turns, clock, delayMs: () => realism.delayMs('index') }));
  const onWritten = indexes && indexes.written.bind(indexes);
  const writes = new Writes({ engine, ledger, recorder, turns, log, onWritten });
  const tables = new Tables({ engine, ledger, recorder, turns });
  const timeToLive = new TimeToLive({ engine, ledger, turns, writes, clock, log, sweepMs: ttlSweepMs });
  const backups = new ContinuousBackups({ engine, ledger, turns });
  const reader = new StreamReader({ ledger, recorder, clock });
  await tables.recover();
  await writes.recover();
  timeToLive.start();
  return new LocalDatabase({
    engine,
    ledger,
    recorder,
    turns,
    writes,
    tables,
    timeToLive,
    backups,
    reader,
    indexes,
    log,
  });
}

function openLedger(path: string | undefined): Ledger {
  if (path === undefined) return new Ledger(forgetfulJournal());
  const { entries, journal } = openJournal<Entry>(join(path, 'streams.jsonl'));
  return new Ledger(journal, entries);
}

interface Parts {
  engine: DynaliteEngine;
  ledger: Ledger;
  recorder: Recorder;
  turns: Turns;
  writes: Writes;
  tables: Tables;
  timeToLive: TimeToLive;
  backups: ContinuousBackups;
  reader: StreamReader;
  /** Absent: indexes are as current as their tables. */
  indexes: LateIndexes | undefined;
  log: Log;
}

class LocalDatabase implements Database {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async dynamodb(operation: string, body: Buffer): Promise<ChecksummedAnswer> {
    const answer = await this.#answer(operation, async () => this.#perform(operation, parseRequest(body)));
    return { ...answer, headers: { 'x-amz-crc32': String(crc32(answer.body)) } };
  }

  streams(operation: string, body: Buffer): Promise<WireAnswer> {
    return this.#answer(operation, async () => {
      const found = this.#parts.reader.call(operation, parseRequest(body));
      if (!found) throw this.#unknown(operation);
      return { status: 200, body: { ...found } };
    });
  }

  rollShards(table: string, children = 1): Promise<void> {
    const { ledger, recorder, turns } = this.#parts;
    return turns.take([table], async () => {
      const stream = ledger.enabledStream(table);
      if (!stream) throw new Error(`the table ${table} has no stream`);
      recorder.roll(stream, stream.openShards(), children);
    });
  }

  async close(): Promise<void> {
    const { engine, indexes, ledger, timeToLive, turns } = this.#parts;
    await timeToLive.stop();
    await turns.idle();
    await indexes?.close();
    await engine.close();
    ledger.close();
  }

  async #answer(operation: string, call: () => Promise<Answer>): Promise<WireAnswer> {
    const { status, body } = await call().catch((error: unknown) => {
      if (error instanceof Refusal) return error.answer;
      this.#parts.log.error({ operation, err: error }, 'failed a call to the database');
      return new Refusal('InternalServerError', 'The request processing has failed').answer;
    });
    return { status, body: JSON.stringify(body) };
  }

  async #perform(operation: string, request: Readonly<Record<string, unknown>>): Promise<Answer> {
    const { engine, indexes, tables, timeToLive, backups, writes } = this.#parts;
    const late = indexes?.call(operation, request);
    if (late) return late;
    const own =
      tables.call(operation, request) ??
      timeToLive.call(operation, request) ??
      backups.call(operation, request);
    if (own && operation === 'DeleteTable')
      await own.then(() => indexes?.dropped(String(request['TableName'])));
    if (own) return own;
    if (!engine.knows(operation)) throw this.#unknown(operation);
    const writing = writeTargets(operation, request).length > 0;
    return writing ? writes.perform(operation, request) : engine.call(operation, request);
  }

  #unknown(operation: string): Refusal {
    this.#parts.log.warn({ operation }, 'refused an operation that is not modelled');
    return new Refusal('UnknownOperationException', `localcloud does not model ${operation}`);
  }
}

function parseRequest(body: Buffer): Readonly<Record<string, unknown>> {
  let request: unknown;
  try {
    request = JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof request === 'object' && request !== null && !Array.isArray(request)) {
    return request as Record<string, unknown>;
  }
  throw new Refusal('SerializationException', 'The body of the request is no JSON object');
}
