import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { RoutingView } from '../elbv2/routing-view.ts';
import { type Destination, Forwarder } from './forward.ts';
import { forwardedHeaders } from './forwarded-headers.ts';
import { answer, errorPage, type OwnAnswer, rawAnswer } from './own-answer.ts';
import { requestTarget } from './request-target.ts';
import { Router } from './route.ts';

export interface LoadBalancerDeps {
  routing: RoutingView;
  listenerArn: string;
  host: string;
  /** 0 for any. */
  port: number;
  log: Log;
  clock: Clock;
  random: Random;
  /** How long nothing may move between a target and its client; ALB's default is a minute. */
  idleMs?: number;
}

export interface LoadBalancer {
  port: number;
  /** Takes no more connections, gives requests under way a moment, and ends within a second whatever they do. */
  close(): Promise<void>;
}

const IDLE_MS = 60_000;
const GRACE_MS = 500;

/**
 * One listener of an application load balancer, as a real HTTP server. It asks `routing` anew for every request, so
 * that a change of rules or of health holds from the next request on.
 */
export async function startLoadBalancer(deps: LoadBalancerDeps): Promise<LoadBalancer> {
  const router = new Router(deps);
  const idleMs = deps.idleMs ?? IDLE_MS;
  const forwarder = new Forwarder({ log: deps.log, idleMs });
  const server = createServer({
    // The refusal of a missing Host is ours, like that of a doubled one.
    requireHostHeader: false,
    // ALB bounds silence, not length: an upload may take longer than Node's five minutes.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    shouldUpgradeCallback: isWebSocket,
  });
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    const next = decideSafely(message, router, deps);
    if ('own' in next) answer(message, response, next.own);
    else void forwarder.forward(message, response, next.to);
  });
  server.on('upgrade', (message, duplex, head) => {
    const socket = duplex as Socket;
    const next = decideSafely(message, router, deps);
    if ('to' in next) return forwarder.join(message, socket, head, next.to);
    socket.on('error', () => socket.destroy()).end(rawAnswer(next.own));
  });
  // It is nobody's proxy. Without an answer of ours Node would only hang up.
  server.on('connect', (_message, socket) => {
    socket.on('error', () => socket.destroy()).end(rawAnswer(errorPage(400)));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end(rawAnswer(errorPage(error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400)));
  });
  await listen(server, deps);
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return { port, close: () => (closed ??= close(server, forwarder, deps.clock)) };
}

/** Anything else that asks for an upgrade, HTTP/2 above all, is served as the plain request that it also is. */
function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

type Decision = { own: OwnAnswer } | { to: Destination };

/** A request may meet a listener that is being deleted; it must not take the process with it. */
function decideSafely(message: IncomingMessage, router: Router, deps: LoadBalancerDeps): Decision {
  try {
    return decide(message, router, deps);
  } catch (error) {
    deps.log.error({ err: error, listener_arn: deps.listenerArn }, 'failed to route a request');
    return { own: errorPage(500) };
  }
}

function decide(message: IncomingMessage, router: Router, { clock, random }: LoadBalancerDeps): Decision {
  // ALB's user guide, HTTP 405: a trace would hand the client headers that only the target shall see.
  if (message.method === 'TRACE') return { own: errorPage(405) };
  const asked = requestTarget(message);
  if (!asked) return { own: errorPage(400) };
  const port = message.socket.localPort ?? 0;
  const route = router.route({ ...asked, method: message.method ?? '', port });
  if (route.kind === 'answer') return { own: route.own };
  const forwarded = forwardedHeaders({
    headers: message.headers,
    clientAddress: message.socket.remoteAddress ?? '',
    port,
    now: clock.now(),
    uuid: random.uuid(),
  });
  return { to: { target: route.target, url: route.url, headers: { ...forwarded, host: route.host } } };
}

function listen(server: Server, { host, port }: Pick<LoadBalancerDeps, 'host' | 'port'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function close(server: Server, forwarder: Forwarder, clock: Clock): Promise<void> {
  const cancel = clock.after(GRACE_MS, () => {
    server.closeAllConnections();
    forwarder.close();
  });
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeIdleConnections();
  });
  cancel();
  forwarder.close();
}
