import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../platform/log.ts';
import { answerSupervisor, type Supervision } from '../platform/supervision.ts';

export interface HealthServerOptions {
  supervision: Supervision;
  host: string;
  /** 0 for any. */
  port: number;
  log: Log;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves /metrics, /healthz and /readyz from start to end, also while the process only stands by. Rejects when the port
 * cannot be had.
 */
export async function serveHealth(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer(({ url = '' }, response) => void answer(url, response, options));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(url: string, response: ServerResponse, options: HealthServerOptions): Promise<void> {
  const [path = ''] = url.split('?');
  try {
    const found = await answerSupervisor(options.supervision, path);
    const { status, type, body } = found ?? { status: 404, type: 'text/plain', body: 'not found\n' };
    response.writeHead(status, { 'content-type': type }).end(body);
  } catch (error) {
    options.log.error({ err: error, path }, 'health request failed');
    response.writeHead(500).end();
  }
}
