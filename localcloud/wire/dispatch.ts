import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Database } from '../dynamodb/database.ts';
import { Refusal } from '../dynamodb/refusal.ts';
import type { Realism } from '../realism/realism.ts';
import {
  type Answer,
  answerError,
  answerOutput,
  internalFailure,
  rateExceeded,
  refusalOf,
  unknownOperation,
} from './answer.ts';
import { checkRequired } from './required.ts';
import { type Route, routeOf, type Services, splitTarget } from './route.ts';

/** One call as it went over the wire: for call budgets and for whoever wants to see what happens. */
export interface WireCall {
  /** The access key id under which it was signed: on one machine, the name of the part that asks. */
  caller: string;
  service: string;
  operation: string;
  /** As the model understood it; undefined where it could not be read. */
  input: unknown;
  status: number;
  code?: string;
  duration_ms: number;
}

export interface DispatchDeps {
  services: Services;
  database: Database;
  clock: Clock;
  log: Log;
  /** AWS's rates and the time that its answers take. Absent: neither. */
  realism?: Realism | undefined;
  /** Aborted when the endpoint closes: nothing takes its time any more. */
  closing: AbortSignal;
  onCall?: (call: WireCall) => void;
}

export interface Request {
  message: IncomingMessage;
  body: Buffer;
  id: string;
}

/** DynamoDB keeps its own wire: dynalite speaks it, and its answers carry checksums. */
const DATABASE: ReadonlyMap<string, 'dynamodb' | 'streams'> = new Map([
  ['DynamoDB_20120810', 'dynamodb'],
  ['DynamoDBStreams_20120810', 'streams'],
] as const);

const THROTTLED = refusedAnswer(new Refusal('ThrottlingException', 'Rate exceeded'));

/** Answers one call to AWS, whatever becomes of it, and reports it. */
export async function dispatch(request: Request, deps: DispatchDeps): Promise<Answer> {
  const start = deps.clock.monotonic();
  const [prefix, name] = splitTarget(String(request.message.headers['x-amz-target'] ?? ''));
  const part = DATABASE.get(prefix);
  const { service, operation, read, answer } = part
    ? {
        service: part,
        operation: name,
        read: () => JSON.parse(request.body.toString()) as unknown,
        answer: await askDatabase(part, name, request.body, deps),
      }
    : await askModel(request, deps);
  deps.onCall?.({
    caller: callerOf(request.message),
    service,
    operation,
    input: inputOf(read),
    status: answer.status,
    ...(answer.code ? { code: answer.code } : {}),
    duration_ms: deps.clock.monotonic() - start,
  });
  return answer;
}

function callerOf({ headers }: IncomingMessage): string {
  return /Credential=([^/,\s]+)/.exec(headers.authorization ?? '')?.[1] ?? 'unknown';
}

function inputOf(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    // Whoever sent it has been told so in the answer.
    return undefined;
  }
}

async function askDatabase(
  part: 'dynamodb' | 'streams',
  operation: string,
  body: Buffer,
  { database, realism }: DispatchDeps,
): Promise<Answer> {
  const answer =
    (realism?.admits(part, operation) ?? true) ? await database[part](operation, body) : THROTTLED;
  const headers = { 'content-type': 'application/x-amz-json-1.0' };
  return { headers, ...answer, ...(answer.status < 400 ? {} : { code: errorCode(answer.body) }) };
}

/** `com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException` without its namespace. */
function errorCode(body: string): string {
  return /"__type":\s*"(?:[^"#]*#)?([^"]+)"/.exec(body)?.[1] ?? 'InternalServerError';
}

async function askModel(
  { message, body, id }: Request,
  deps: DispatchDeps,
): Promise<{ service: string; operation: string; read: () => unknown; answer: Answer }> {
  const route = routeOf(message, body, deps.services);
  const service = route.service?.name ?? 'unknown';
  return { service, operation: route.name, read: route.input, answer: await callModel(route, id, deps) };
}

async function callModel(route: Route, id: string, deps: DispatchDeps): Promise<Answer> {
  const { protocol, service, name, operation } = route;
  const { log, realism } = deps;
  const fields = { service: service?.name, operation: name, request_id: id };
  if (!service || !operation) {
    log.warn(fields, 'refused an operation that is not modelled');
    return answerError(protocol, unknownOperation(protocol, name, service?.name), id);
  }
  if (realism && !realism.admits(service.name, name)) {
    return answerError(protocol, rateExceeded(protocol, service), id, service.name);
  }
  const leave = realism && (await takeTime(realism, deps));
  try {
    const input = route.input();
    checkRequired(operation.input, input);
    return answerOutput(protocol, { service: service.name, operation }, await operation.call(input), id);
  } catch (error) {
    const refusal = refusalOf(protocol, service, error);
    if (!refusal) log.error({ ...fields, err: error }, 'failed a call to a model');
    return answerError(protocol, refusal ?? internalFailure(protocol), id, service.name);
  } finally {
    await leave?.();
  }
}

/** Part of a call's time passes before it is carried out; the rest, when the answer waits for what is returned. */
async function takeTime(
  realism: Realism,
  { clock, closing }: Pick<DispatchDeps, 'clock' | 'closing'>,
): Promise<() => Promise<void>> {
  const ms = realism.delayMs('call');
  const before = ms * realism.chance();
  await clock.sleep(before, closing);
  return () => clock.sleep(ms - before, closing);
}

function refusedAnswer({ answer }: Refusal): { status: number; body: string } {
  return { status: answer.status, body: JSON.stringify(answer.body) };
}
