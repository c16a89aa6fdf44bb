import { createServer } from 'node:net';
import { ConfigError } from '../platform/config.ts';
import type { PortWish } from './settings.ts';

const TRIES = 100;

/** Whether `port` can be listened on at `host`, right now. */
export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') done(false);
      else fail(error);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(true)));
  });
}

/**
 * The port to use. One that was asked for has to be free; a default gives way to the next free one, and `moved` says
 * so, because silence would send people to somebody else's server.
 */
export async function choosePort(
  host: string,
  wish: PortWish,
  taken: ReadonlySet<number>,
): Promise<{ port: number; moved: boolean }> {
  if (wish.asked) {
    if (await isFree(host, wish.port)) return { port: wish.port, moved: false };
    throw new ConfigError(
      `${wish.setting}: port ${wish.port} is taken; stop what listens on it, or set ${wish.setting} to a free port`,
    );
  }
  for (let port = wish.port; port < wish.port + TRIES; port += 1) {
    if (!taken.has(port) && (await isFree(host, port))) return { port, moved: port !== wish.port };
  }
  const last = wish.port + TRIES - 1;
  throw new ConfigError(
    `${wish.setting}: no port from ${wish.port} to ${last} is free; set it to one that is`,
  );
}
