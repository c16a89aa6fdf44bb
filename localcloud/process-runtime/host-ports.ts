import { createServer } from 'node:net';

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
    // Both, because some systems let a wildcard listener and a loopback listener share a port.
    const free = (await canListen(port, '127.0.0.1')) && (await canListen(port, '0.0.0.0'));
    if (!free) this.#promised.delete(port);
    return free;
  }
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
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
