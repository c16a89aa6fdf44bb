import * as z from 'zod';

import type { DynaliteEngine, TableDescription } from './dynalite-engine.ts';
import type { KeyElement } from './item.ts';
import type { Ledger } from './ledger.ts';
import type { Recorder } from './recorder.ts';
import { type Answer, Refusal } from './refusal.ts';
import type { Stream } from './stream.ts';
import type { Turns } from './turns.ts';
import { fields } from './write-targets.ts';

type Request = Readonly<Record<string, unknown>>;

const TABLE_ARNS = 'arn:aws:dynamodb:us-east-1:000000000000:table/';
const viewTypes = ['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES'] as const;
const streamSpecification = z.discriminatedUnion('StreamEnabled', [
  z.object({ StreamEnabled: z.literal(true), StreamViewType: z.enum(viewTypes) }),
  z.object({ StreamEnabled: z.literal(false) }),
]);
type StreamSpecification = z.output<typeof streamSpecification>;

export interface TablesDeps {
  engine: DynaliteEngine;
  ledger: Ledger;
  recorder: Recorder;
  turns: Turns;
}

/** The operations on whole tables. dynalite keeps the tables; their streams are added here. */
export class Tables {
  readonly #deps: TablesDeps;

  constructor(deps: TablesDeps) {
    this.#deps = deps;
  }

  /** Undefined when `operation` is none of a table's. */
  call(operation: string, request: Request): Promise<Answer> | undefined {
    switch (operation) {
      case 'CreateTable':
        return this.#inTurn(request, () => this.#create(request));
      case 'UpdateTable':
        return this.#inTurn(request, () => this.#update(request));
      case 'DeleteTable':
        return this.#inTurn(request, () => this.#delete(request));
      case 'DescribeTable':
        return this.#describe(request);
      default:
        return undefined;
    }
  }

  /** Forgets the streams of tables that a crash left half created or half deleted. */
  async recover(): Promise<void> {
    const { engine, ledger } = this.#deps;
    const known = new Set(await engine.tables());
    const named = [...ledger.streams.values()].map(({ head }) => head.table);
    for (const table of new Set([...named, ...ledger.timeToLive.keys(), ...ledger.recoverable])) {
      if (!known.has(table)) ledger.commit({ kind: 'dropped', table });
    }
  }

  #inTurn(request: Request, job: () => Promise<Answer>): Promise<Answer> {
    return this.#deps.turns.take([String(request['TableName'])], job);
  }

  async #create(request: Request): Promise<Answer> {
    const { engine, ledger, recorder } = this.#deps;
    const specification = specificationOf(request);
    const name = String(request['TableName']);
    const fresh = (await engine.describe(name)) === undefined;
    // The stream first: after a crash a stream without its table is dropped, a table without its stream would stay.
    if (fresh && specification?.StreamEnabled) {
      const table = { TableName: name, TableArn: `${TABLE_ARNS}${name}`, KeySchema: keySchemaOf(request) };
      recorder.open(table, specification.StreamViewType);
    }
    const answer = await engine.call('CreateTable', request);
    if (answer.status !== 200 && fresh) ledger.commit({ kind: 'dropped', table: name });
    await engine.settled(name);
    return this.#withStream(answer, 'TableDescription');
  }

  async #update(request: Request): Promise<Answer> {
    const { engine } = this.#deps;
    const { StreamSpecification: _, ...rest } = request;
    const specification = specificationOf(request);
    refuseIndexChanges(request);
    const table = await engine.describe(request['TableName']);
    if (!table) return engine.call('DescribeTable', { TableName: request['TableName'] });
    if (specification) this.#checkSwitch(table.TableName, specification);
    // dynalite refuses an update without a throughput or a billing mode.
    const streamOnly = specification && Object.keys(rest).every((field) => field === 'TableName');
    const answer = streamOnly
      ? { status: 200, body: { TableDescription: table } }
      : await engine.call('UpdateTable', rest);
    if (answer.status !== 200) return answer;
    await engine.settled(table.TableName);
    if (specification) this.#switch(table, specification);
    return this.#withStream(answer, 'TableDescription');
  }

  async #delete(request: Request): Promise<Answer> {
    const { engine, ledger } = this.#deps;
    const answer = this.#withStream(await engine.call('DeleteTable', request), 'TableDescription');
    if (answer.status !== 200) return answer;
    await engine.settled(request['TableName']);
    ledger.commit({ kind: 'dropped', table: String(request['TableName']) });
    return answer;
  }

  async #describe(request: Request): Promise<Answer> {
    return this.#withStream(await this.#deps.engine.call('DescribeTable', request), 'Table');
  }

  /** AWS refuses to switch a stream to what it is already; a new view type needs off and on. */
  #checkSwitch(table: string, { StreamEnabled }: StreamSpecification): void {
    const enabled = this.#deps.ledger.enabledStream(table) !== undefined;
    if (enabled !== StreamEnabled) return;
    const state = enabled ? 'already has an enabled stream' : 'has no stream to disable';
    throw new Refusal('ValidationException', `Table ${state}: TableName: ${table}`);
  }

  #switch(table: TableDescription, specification: StreamSpecification): void {
    const { ledger, recorder } = this.#deps;
    if (specification.StreamEnabled) {
      recorder.open(table, specification.StreamViewType);
      return;
    }
    const stream = ledger.enabledStream(table.TableName);
    if (stream) recorder.disable(stream);
  }

  #withStream(answer: Answer, field: 'Table' | 'TableDescription'): Answer {
    if (answer.body[field] === undefined) return answer;
    // dynalite repeats the billing mode under a name that AWS's API does not have.
    const { TableThroughputModeSummary: _, ...table } = answer.body[field] as TableDescription & {
      TableThroughputModeSummary?: unknown;
    };
    const stream = this.#deps.ledger.latestStream(table.TableName);
    return { ...answer, body: { ...answer.body, [field]: { ...table, ...(stream && viewOf(stream)) } } };
  }
}

/** What a table's description says of its stream, also of one that was switched off. */
function viewOf({ head: { arn, label, view_type }, enabled }: Stream): object {
  return {
    ...(enabled && { StreamSpecification: { StreamEnabled: true, StreamViewType: view_type } }),
    LatestStreamArn: arn,
    LatestStreamLabel: label,
  };
}

function specificationOf(request: Request): StreamSpecification | undefined {
  const parsed = streamSpecification.optional().safeParse(request['StreamSpecification']);
  if (parsed.success) return parsed.data;
  throw new Refusal('ValidationException', 'One or more parameter values were invalid: StreamSpecification');
}

function keySchemaOf(request: Request): KeyElement[] {
  return Array.isArray(request['KeySchema']) ? (request['KeySchema'] as KeyElement[]) : [];
}

/** dynalite would accept these and do nothing. */
function refuseIndexChanges(request: Request): void {
  const updates = request['GlobalSecondaryIndexUpdates'];
  if (!Array.isArray(updates) || updates.every((update) => 'Update' in fields(update))) return;
  throw new Refusal('ValidationException', 'localcloud does not model adding or removing an index');
}
