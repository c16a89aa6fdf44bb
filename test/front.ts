import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What happens to a call in place of being passed on. */
export type Twist = 'hang' | { status: number; headers?: Record<string, string>; body: string };

/** Stands before a server that is as it should be, so that a client sees one that is not. */
export class Front {
  /** How far the Date of every answer is moved. */
  shiftMs = 0;
  /** By the name of an AWS operation or the path of a request; undefined passes it on. */
  twist: (call: string) => Twist | undefined = () => undefined;
  /** Also of one that is closed. */
  url = '';
  readonly #server: Server;
  readonly #to: URL;

  private constructor(to: string) {
    this.#to = new URL(to);
    this.#server = createServer((message, response) => void this.#serve(message, response));
  }

  static async open(to: string): Promise<Front> {
    const front = new Front(to);
    await once(front.#server.listen(0, '127.0.0.1'), 'listening');
    front.url = `http://127.0.0.1:${(front.#server.address() as AddressInfo).port}`;
    return front;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(message);
    const twist = this.twist(callOf(message, body));
    if (twist === 'hang') return;
    if (this.shiftMs !== 0) response.setHeader('date', new Date(Date.now() + this.shiftMs).toUTCString());
    if (twist) {
      response.writeHead(twist.status, { 'content-type': 'application/json', ...twist.headers });
      response.end(twist.body);
      return;
    }
    const { method, url: path, headers } = message;
    const { hostname: host, port } = this.#to;
    const passed = request({ host, port, method, path, headers });
    passed.end(body);
    const [answer] = (await once(passed, 'response')) as [IncomingMessage];
    const { date: _date, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 500, rest);
    answer.pipe(response);
  }
}

function callOf({ headers, url = '' }: IncomingMessage, body: Buffer): string {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return target.split('.').at(-1) ?? '';
  return /(?:^|&)Action=(\w+)/.exec(body.toString())?.[1] ?? url;
}
