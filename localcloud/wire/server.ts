import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../../platform/random.ts';
import { type Answer, answerError, internalFailure } from './answer.ts';
import { dispatch, type DispatchDeps } from './dispatch.ts';
import { refuse } from './guard.ts';

export type { WireCall } from './dispatch.ts';

export interface WireDeps extends Omit<DispatchDeps, 'closing'> {
  random: Random;
  host: string;
  port: number;
}

export interface WireServer {
  port: number;
  /** Takes no further calls and drops the connections; a call that runs is carried out, its answer is lost. */
  close(): Promise<void>;
}

type ServeDeps = WireDeps & DispatchDeps;

const MAX_BODY = 16 * 1024 * 1024;

/** All modelled services of AWS on one loopback port, each in its own protocol. */
export async function startWireServer(deps: WireDeps): Promise<WireServer> {
  const closing = new AbortController();
  const server = createServer((request, response) => {
    void serve(request, response, { ...deps, closing: closing.signal });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(deps.port, deps.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closing.abort();
      return close(server);
    },
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}

async function serve(request: IncomingMessage, response: ServerResponse, deps: ServeDeps): Promise<void> {
  const id = deps.random.uuid();
  try {
    const answer = await answerRequest(request, id, deps);
    response.writeHead(answer.status, { 'x-amzn-requestid': id, ...answer.headers });
    response.end(answer.body);
  } catch (error) {
    if (request.destroyed && !request.complete) {
      deps.log.debug({ err: error, request_id: id }, 'lost a request that its sender gave up');
      return;
    }
    deps.log.error({ err: error, request_id: id }, 'failed a request');
    const { status, headers, body } = answerError('rest-json', internalFailure('rest-json'), id);
    response.writeHead(status, { 'x-amzn-requestid': id, ...headers }).end(body);
  }
}

async function answerRequest(message: IncomingMessage, id: string, deps: ServeDeps): Promise<Answer> {
  const reason = refuse(message);
  if (reason) {
    deps.log.warn({ reason, host: message.headers.host, request_id: id }, 'refused a request');
    return answerError('rest-json', { code: 'AccessDeniedException', status: 403, message: reason }, id);
  }
  const body = await readBody(message);
  if (body) return dispatch({ message, body, id }, deps);
  const tooLarge = `a body may have at most ${MAX_BODY} bytes`;
  return answerError('rest-json', { code: 'RequestEntityTooLarge', status: 413, message: tooLarge }, id);
}

/** Undefined where there is too much of it. Node discards what is not read, so that the refusal reaches its sender. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  const parts: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of parts) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
