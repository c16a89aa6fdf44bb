import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { handler as expire } from '../../lambda/expire.ts';
import { handler as observe } from '../../lambda/observe.ts';
import { parseConfig, processEnv } from '../../platform/config.ts';
import { createLog, LOG_LEVELS } from '../../platform/log.ts';
import { stopRequested } from '../../platform/signals.ts';
import { NAMES } from '../infrastructure.ts';
import { invocationPath } from './functions.ts';

/** The Lambda functions, in a process that is invoked as Lambda is: all that the others know of it is its endpoint. */
const env = parseConfig(
  z.object({
    TEMPUS_HOST: z.string(),
    TEMPUS_LAMBDA_PORT: z.coerce.number().int().min(1).max(65535),
    TEMPUS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  }),
  processEnv(),
);
const log = createLog(env.TEMPUS_LOG_LEVEL);

const functions = new Map<string | undefined, (event: unknown) => Promise<unknown>>([
  [invocationPath(NAMES.expire_function), () => expire()],
  [invocationPath(NAMES.observe_function), observe],
]);

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

async function invoke(request: IncomingMessage): Promise<Answer> {
  const event = await text(request);
  const invoked = functions.get(request.url);
  if (request.method !== 'POST' || !invoked)
    return { status: 404, body: { Type: 'User', Message: `Function not found: ${request.url}` } };
  try {
    return { status: 200, body: await invoked(event === '' ? undefined : JSON.parse(event)) };
  } catch (error) {
    log.error({ err: error }, 'function failed');
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const headers = { 'x-amz-function-error': 'Unhandled' };
    return { status: 200, headers, body: { errorType: name, errorMessage: message } };
  }
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, headers = {}, body } = await invoke(request);
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    log.warn({ err: error }, 'an invocation was broken off');
    response.destroy();
  });
});
server.listen(env.TEMPUS_LAMBDA_PORT, env.TEMPUS_HOST, () =>
  log.info({ port: env.TEMPUS_LAMBDA_PORT }, 'listening'),
);
await stopRequested();
server.close();
server.closeIdleConnections();
