import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import { marshall } from '@aws-sdk/util-dynamodb';
import { beforeEach, describe, expect, test } from 'vitest';
import { EventProjector, type EventProjectorDeps } from '../../controller/event-projector.ts';
import { silentLog as log } from '../../platform/log.ts';
import type { PreviewEvent } from '../../preview/events.ts';
import { ManualClock } from '../fakes/clock.ts';
import { SeededRandom } from '../sim/random.ts';

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/previews/stream/2026-01-01T00:00:00.000';
const random = new SeededRandom('event-projector');

let clock: ManualClock;
let stop: AbortController;
/** The events table: what it holds, in the order in which it was written. */
let stored: PreviewEvent[];
/** How the table answers an event; undefined takes it. */
let answer: (event: PreviewEvent) => Promise<void> | undefined;
let lost: number;

beforeEach(() => {
  clock = new ManualClock();
  stop = new AbortController();
  stored = [];
  answer = () => undefined;
  lost = 0;
});

const projector = (over: Partial<EventProjectorDeps> = {}) =>
  new EventProjector(
    {
      events: {
        append: async (event) => {
          await answer(event);
          stored.push(event);
        },
      },
      clock,
      random,
      log,
      onLost: (events) => (lost += events),
      ...over,
    },
    stop.signal,
  );

const uid = (n: number) => `0badcafe-0000-4000-8000-${String(n).padStart(12, '0')}`;
let sequence = 1;
/** A record that tells one event: preview `n` was created. */
const created = (n: number, SequenceNumber = String((sequence += 1))): StreamRecord => ({
  dynamodb: {
    SequenceNumber,
    ApproximateCreationDateTime: clock.now(),
    NewImage: marshall({ preview_id: uid(n), expires_at: '2026-01-01T02:00:00Z' }),
  },
});
const ids = () => stored.map(({ preview_id }) => Number(preview_id.slice(-12)));

/** Whether a promise has settled by now. */
async function isTold(promise: Promise<void>): Promise<boolean> {
  let told = false;
  void promise.then(() => (told = true));
  await clock.advance(0);
  return told;
}

describe('an events table that does not answer', () => {
  test('holds nobody up, keeps the order, and gets everything once it answers', async () => {
    const events = projector();
    answer = () => Promise.reject(new Error('no answer'));
    const first = events.project([created(1), created(2)], ARN);
    await clock.advance(10 * 60_000);
    const second = events.project([created(3)], ARN);
    expect([await isTold(first), await isTold(second)]).toEqual([false, false]);
    answer = () => undefined;
    await clock.advance(40_000);
    expect(ids()).toEqual([1, 2, 3]);
    expect([await isTold(first), await isTold(second)]).toEqual([true, true]);
    expect(lost).toBe(0);
  });

  test('is asked less and less often', async () => {
    let asked = 0;
    answer = () => {
      asked += 1;
      return Promise.reject(new Error('no answer'));
    };
    void projector().project([created(1)], ARN);
    await clock.advance(10 * 60_000);
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(40);
  });

  test('loses the oldest events once no more have room, and counts them; nobody waits for those', async () => {
    const events = projector({ mostWaiting: 3 });
    answer = () => Promise.reject(new Error('no answer'));
    const pages = [1, 2, 3, 4, 5].map((n) => events.project([created(n)], ARN));
    expect(await Promise.all(pages.map(isTold))).toEqual([true, true, false, false, false]);
    expect(lost).toBe(2);
    answer = () => undefined;
    await clock.advance(40_000);
    expect(ids().slice(-3)).toEqual([3, 4, 5]);
  });

  test('is left alone when the tenure ends; what waits is not called told, so that the next leader tells it', async () => {
    const events = projector();
    answer = () => Promise.reject(new Error('no answer'));
    const page = events.project([created(1)], ARN);
    await clock.advance(1_000);
    stop.abort();
    answer = () => undefined;
    await clock.advance(60_000);
    expect(stored).toEqual([]);
    expect(await isTold(page)).toBe(false);
    expect(clock.pending).toBe(0);
  });
});

test('an event that the table refuses for good is lost alone, and counted', async () => {
  const refusal = Object.assign(new Error('no'), { name: 'ValidationException' });
  answer = ({ preview_id }) => (preview_id === uid(2) ? Promise.reject(refusal) : undefined);
  const page = projector().project([created(1), created(2), created(3)], ARN);
  expect(await isTold(page)).toBe(true);
  expect(ids()).toEqual([1, 3]);
  expect(lost).toBe(1);
});

test('a page that tells nothing is told at once, also behind pages that wait', async () => {
  const events = projector();
  answer = () => Promise.reject(new Error('no answer'));
  void events.project([created(1)], ARN);
  expect(await isTold(events.project([{ dynamodb: { SequenceNumber: '9' } }], ARN))).toBe(true);
});

describe('sequences', () => {
  test('of numbers of any length sort as text in the order of the stream', async () => {
    const numbers = [
      '300000000000000499659',
      '4421584500000000017450439091',
      '9999999999999999999999999999999999999999',
    ];
    await projector().project(
      numbers.map((number, n) => created(n, number)),
      ARN,
    );
    expect(stored.map((one) => one.sequence)).toEqual(stored.map((one) => one.sequence).toSorted());
    expect(new Set(stored.map((one) => one.sequence.length)).size).toBe(1);
    expect(stored[0]?.sequence).toMatch(/^[\d.]{1,64}$/);
  });

  test('of a stream that was switched off and on again come after those before, though its numbers start anew', async () => {
    const events = projector();
    await events.project([created(1, '4421584500000000017450439091')], ARN);
    await events.project([created(1, '300000000000000499659')], ARN.replace('2026-01-01', '2026-01-02'));
    expect(stored[0]!.sequence < stored[1]!.sequence).toBe(true);
  });
});

test('a number that no double holds stops nothing', async () => {
  const record = created(1);
  record.dynamodb!.OldImage = { preview_id: { S: uid(1) }, ttl_hours: { N: '2' } };
  record.dynamodb!.NewImage = {
    preview_id: { S: uid(1) },
    ttl_hours: { N: '123456789012345678.5' },
    expires_at: { N: '99999999999999999999999999999999999999' },
  };
  expect(await isTold(projector().project([record, created(2)], ARN))).toBe(true);
  expect(stored.map(({ type }) => type)).toEqual(['TtlEdited', 'ExpiryMoved', 'Created']);
  expect(lost).toBe(0);
});
