import { BUCKET_OF, type BucketName } from '../../../aws/buckets.ts';
import type { AwsPorts } from '../../../aws/ports.ts';
import type { Call, Span, Stage, Timeline } from './timeline.ts';

interface Row {
  whose: 'AWS' | 'Tempus';
  what: string;
}

/**
 * Whose each millisecond between the request for a preview and Ready is. At each instant the first of these that holds:
 *
 * 1. AWS is at a stage that the preview really waits for: its record is on the way to the stream; the first task, its
 *    network interface, its image, its first health check, the end of its rollout, the event of that and the stream record
 *    of its mark; the opened rule on its way to the first node of the load balancer. AWS's, whatever Tempus does meanwhile.
 * 2. A call of this preview is under way. AWS's, except a look that was taken before at what only Tempus changes.
 * 3. Nothing is under way, and Tempus takes its time: until the API has written the record; until a pass begins that could
 *    begin (a poll, a queue, a timer); within a pass before its next call: held back for AWS's rates, waiting for others to
 *    join the question, computing.
 *
 * Of Tempus's time before a call of a scarce bucket AWS's is as much as that bucket, AWS's own and whole, would have cost
 * whoever is as quick as can be (rate-floor.ts): in a burst, the queue for a worker is mostly a queue for a token.
 *
 * Left to AWS's favour, and so against Tempus: nothing that Tempus does while AWS is at a stage makes it any later. Left to
 * Tempus's favour: the first look at each thing before it is made, and the order of the steps, counts as AWS's; that a rule is
 * opened only at the end is the waiting room's price (docs/decisions/0018).
 */
export const PARTS = {
  stream_record: { whose: 'AWS', what: 'the new record reaches the stream' },
  calls: { whose: 'AWS', what: 'calls under way' },
  rates: { whose: 'AWS', what: "calls held back, as AWS's own rates would" },
  first_task: { whose: 'AWS', what: 'the service starts its task' },
  network_interface: { whose: 'AWS', what: 'network interface' },
  image_pull: { whose: 'AWS', what: 'image, and start' },
  first_check: { whose: 'AWS', what: 'first health check' },
  steady_state: { whose: 'AWS', what: 'end of the rollout' },
  event: { whose: 'AWS', what: 'event of the end' },
  mark_record: { whose: 'AWS', what: 'the mark reaches the stream' },
  rule_live: { whose: 'AWS', what: 'the opened rule reaches a node' },
  api: { whose: 'Tempus', what: 'the API, until it writes the record' },
  idle: { whose: 'Tempus', what: 'no pass yet: poll, queue, timer' },
  share: { whose: 'Tempus', what: 'calls held back beyond that: the rate share' },
  joining: { whose: 'Tempus', what: 'questions wait for others to join' },
  again: { whose: 'Tempus', what: 'looks taken before' },
  computing: { whose: 'Tempus', what: 'computing' },
} as const satisfies Record<Stage, Row> & Record<string, Row>;
export type Part = keyof typeof PARTS;

/** Milliseconds by part. Together they are exactly the time from the request to Ready. */
export type Shares = Record<Part, number>;

/** A call of a scarce bucket, and the way to it since the last such call or stage. */
export interface Held {
  id: string;
  bucket: BucketName;
  asked: number;
  went: number;
  /** Of that, what AWS itself took: the looks that come before the call. */
  need: number;
}

/** Buckets that a burst of previews empties; the others hold enough for all of them. */
const SCARCE: ReadonlySet<BucketName> = new Set(['elb_modify', 'task_definition_modify', 'service_modify']);
/** What AWS itself changes is worth another look; so is the record, which anybody may have edited. */
const CHANGES_BY_ITSELF = new Set(['DescribeServices', 'DescribeTargetHealth']);
const LOOK = /^(Describe|List|Get|Query)/;
/** Questions that wait for others; see aws/batched.ts. */
const JOINED = new Set(['DescribeServices', 'DescribeTags']);
const START_OF_PASS = 'row';
/** A pass makes its next call as soon as this after an answer, unless something holds it back. */
const AT_ONCE_MS = 50;

interface Piece extends Span {
  part: Part;
}

/** `floors`: for how long AWS's own bucket would have held each of the calls back; see rate-floor.ts. */
export function attribute(timeline: Timeline, floors: ReadonlyMap<Held, number>): Shares {
  const shares = Object.fromEntries(Object.keys(PARTS).map((part) => [part, 0])) as Shares;
  const left = [...floors].filter(([{ id }]) => id === timeline.id).map(([held, ms]) => ({ held, ms }));
  for (const { from, to, part } of pieces(timeline)) {
    const floor = isTempus(part)
      ? left.find(({ held, ms }) => ms > 0 && held.asked <= from && to <= held.went)
      : undefined;
    const aws = Math.min(floor?.ms ?? 0, to - from);
    if (floor) floor.ms -= aws;
    shares.rates += aws;
    shares[part] += to - from - aws;
  }
  return shares;
}

