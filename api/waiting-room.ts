import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { PreviewStore } from '../preview/store.ts';
import { WAITING_ROOM } from '../preview/urls.ts';
import { CONTENT_SECURITY_POLICY, type WaitingFacts, waitingFacts, waitingPage } from './waiting-page.ts';

export interface WaitingRoomDeps {
  store: Pick<PreviewStore, 'get'>;
  clock: Clock;
  log: Log;
  host: string;
  /** 0 for any. */
  port: number;
}

export interface WaitingRoom {
  port: number;
  close(): Promise<void>;
}

/** A storm of reloads reads the record once a second. */
const SHARED_MS = 1_000;
const MOST_SHARED = 1_000;
const GRACE_MS = 500;

/** Where the load balancer asks whether the room is there; no preview's address looks like it. */
export const HEALTH_PATH = '/.tempus/waiting-room';

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
  const server = createServer((request, response) => {
    // An upload that nobody takes is let run dry: an answer in its middle would be lost with the connection.
    request.resume();
    answer(request, records).then(
      (reply) => send(reply, request, response),
      (error: unknown) => {
        deps.log.error({ err: error }, 'the waiting room could not read a record');
        send({ status: 503, retry_s: 5 }, request, response);
      },
    );
  });
  server.on('upgrade', (_request, socket) => refuseUpgrade(socket as Socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(deps.port, deps.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        const cut = deps.clock.after(GRACE_MS, () => server.closeAllConnections());
        server.close(() => {
          cut();
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

interface Reply {
  status: number;
  facts?: WaitingFacts;
  retry_s?: number | undefined;
}

async function answer(request: IncomingMessage, records: SharedRecords): Promise<Reply> {
  if (request.url === HEALTH_PATH) return { status: 200 };
  const id = previewOf(request);
  const row = id === undefined ? undefined : await records.read(id);
  if (!row) return { status: 404 };
  const facts = waitingFacts(row);
  const gone = facts.retry_s === undefined;
  return { status: gone ? 410 : 503, facts, ...(gone ? {} : { retry_s: facts.retry_s }) };
}

function send({ status, facts, retry_s }: Reply, request: IncomingMessage, response: ServerResponse): void {
  const page = facts !== undefined && wantsPage(request);
  const body = page ? waitingPage(facts) : `${JSON.stringify(problemOf(status, facts))}\n`;
  response.writeHead(status, {
    server: WAITING_ROOM,
    'content-type': page ? 'text/html; charset=utf-8' : 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'x-content-type-options': 'nosniff',
    'x-robots-tag': 'noindex',
    'referrer-policy': 'no-referrer',
    ...(retry_s === undefined ? {} : { 'retry-after': String(retry_s) }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Whoever navigates there, as browsers say it. */
function wantsPage({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  return headers.accept?.includes('text/html') ?? false;
}

function problemOf(status: number, facts: WaitingFacts | undefined): Record<string, unknown> {
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status };
  if (!facts) return { ...problem, detail: 'no preview lives at this address' };
  const { id, phase, reason, message } = facts;
  const detail = `preview ${id} is ${phase}: ${message}`;
  return { ...problem, code: 'preview_not_ready', detail, preview_id: id, phase, reason };
}

function refuseUpgrade(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 503 Service Unavailable\r\nserver: ${WAITING_ROOM}\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
  );
}

/** Reads each record at most once a second, whoever asks for it how often. */
class SharedRecords {
  readonly #deps: WaitingRoomDeps;
  readonly #reads = new Map<string, { at: number; row: Promise<PreviewRow | undefined> }>();

  constructor(deps: WaitingRoomDeps) {
    this.#deps = deps;
  }

  read(id: string): Promise<PreviewRow | undefined> {
    const now = this.#deps.clock.monotonic();
    const before = this.#reads.get(id);
    if (before && now - before.at < SHARED_MS) return before.row;
    if (this.#reads.size >= MOST_SHARED) this.#reads.clear();
    const row = this.#deps.store.get(id);
    this.#reads.set(id, { at: now, row });
    return row;
  }
}
