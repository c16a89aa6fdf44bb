import type { Clock } from '../../platform/clock.ts';
import { Refusal } from './refusal.ts';

/** An iterator that has not been used for this long is refused. */
const ITERATOR_LIFE_MS = 15 * 60 * 1000;

/** A place in a shard: after the record with the number `after`. */
export interface Position {
  stream: string;
  shard: string;
  after: string;
}

/** Turns a position into the opaque text that clients hand back, valid for 15 minutes. */
export function issueIterator(clock: Clock, { stream, shard, after }: Position): string {
  const fields = [stream, shard, after, clock.now().getTime()];
  return Buffer.from(JSON.stringify(fields)).toString('base64');
}

export function readIterator(clock: Clock, iterator: string): Position {
  const [stream, shard, after, issuedAt] = fieldsOf(iterator);
  if (clock.now().getTime() > Number(issuedAt) + ITERATOR_LIFE_MS) {
    throw new Refusal(
      'ExpiredIteratorException',
      'Iterator expired. The iterator was not used for 15 minutes',
    );
  }
  return { stream: String(stream), shard: String(shard), after: String(after) };
}

function fieldsOf(iterator: string): unknown[] {
  try {
    const fields = JSON.parse(Buffer.from(iterator, 'base64').toString('utf8')) as unknown;
    if (Array.isArray(fields) && fields.length === 4) return fields;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Refusal('ValidationException', 'Invalid ShardIterator');
}