/** The calls of a preview that had to wait for a token, or could have had to, in their order. */
export function heldCalls(timeline: Timeline): Held[] {
  const all = pieces(timeline);
  const scarce = timeline.calls.flatMap((call) => {
    const bucket = bucketOf(call);
    return bucket && SCARCE.has(bucket) && !call.shared ? [{ ...call, bucket }] : [];
  });
  return scarce.map(({ from: went, bucket }): Held => {
    const before = [...scarce, ...timeline.stages].filter(({ to }) => to <= went).map(({ to }) => to);
    const asked = Math.max(timeline.from, ...before);
    const need = all
      .filter(({ from, to, part }) => from >= asked && to <= went && !isTempus(part))
      .reduce((sum, { from, to }) => sum + to - from, 0);
    return { id: timeline.id, bucket, asked, went, need };
  });
}

function isTempus(part: Part): boolean {
  return PARTS[part].whose === 'Tempus';
}

/** The whole time, cut wherever something begins or ends, each piece with the part that it belongs to. */
function pieces(timeline: Timeline): Piece[] {
  const { from, to, stages } = timeline;
  const own = timeline.calls.filter(({ shared }) => !shared);
  const calls = [...own, ...waitedFor(timeline, own)].toSorted((a, b) => a.from - b.from);
  const again = looksAgain(calls);
  const cuts = [from, to, ...[...stages, ...calls].flatMap((span) => [span.from, span.to])]
    .filter((at) => at >= from && at <= to)
    .toSorted((a, b) => a - b);
  return cuts.slice(1).flatMap((end, n): Piece[] => {
    const piece = { from: cuts[n] ?? from, to: end };
    if (piece.from === piece.to) return [];
    const stage = stages.find((span) => covers(span, piece));
    if (stage) return [{ ...piece, part: stage.stage }];
    const running = calls.filter((span) => covers(span, piece));
    if (running.some((call) => !again.has(call))) return [{ ...piece, part: 'calls' }];
    return [{ ...piece, part: running.length > 0 ? 'again' : gap(piece, calls) }];
  });
}

function covers(span: Span, piece: Span): boolean {
  return span.from <= piece.from && piece.to <= span.to;
}

/** Nothing is under way: what comes next tells what it waits for. */
function gap(piece: Span, calls: readonly Call[]): Part {
  const next = calls.find((call) => call.from >= piece.to);
  if (!next) return 'computing';
  if (next === calls[0]) return 'api';
  if (next.subject === START_OF_PASS) return 'idle';
  const bucket = bucketOf(next);
  if (bucket && SCARCE.has(bucket)) return 'share';
  return JOINED.has(next.operation) ? 'joining' : 'computing';
}

/**
 * Of calls that are about all previews, those that this one has waited for, as far as the wire tells: they follow its own last
 * call at once and end before its next one, and are what a pass asks there. Of a list of rules, that may be one under way.
 */
function waitedFor({ calls }: Timeline, own: readonly Call[]): Call[] {
  const shared = calls.filter((call) => call.shared);
  const waited: Call[] = [];
  for (const [n, last] of own.entries()) {
    const next = own[n + 1];
    if (!next || next.subject === START_OF_PASS) continue;
    let end = last.to;
    for (const call of shared) {
      const fits = call.to > end && call.to <= next.from && call.from <= end + AT_ONCE_MS;
      const asked =
        call.service === 'dynamodb' ? last.service === 'dynamodb' && call.from >= end : end === last.to;
      if (!fits || !asked) continue;
      waited.push(call);
      end = call.to;
    }
  }
  return waited;
}

function looksAgain(calls: readonly Call[]): Set<Call> {
  const seen = new Set<string>();
  return new Set(
    calls.filter(({ operation, subject, ok }) => {
      if (!LOOK.test(operation) || CHANGES_BY_ITSELF.has(operation) || subject === START_OF_PASS)
        return false;
      const key = `${operation} ${subject}`;
      const before = seen.has(key);
      if (ok) seen.add(key);
      return before;
    }),
  );
}

function bucketOf({ service, operation }: Call): BucketName | undefined {
  const calls: Readonly<Record<string, BucketName>> | undefined = BUCKET_OF[service as keyof AwsPorts];
  return calls?.[`${operation.charAt(0).toLowerCase()}${operation.slice(1)}`];
}
