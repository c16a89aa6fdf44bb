import type { CloudEvent } from '../../../localcloud/events/event.ts';
import type { WireCall } from '../../../localcloud/wire/server.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Call, Span, Stage, Timeline } from './timeline.ts';

/** Moments in the life of a preview that the wire does not show, or shows late. */
export type Moment =
  | 'asked'
  | 'created_readable'
  | 'PROVISIONING'
  | 'PENDING'
  | 'RUNNING'
  | 'checked'
  | 'completed'
  | 'told'
  | 'marked_readable'
  | 'live';

interface SeenCall extends Span {
  caller: string;
  service: string;
  operation: string;
  status: number;
  text: string;
}

const ID = /\b[0-9a-f]{8}\b/g;
const RULE_ARN = /arn:aws:elasticloadbalancing:[^"\s]*:listener-rule\/[^"\s]*/g;
const TASK_STAGES = new Set<string>(['PROVISIONING', 'PENDING', 'RUNNING']);

/** Everything that was seen of an install while previews came up in it, from outside of Tempus. */
export class Sightings {
  readonly #clock: Clock;
  /** Between the clock of AWS's own times and the monotonic one. */
  readonly #wallAhead: number;
  readonly #calls: SeenCall[] = [];
  readonly #moments = new Map<string, Map<Moment, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallAhead = clock.now().getTime() - clock.monotonic();
  }

  /** Only the first sighting counts. */
  note(id: string, moment: Moment, at = this.#clock.monotonic()): void {
    const moments = this.#moments.get(id) ?? new Map<Moment, number>();
    if (!moments.has(moment)) moments.set(moment, at);
    this.#moments.set(id, moments);
  }

  call({ caller, service, operation, status, input, duration_ms }: WireCall): void {
    if (service === 'streams') return;
    const to = this.#clock.monotonic();
    const text = JSON.stringify(input) ?? '';
    this.#calls.push({ from: to - duration_ms, to, caller, service, operation, status, text });
  }

  /** An event of ECS, when it is delivered; its detail says when what it tells of happened. */
  event({ 'detail-type': type, resources: [resource = ''], detail }: CloudEvent): void {
    const { group } = detail;
    const [id] = (typeof group === 'string' ? group : resource).match(ID) ?? [];
    if (id === undefined) return;
    const at = Date.parse(String(detail['updatedAt'])) - this.#wallAhead;
    const status = String(detail['lastStatus']);
    if (type === 'ECS Task State Change' && TASK_STAGES.has(status)) this.note(id, status as Moment, at);
    if (detail['eventName'] !== 'SERVICE_DEPLOYMENT_COMPLETED') return;
    this.note(id, 'completed', at);
    this.note(id, 'told');
  }

  /** When the write that made the preview Ready was answered. */
  readyAt(id: string): number | undefined {
    return this.#calls.find(
      ({ operation, status, text }) =>
        operation === 'UpdateItem' &&
        status === 200 &&
        text.includes('":next":{"S":"Ready"}') &&
        text.includes(`{"S":"${id}"}`),
    )?.to;
  }

  /** The preview's way to Ready. `rules` tells whose each rule is. Throws where something of it was not seen. */
  timeline(id: string, rules: ReadonlyMap<string, string>): Timeline {
    const to = this.readyAt(id);
    if (to === undefined) throw new Error(`${id} is not Ready`);
    const from = this.#at(id, 'asked');
    const calls = this.#calls
      .flatMap((seen) => callOf(seen, id, rules) ?? [])
      .filter((call) => call.to > from && call.from < to)
      .toSorted((a, b) => a.from - b.from);
    return { id, from, to, calls, stages: this.#stages(id, calls, to) };
  }

  #stages(id: string, calls: readonly Call[], to: number): Timeline['stages'] {
    const endOf = (operation: string) => {
      const call = calls.findLast((one) => one.operation === operation && one.ok && !one.shared);
      if (!call) throw new Error(`${id} is Ready without ${operation}`);
      return call;
    };
    const opened = endOf('ModifyRule');
    const marked = calls.find((call) => call.operation === 'UpdateItem' && call.subject === 'mark');
    const way: [Stage, number, number][] = [
      ['stream_record', endOf('PutItem').to, this.#at(id, 'created_readable')],
      ['first_task', endOf('CreateService').to, this.#at(id, 'PROVISIONING')],
      ['network_interface', this.#at(id, 'PROVISIONING'), this.#at(id, 'PENDING')],
      ['image_pull', this.#at(id, 'PENDING'), this.#at(id, 'RUNNING')],
      ['first_check', this.#at(id, 'RUNNING'), this.#at(id, 'checked')],
      ['steady_state', this.#at(id, 'checked'), this.#at(id, 'completed')],
      ['event', this.#at(id, 'completed'), this.#at(id, 'told')],
      ['mark_record', marked?.to ?? to, this.#moments.get(id)?.get('marked_readable') ?? to],
      ['rule_live', opened.to, this.#at(id, 'live')],
    ];
    // Who has seen the end of the rollout by himself waits for no event of it.
    const latest = { event: opened.from, mark_record: opened.from } as Partial<Record<Stage, number>>;
    return way.map(([stage, begin, end]) => ({
      stage,
      from: begin,
      to: Math.min(end, latest[stage] ?? to, to),
    }));
  }

  #at(id: string, moment: Moment): number {
    const at = this.#moments.get(id)?.get(moment);
    if (at === undefined) throw new Error(`nobody has seen when ${id} was ${moment}`);
    return at;
  }
}

/** A call as the preview sees it, or undefined where it is none of its business. */
function callOf(seen: SeenCall, id: string, rules: ReadonlyMap<string, string>): Call | undefined {
  const { from, to, caller, service, operation, status, text } = seen;
  const ids = new Set<string | undefined>([
    ...(text.match(ID) ?? []),
    ...(text.match(RULE_ARN) ?? []).map((arn) => rules.get(arn)),
  ]);
  const ok = status < 400;
  if (ids.has(id)) {
    const call = { from, to, service, operation, ok, shared: false };
    return isOnTheWay(seen) ? { ...call, subject: subjectOf(seen, id) } : undefined;
  }
  const shared = caller === 'tempus-controller' && ids.size === 0 && isOfAll(seen);
  return shared ? { from, to, service, operation, ok, shared, subject: text } : undefined;
}

/** What a pass asks of all previews together: the rules of the listener, and who holds and who waits for slots. */
function isOfAll({ service, operation, text }: SeenCall): boolean {
  if (service !== 'dynamodb') return operation === 'DescribeRules';
  return operation === 'Query' || text.includes('"slots#');
}

/** History is written beside the passes, and what people read meanwhile is nobody's wait. */
function isOnTheWay({ caller, operation, text }: SeenCall): boolean {
  if (caller === 'tempus-controller') return !text.includes('tempus-events');
  return caller === 'tempus-lambda' || (caller === 'tempus-api' && operation === 'PutItem');
}

function subjectOf({ caller, operation, text }: SeenCall, id: string): string {
  if (caller === 'tempus-lambda') return 'mark';
  // With this read every pass begins.
  if (operation === 'GetItem' && text.includes(`"Key":{"id":{"S":"${id}"}}`)) return 'row';
  return text;
}
