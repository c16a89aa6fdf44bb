import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { TableDescription } from './dynalite-engine.ts';
import type { Intent, Placed, ShardHead, ViewType } from './entries.ts';
import { type Item, POSITIONS, positionOf, sameItem } from './item.ts';
import type { Ledger } from './ledger.ts';
import type { Shard } from './shard.ts';
import type { Stream } from './stream.ts';

/** DynamoDB keeps stream records, ended shards and disabled streams for this long. */
const RETENTION_MS = 24 * 60 * 60 * 1000;

export interface RecorderDeps {
  ledger: Ledger;
  clock: Clock;
  random: Random;
  /** An open shard ends at this age and a child takes over: about 4 h on AWS. */
  shardLifeMs: number;
  /** How long after its write a record can be read; absent: at once. */
  recordDelayMs?: (() => number) | undefined;
}

/** Keeps the streams: opens and ends them and their shards, and gives each change its place and number. */
export class Recorder {
  readonly #deps: RecorderDeps;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** A new stream with one shard; never a continuation of an earlier one. */
  open(
    { TableName: table, TableArn, KeySchema }: Pick<TableDescription, 'TableName' | 'TableArn' | 'KeySchema'>,
    viewType: ViewType,
  ): void {
    const { ledger } = this.#deps;
    let createdAt = this.#now();
    const arnAt = (at: number) => `${TableArn}/stream/${labelOf(at)}`;
    while (ledger.streams.has(arnAt(createdAt))) createdAt++;
    const start = ledger.sequences().next().value;
    ledger.commit({
      kind: 'stream',
      head: {
        arn: arnAt(createdAt),
        label: labelOf(createdAt),
        table,
        key_schema: KeySchema,
        view_type: viewType,
        created_at: createdAt,
      },
      shards: [this.#shardHead(start, { from: 0, to: POSITIONS })],
    });
  }

  /** The stream takes no more records and can be read for the rest of the retention. */
  disable(stream: Stream): void {
    this.#end(stream, stream.openShards(), 0);
  }

  /** Ends `shards` and opens `children` successors of each, which share out its items. */
  roll(stream: Stream, shards: readonly Shard[], children = 1): void {
    if (shards.length > 0) this.#end(stream, shards, children);
  }

  /** Records the outcome of a write: its place in the stream, or that there is nothing to record. */
  settle(intent: Intent, found: Item | undefined): void {
    const { ledger } = this.#deps;
    this.tidy();
    const stream = ledger.enabledStream(intent.table);
    const placed = stream && !sameItem(intent.old, found) ? this.#place(stream, intent, found) : undefined;
    ledger.commit({ kind: 'settled', id: intent.id, ...(placed && { placed }) });
  }

  /** Does what is due by age: rolls shards, trims records, forgets ended shards and disabled streams. */
  tidy(): void {
    const { ledger, shardLifeMs } = this.#deps;
    const now = this.#now();
    for (const stream of ledger.streams.values()) {
      this.roll(
        stream,
        stream.openShards().filter(({ head }) => head.opened_at + shardLifeMs <= now),
      );
      stream.trim(now - RETENTION_MS);
      if ((stream.head.disabled_at ?? now) < now - RETENTION_MS) ledger.streams.delete(stream.head.arn);
    }
  }

  #place(stream: Stream, { key, old, expired }: Intent, found: Item | undefined): Placed {
    const position = positionOf(key, stream.head.key_schema);
    const shard = stream.openShards().find(({ head }) => head.from <= position && position < head.to);
    if (!shard) throw new Error(`no open shard of ${stream.head.arn} takes position ${position}`);
    const sequence = this.#deps.ledger.sequences().next().value;
    const images = { ...(old && { old }), ...(found && { new: found }), ...(expired && { expired }) };
    const at = this.#now();
    const delayMs = this.#deps.recordDelayMs?.();
    const readable = delayMs === undefined ? {} : { readable_at: at + delayMs };
    return {
      stream: stream.head.arn,
      shard: shard.head.id,
      change: { sequence, at, ...readable, key, ...images },
    };
  }

  #end(stream: Stream, shards: readonly Shard[], children: number): void {
    const sequences = this.#deps.ledger.sequences();
    const ended = shards.map(({ head }) => ({ id: head.id, end: sequences.next().value }));
    const opened = shards.flatMap(({ head }) =>
      Array.from({ length: children }, (_, n) => {
        const width = (head.to - head.from) / children;
        const from = Math.round(head.from + n * width);
        const to = Math.round(head.from + (n + 1) * width);
        return this.#shardHead(sequences.next().value, { from, to }, head.id);
      }),
    );
    const disabled = children === 0 ? { disabled: true as const } : {};
    const at = this.#now();
    this.#deps.ledger.commit({ kind: 'shards', stream: stream.head.arn, ended, opened, at, ...disabled });
  }

  #shardHead(start: string, range: { from: number; to: number }, parent?: string): ShardHead {
    const suffix = this.#deps.random.uuid().slice(0, 8);
    return {
      id: `shardId-${start.slice(1)}-${suffix}`,
      ...(parent !== undefined && { parent }),
      ...range,
      start,
      opened_at: this.#now(),
      trimmed_through: start,
    };
  }

  #now(): number {
    return this.#deps.clock.now().getTime();
  }
}

function labelOf(at: number): string {
  return new Date(at).toISOString().slice(0, -1);
}
