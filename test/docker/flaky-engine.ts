import { existsSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { docker } from './engine.ts';

/** A way to the real engine that can be cut: for its clients the engine is then gone, while containers go on. */
export class FlakyEngine {
  readonly host: string;
  readonly #path: string;
  readonly #real: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(path: string) {
    this.#path = path;
    this.host = `unix://${path}`;
    this.#real = docker('context', 'inspect', '--format', '{{.Endpoints.docker.Host}}').replace(
      'unix://',
      '',
    );
  }

  async open(): Promise<void> {
    rmSync(this.#path, { force: true });
    const server = createServer({ allowHalfOpen: true }, (client) => {
      const engine = connect({ path: this.#real, allowHalfOpen: true });
      for (const socket of [client, engine]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy()).once('close', () => this.#sockets.delete(socket));
      }
      client.pipe(engine).pipe(client);
    });
    await once(server.listen(this.#path), 'listening');
    this.#server = server;
  }

  async cut(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
    if (existsSync(this.#path)) rmSync(this.#path);
  }
}
