import { request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { WAITING_ROOM } from '../preview/urls.ts';

/** One request through a preview's public URL: the status and the `Server` header of whoever answered. */
export interface ProbeAnswer {
  status: number;
  server: string;
}

export type Probe = (url: string, address: string) => Promise<ProbeAnswer>;

/** What an application load balancer calls itself in the answers that are its own. */
const LOAD_BALANCER = 'awselb/2.0';
const TIMEOUT_MS = 3_000;

/**
 * Asks for `url` at `address`, whatever its host resolves to: on a laptop `*.localhost` is known to browsers but not
 * to Node, on AWS the name may not have reached this resolver yet. With https the certificate has to be good for the name
 * in the URL, as a browser wants it. Rejects when nobody answers in 3 s.
 */
export const httpProbe: Probe = (url, address) => {
  const { protocol, host, hostname, pathname, search } = new URL(url);
  const secure = protocol === 'https:';
  const at = new URL(`${protocol}//${address}`);
  return new Promise((resolve, reject) => {
    const probe = (secure ? requestSecurely : request)(
      {
        host: at.hostname,
        port: at.port || (secure ? 443 : 80),
        ...(secure ? { servername: hostname } : {}),
        path: `${pathname}${search}`,
        headers: { host, 'user-agent': 'tempus-probe' },
        timeout: TIMEOUT_MS,
        agent: false,
      },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, server: String(response.headers.server ?? '') });
      },
    );
    probe.on('timeout', () => probe.destroy(new Error('no answer in time')));
    probe.on('error', reject);
    probe.end();
  });
};

/** Whether the preview itself answered, and not the load balancer or the waiting room in its place. */
export function isPreviewAnswer({ server }: ProbeAnswer): boolean {
  return server !== LOAD_BALANCER && server !== WAITING_ROOM;
}
