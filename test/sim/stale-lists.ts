import type { QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type { PreviewRow } from '../../preview/record.ts';
import { TABLES } from './config.ts';
import type { MemoryDatabase } from './database/memory-database.ts';
import type { VirtualTime } from './virtual-time.ts';

const KEPT_MS = 60_000;

interface Undo {
  at: number;
  id: string;
  before: PreviewRow | undefined;
}

/** The live index as it was a moment ago: indexes of DynamoDB are eventually consistent. */
export class StaleLists {
  readonly #time: VirtualTime;
  readonly #database: MemoryDatabase;
  #changes: Undo[] = [];

  constructor(time: VirtualTime, database: MemoryDatabase) {
    this.#time = time;
    this.#database = database;
    database.onChange(({ table, before, after }) => {
      if (table !== TABLES.previews) return;
      const row = (after ?? before) as unknown as PreviewRow;
      this.#changes = this.#changes.filter(({ at }) => at >= time.ms - KEPT_MS);
      this.#changes.push({ at: time.ms, id: row.id, before: before as unknown as PreviewRow | undefined });
    });
  }

  /** The answer to a query of the live index as of `ms` ago, in one page; undefined where nothing has changed since. */
  read(input: QueryCommandInput, ms: number): Promise<{ Items: Record<string, unknown>[] }> | undefined {
    const since = this.#time.ms - ms;
    const undone = this.#changes.filter(({ at }) => at > since);
    if (input.TableName !== TABLES.previews || undone.length === 0) return undefined;
    const rows = new Map(
      (this.#database.items(TABLES.previews) as unknown as PreviewRow[]).map((row) => [row.id, row]),
    );
    for (const { id, before } of undone.toReversed()) {
      if (before) rows.set(id, before);
      else rows.delete(id);
    }
    const now = input.ExpressionAttributeValues?.[':now'] as string | undefined;
    const from = input.ExclusiveStartKey as { expires_at?: string; id?: string } | undefined;
    const place = ({ expires_at, id }: { expires_at?: string; id?: string }) => `${expires_at} ${id}`;
    const items = [...rows.values()]
      .filter(({ live, expires_at }) => live !== undefined && (now === undefined || expires_at <= now))
      .filter((row) => from === undefined || place(row) > place(from))
      .toSorted((a, b) => place(a).localeCompare(place(b)));
    return Promise.resolve({ Items: structuredClone(items) as unknown as Record<string, unknown>[] });
  }
}
