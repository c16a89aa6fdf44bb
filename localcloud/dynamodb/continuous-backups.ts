import * as z from 'zod';

import type { DynaliteEngine } from './dynalite-engine.ts';
import type { Ledger } from './ledger.ts';
import { type Answer, Refusal } from './refusal.ts';
import type { Turns } from './turns.ts';

type Request = Readonly<Record<string, unknown>>;

const updateRequest = z.object({
  TableName: z.string(),
  PointInTimeRecoverySpecification: z.object({ PointInTimeRecoveryEnabled: z.boolean() }),
});

export interface ContinuousBackupsDeps {
  engine: DynaliteEngine;
  ledger: Ledger;
  turns: Turns;
}

/** Whether a table is to be restored to any second of its past. The setting is kept; nothing is ever restored. */
export class ContinuousBackups {
  readonly #deps: ContinuousBackupsDeps;

  constructor(deps: ContinuousBackupsDeps) {
    this.#deps = deps;
  }

  /** Undefined when `operation` is none of these two. */
  call(operation: string, request: Request): Promise<Answer> | undefined {
    switch (operation) {
      case 'UpdateContinuousBackups':
        return this.#deps.turns.take([String(request['TableName'])], () => this.#update(request));
      case 'DescribeContinuousBackups':
        return this.#describe(request['TableName']);
      default:
        return undefined;
    }
  }

  async #update(request: Request): Promise<Answer> {
    const parsed = updateRequest.safeParse(request);
    if (!parsed.success) throw new Refusal('ValidationException', 'PointInTimeRecoverySpecification');
    const { TableName: table, PointInTimeRecoverySpecification } = parsed.data;
    await this.#require(table);
    const enabled = PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled;
    this.#deps.ledger.commit({ kind: 'point_in_time_recovery', table, enabled });
    return this.#view(table);
  }

  async #describe(table: unknown): Promise<Answer> {
    if (typeof table !== 'string') {
      throw new Refusal('ValidationException', "The parameter 'TableName' is required but was not present");
    }
    await this.#require(table);
    return this.#view(table);
  }

  async #require(table: string): Promise<void> {
    if (await this.#deps.engine.describe(table)) return;
    throw new Refusal('TableNotFoundException', `Table not found: ${table}`);
  }

  #view(table: string): Answer {
    const enabled = this.#deps.ledger.recoverable.has(table);
    const PointInTimeRecoveryDescription = {
      PointInTimeRecoveryStatus: enabled ? 'ENABLED' : 'DISABLED',
    };
    const ContinuousBackupsDescription = {
      ContinuousBackupsStatus: 'ENABLED',
      PointInTimeRecoveryDescription,
    };
    return { status: 200, body: { ContinuousBackupsDescription } };
  }
}
