import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { Clock } from '../platform/clock.ts';

export interface ApiServerOptions {
  app: Express;
  host: string;
  /** 0 for any. */
  port: number;
  clock: Clock;
}

export interface ApiServer {
  port: number;
  /** Takes no more requests, lets those under way finish for a moment, and ends whatever they do. */
  close(): Promise<void>;
}

const GRACE_MS = 1_000;
/** A load balancer keeps a connection for 60 s: who closes it earlier has it send requests into the void (502). */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 80_000;

/** Listens. Rejects when the port cannot be had. */
export async function serveApi({ app, host, port, clock }: ApiServerOptions): Promise<ApiServer> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_MS }, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve, reject) => {
        const cut = clock.after(GRACE_MS, () => server.closeAllConnections());
        server.close((error) => {
          cut();
          if (error) reject(error);
          else resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
