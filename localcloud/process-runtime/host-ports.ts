import { createServer } from 'node:net';

/** All of them, because some systems let a wildcard listener and a loopback listener share a port. */
const PROBED = ['127.0.0.1', '0.0.0.0', '::'];

/** What says that a port is not to be had; a machine without IPv6 says something else. */
const TAKEN = ['EADDRINUSE', 'EACCES'];

/**
 * Lends the ports of this machine to tasks. A port is promised from `claim` to `release`, because the task that got
 * it may take seconds to listen on it.
 */
export class HostPorts {
  readonly #promised = new Set<number>();

  /** `wanted` itself when nobody uses it, so that an app that ignores PORT works too; otherwise any free port. */
  async claim(wanted: number): Promise<number> {
    if (await this.#promise(wanted)) return wanted;
    for (;;) {
      const port = await anyFreePort();
      if (await this.#promise(port)) return port;
    }
  }

  release(port: number): void {
    this.#promised.delete(port);
  }

  async #promise(port: number): Promise<boolean> {
    if (this.#promised.has(port)) return false;
    // Promised before the probe: two claims of the same port must not both find it free.
    this.#promised.add(port);
    for (const host of PROBED) {
      if (await canListen(port, host)) continue;
      this.#promised.delete(port);
      return false;
    }
    return true;
  }
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(!TAKEN.includes(error.code ?? '')));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

function anyFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
