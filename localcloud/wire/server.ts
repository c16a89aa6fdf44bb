import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Database } from '../dynamodb/database.ts';
import { type Answer, answerError, answerOutput, answerThrown } from './answer.ts';
import { refuse } from './guard.ts';
import { type Route, routeOf, type Services } from './route.ts';

/** One call as it went over the wire: for call budgets and for whoever wants to see what happens. */
export interface WireCall {
  service: string;
  operation: string;
  status: number;
  code?: string;
  duration_ms: number;
}

export interface WireDeps {
  services: Services;
  database: Database;
  clock: Clock;
  random: Random;
  log: Log;
  host: string;
  port: number;
  onCall?: (call: WireCall) => void;
}

export interface WireServer {
  port: number;
  close(): Promise<void>;
}

const MAX_BODY = 16 * 1024 * 1024;
/** DynamoDB keeps its own wire: dynalite speaks it, and its answers carry checksums. */
const DATABASE = { DynamoDB_20120810: 'dynamodb', DynamoDBStreams_20120810: 'streams' } as const;

/** All modelled services of AWS on one loopback port, each in its own protocol. */
export async function startWireServer(deps: WireDeps): Promise<WireServer> {
  const server = createServer((request, response) => void serve(request, response, deps));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(deps.port, deps.host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}

async function serve(request: IncomingMessage, response: ServerResponse, deps: WireDeps): Promise<void> {
  const requestId = deps.random.uuid();
  const answer = await answerRequest(request, requestId, deps);
  response.writeHead(answer.status, { 'x-amzn-requestid': requestId, ...answer.headers });
  response.end(answer.body);
}

async function answerRequest(request: IncomingMessage, requestId: string, deps: WireDeps): Promise<Answer> {
  const refusal = refuse(request);
  if (refusal) {
    deps.log.warn({ refusal, host: request.headers.host }, 'request refused');
    request.resume();
    return answerError(
      'rest-json',
      { code: 'AccessDeniedException', status: 403, message: refusal },
      requestId,
    );
  }
  try {
    const body = await readBody(request);
    if (!body) {
      const message = `a body may have at most ${MAX_BODY} bytes`;
      return answerError('rest-json', { code: 'RequestEntityTooLarge', status: 413, message }, requestId);
    }
    return await dispatch(request, body, requestId, deps);
  } catch (error) {
    deps.log.error({ err: error, request_id: requestId }, 'request failed');
    const message = 'The request processing has failed because of an unknown error.';
    return answerError('rest-json', { code: 'InternalFailure', status: 500, message }, requestId);
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function dispatch(
  request: IncomingMessage,
  body: Buffer,
  requestId: string,
  deps: WireDeps,
): Promise<Answer> {
  const start = deps.clock.monotonic();
  const [prefix = '', operation = ''] = String(request.headers['x-amz-target'] ?? '').split('.');
  const part = prefix in DATABASE ? DATABASE[prefix as keyof typeof DATABASE] : undefined;
  const route = part ? undefined : routeOf(request, body, deps.services);
  const answer = part
    ? await askDatabase(part, operation, body, deps)
    : await callModel(route, requestId, deps);
  deps.onCall?.({
    service: part ?? route?.service.name ?? 'unknown',
    operation: route?.name ?? operation,
    status: answer.status,
    ...(answer.code ? { code: answer.code } : {}),
    duration_ms: deps.clock.monotonic() - start,
  });
  return answer;
}

async function askDatabase(
  part: 'dynamodb' | 'streams',
  operation: string,
  body: Buffer,
  { database }: WireDeps,
): Promise<Answer> {
  return {
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    ...(await database[part](operation, body)),
  };
}

async function callModel(route: Route | undefined, requestId: string, { log }: WireDeps): Promise<Answer> {
  if (!route) {
    const message = 'no modelled service answers to this X-Amz-Target';
    return answerError('json-1.1', { code: 'UnknownOperationException', status: 400, message }, requestId);
  }
  const { protocol, service, name, operation } = route;
  if (!operation) {
    log.warn({ service: service.name, operation: name }, 'operation not modelled');
    const code = protocol === 'query' ? 'InvalidAction' : 'UnknownOperationException';
    const message = `${name} is not modelled for ${service.name}; docs/localcloud.md lists what is`;
    return answerError(protocol, { code, status: protocol === 'rest-json' ? 404 : 400, message }, requestId);
  }
  try {
    return answerOutput(protocol, operation, await operation.call(route.input()), requestId);
  } catch (error) {
    return answerThrown(protocol, service, error, requestId, log);
  }
}
