import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { PreviewStore } from '../preview/store.ts';
import { type Read, SharedRecords } from './shared-records.ts';
import { answerNotice, HEADERS, noticeOf, type WaitingAnswer } from './waiting-answer.ts';

export interface WaitingRoomDeps {
  store: Pick<PreviewStore, 'get'>;
  clock: Clock;
  log: Log;
  host: string;
  /** 0 for any. */
  port: number;
  /** Whether anybody who has the address may read what a preview wrote before it failed. Off unless said. */
  showLogs?: boolean;
}

export interface WaitingRoom {
  port: number;
  close(): Promise<void>;
}

const GRACE_MS = 500;
/** Longer than a load balancer keeps an idle connection (60 s): closing first would lose a request now and then. */
const KEEP_ALIVE_MS = 75_000;

/** Where the load balancer asks whether the room is there; no preview's address looks like it. */
export const HEALTH_PATH = '/.tempus/waiting-room';
const HEALTHY: WaitingAnswer = {
  status: 200,
  headers: { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' },
  body: 'ok\n',
};

const LABEL = /^preview-([0-9a-f]{8})(?:-[a-z0-9-]+)?$/;

/** The preview that a request is for: its host says so, else the first part of its path. */
export function previewOf({
  headers,
  url = '/',
}: Pick<IncomingMessage, 'headers' | 'url'>): string | undefined {
  const host = (headers.host ?? '').toLowerCase().split('.')[0] ?? '';
  const path = url.split(/[/?#]/)[1] ?? '';
  return (LABEL.exec(host) ?? LABEL.exec(path))?.[1];
}

/**
 * Where the load balancer sends a preview's requests until the preview is Ready: browsers see how far it is and look
 * again, programs get 503 with Retry-After and a problem. It has a port of its own, because it answers on the previews'
 * own origins, where nothing of the API may be.
 */
export async function openWaitingRoom(deps: WaitingRoomDeps): Promise<WaitingRoom> {
  const records = new SharedRecords(deps);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS });
  const receive = (request: IncomingMessage, response: ServerResponse) => {
    // An upload that nobody takes is let run dry: an answer in its middle would be lost with the connection.
    request.resume();
    answer(request, records, deps).then(
      (given) => send(given, request, response),
      (error: unknown) => {
        deps.log.error({ err: error }, 'the waiting room failed');
        send(answerNotice(noticeOf('unreadable'), request, deps.clock.now()), request, response);
      },
    );
  };
  server.on('request', receive);
  // Whoever asks before they send is told at once, and sends nothing.
  server.on('checkContinue', receive);
  server.on('checkExpectation', receive);
  server.on('upgrade', (_request, socket) => refuse(socket as Socket, '503 Service Unavailable'));
  server.on('clientError', (_error, socket) => refuse(socket as Socket, '400 Bad Request'));
  await listen(server, deps);
  return { port: (server.address() as AddressInfo).port, close: () => close(server, deps.clock) };
}

async function answer(
  request: IncomingMessage,
  records: SharedRecords,
  { clock, showLogs = false }: WaitingRoomDeps,
): Promise<WaitingAnswer> {
  if (request.url === HEALTH_PATH) return HEALTHY;
  const id = previewOf(request);
  const read: Read = id === undefined ? { row: undefined } : await records.read(id);
  return answerNotice(noticeOf(read, { showLogs }), request, clock.now());
}

function send(
  { status, headers, body }: WaitingAnswer,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** What is no request that can be answered, in the words that a socket can carry. */
function refuse(socket: Socket, status: string): void {
  socket.on('error', () => socket.destroy());
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const headers = Object.entries({
    ...HEADERS,
    'retry-after': '2',
    'content-length': '0',
    connection: 'close',
  });
  socket.end(`HTTP/1.1 ${status}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
}

function listen(server: Server, { port, host }: WaitingRoomDeps): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

function close(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cut = clock.after(GRACE_MS, () => server.closeAllConnections());
    server.close(() => {
      cut();
      resolve();
    });
    server.closeIdleConnections();
  });
}
