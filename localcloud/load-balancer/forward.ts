import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyServer, type ProxyServer, type ProxyServerOptions } from 'httpxy';
import type { Log } from '../../platform/log.ts';
import { answer, errorPage, rawAnswer } from './own-answer.ts';

export interface Destination {
  target: { id: string; port: number };
  /** Path and query as the target shall see them. */
  url: string;
  /** What the target gets in place of what came. */
  headers: Record<string, string>;
}

/**
 * How long a connection to a target waits for its next request, and a new one for the target to take it. Node, uvicorn
 * and others hang up after five idle seconds; a request sent just then would be a 502, as it is behind AWS.
 */
const REST_MS = 4000;

/** Carries requests to targets and their answers back, as streams, and answers for a target that does not. */
export class Forwarder {
  readonly #log: Log;
  readonly #idleMs: number;
  readonly #agent = new Agent({ keepAlive: true, timeout: REST_MS });
  readonly #proxy: ProxyServer;
  readonly #late = new WeakSet<IncomingMessage>();
  readonly #tunnels = new Set<Socket>();

  constructor(deps: { log: Log; idleMs: number }) {
    this.#log = deps.log;
    this.#idleMs = deps.idleMs;
    this.#proxy = createProxyServer({ agent: this.#agent, proxyTimeout: deps.idleMs });
    this.#proxy.on('proxyReq', (outgoing, message) => {
      outgoing.once('timeout', () => this.#late.add(message));
    });
    this.#proxy.on('proxyRes', ({ headers }) => {
      // They speak of the connection to the target, and the client's is another one.
      delete headers.connection;
      delete headers['keep-alive'];
    });
  }

  /** Resolves when the exchange is over, however it ended. */
  async forward(message: IncomingMessage, response: ServerResponse, to: Destination): Promise<void> {
    message.url = to.url;
    for (const name of ['upgrade', 'http2-settings', 'expect']) delete message.headers[name];
    // What httpxy puts into the answer, for the client's connection; the one to the target is persistent in any case.
    message.headers.connection = response.shouldKeepAlive ? 'keep-alive' : 'close';
    const headers = { ...to.headers, connection: 'keep-alive' };
    try {
      await this.#proxy.web(message, response, optionsFor({ ...to, headers }));
    } catch (error) {
      this.#log.debug({ err: error, target: to.target }, 'lost a request to a target');
      // Once the answer has begun, httpxy cuts it off where the target did, and the client can tell.
      if (response.headersSent || response.destroyed) return;
      answer(message, response, errorPage(this.#late.has(message) ? 504 : 502));
    }
  }

  /** Joins a client's WebSocket with the target's. They end together: by either side, or by a time of silence. */
  join(message: IncomingMessage, client: Socket, head: Buffer, to: Destination): void {
    message.url = to.url;
    this.#tunnels.add(client);
    client.once('close', () => this.#tunnels.delete(client));
    // A proxy of its own, since httpxy's events do not say whose connection they speak of.
    const proxy = createProxyServer({ upgradeTimeout: this.#idleMs });
    let open = false;
    proxy.on('error', (error) => {
      this.#log.debug({ err: error, target: to.target }, 'lost a web socket to a target');
      const late = 'statusCode' in error && error.statusCode === 504;
      if (!open && client.writable) client.write(rawAnswer(errorPage(late ? 504 : 502)));
    });
    proxy.once('open', (upstream) => {
      open = true;
      client.once('close', () => upstream.destroy());
      upstream.once('close', () => client.destroySoon());
      client.setTimeout(this.#idleMs, () => client.destroy());
    });
    void proxy.ws(message, client, optionsFor(to), head);
  }

  /** Drops everything that is still under way. */
  close(): void {
    for (const tunnel of this.#tunnels) tunnel.destroy();
    this.#agent.destroy();
  }
}

function optionsFor({ target, headers }: Destination): ProxyServerOptions {
  return { target: { protocol: 'http:', host: target.id, port: target.port }, headers };
}
