import type {
  FilterLogEventsCommandInput,
  FilterLogEventsCommandOutput,
  GetLogEventsCommandInput,
  GetLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs';

import { invalid } from './errors.ts';
import type { StoredEvent } from './stream-events.ts';

const MAX_EVENTS = 10_000;

type Range = { startTime?: number | undefined; endTime?: number | undefined };

/**
 * One page of one stream. The tokens are places between events: forward `f/n` reads from number n on, backward
 * `b/n` reads what stands before n. A reader that gets the token it sent has reached the end.
 */
export function readPage(
  events: readonly StoredEvent[],
  input: GetLogEventsCommandInput,
): Omit<GetLogEventsCommandOutput, '$metadata'> {
  const limit = limitOf(input.limit);
  const inRange = events.filter((event) => within(event, input));
  const { forward, from } = placeOf(input, inRange);
  const page = forward
    ? inRange.filter((event) => event.seq >= from).slice(0, limit)
    : inRange.filter((event) => event.seq < from).slice(-limit);
  const first = page[0]?.seq ?? from;
  const last = page.at(-1)?.seq;
  return {
    events: page.map(({ timestamp, ingestion_time, message }) => ({
      timestamp,
      message,
      ingestionTime: ingestion_time,
    })),
    nextForwardToken: `f/${last === undefined ? from : last + 1}`,
    nextBackwardToken: `b/${first}`,
  };
}

function placeOf(
  input: GetLogEventsCommandInput,
  inRange: readonly StoredEvent[],
): { forward: boolean; from: number } {
  if (input.nextToken === undefined) {
    if (input.startFromHead) return { forward: true, from: inRange[0]?.seq ?? 0 };
    return { forward: false, from: (inRange.at(-1)?.seq ?? -1) + 1 };
  }
  const [, direction, place] = /^([fb])\/(\d{1,15})$/.exec(input.nextToken) ?? [];
  if (direction === undefined) throw invalid('The specified nextToken is invalid.');
  return { forward: direction === 'f', from: Number(place) };
}

export interface StreamView {
  name: string;
  events: readonly StoredEvent[];
}

/** One page over many streams, merged in the order of time. */
export function filterPage(
  streams: readonly StreamView[],
  input: FilterLogEventsCommandInput,
): Omit<FilterLogEventsCommandOutput, '$metadata'> {
  const limit = limitOf(input.limit);
  const matches = streams
    .flatMap(({ name, events }) =>
      events
        .filter((event) => within(event, input))
        .map((event) => ({ name, event, key: keyOf(name, event) })),
    )
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const token = tokenOf(input);
  const ahead = token.backward
    ? matches.filter(({ key }) => token.after === undefined || key < token.after).toReversed()
    : matches.filter(({ key }) => token.after === undefined || key > token.after);
  const page = ahead.slice(0, limit);
  const last = page.at(-1);
  return {
    events: page.map(({ name, event }) => ({
      logStreamName: name,
      timestamp: event.timestamp,
      message: event.message,
      ingestionTime: event.ingestion_time,
      eventId: `${padded(event.timestamp)}${padded(event.seq)}`,
    })),
    searchedLogStreams: [],
    ...(last && ahead.length > page.length
      ? { nextToken: encodeToken({ backward: token.backward, after: last.key }) }
      : {}),
  };
}

/** Sorts by time, then by stream, then in the order of arrival. */
function keyOf(stream: string, event: StoredEvent): string {
  return `${padded(event.timestamp)}/${stream}/${padded(event.seq)}`;
}

interface FilterToken {
  backward: boolean;
  after?: string;
}

function encodeToken(token: FilterToken): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function tokenOf(input: FilterLogEventsCommandInput): FilterToken {
  if (input.nextToken === undefined) return { backward: input.startFromHead === false };
  try {
    const { backward, after } = JSON.parse(
      Buffer.from(input.nextToken, 'base64url').toString(),
    ) as Partial<FilterToken>;
    if (typeof backward === 'boolean' && typeof after === 'string') return { backward, after };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid('The specified nextToken is invalid.');
}

function within({ timestamp }: StoredEvent, { startTime, endTime }: Range): boolean {
  return timestamp >= (startTime ?? 0) && timestamp < (endTime ?? Number.POSITIVE_INFINITY);
}

function limitOf(limit: number | undefined): number {
  if (limit === undefined) return MAX_EVENTS;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_EVENTS) {
    throw invalid(`limit must be between 1 and ${MAX_EVENTS}`);
  }
  return limit;
}

function padded(n: number): string {
  return String(n).padStart(16, '0');
}
