import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';

/** What the load balancer says itself, without a target. */
export interface OwnAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const SERVER = 'awselb/2.0';

/** The pages of ALB name 504 as nginx does, not as the RFC. */
const titles: Readonly<Record<number, string>> = {
  ...STATUS_CODES,
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
};

/** A page as ALB makes it. */
export function errorPage(status: number): OwnAnswer {
  const title = `${status} ${titles[status] ?? ''}`.trimEnd();
  const body = [
    '<html>',
    `<head><title>${title}</title></head>`,
    '<body>',
    `<center><h1>${title}</h1></center>`,
    '</body>',
    '</html>',
    '',
  ].join('\r\n');
  // AWS sends no Retry-After. A preview that starts is there in seconds, and well-bred clients come back by themselves.
  const retry: Record<string, string> = status === 503 ? { 'retry-after': '1' } : {};
  return { status, headers: { 'content-type': 'text/html', ...retry }, body };
}

/** Answers in the target's place. A request body that nobody wants any more is read away, or the connection would stall. */
export function answer(message: IncomingMessage, response: ServerResponse, own: OwnAnswer): void {
  response.writeHead(own.status, headersOf(own)).end(own.body);
  message.unpipe();
  message.resume();
}

/** The same answer as text, for a connection that has no response object; the connection ends with it. */
export function rawAnswer(own: OwnAnswer): string {
  const headers = Object.entries({ ...headersOf(own), connection: 'close' });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${own.status} ${titles[own.status] ?? ''}\r\n${lines.join('')}\r\n${own.body}`;
}

function headersOf({ headers, body }: OwnAnswer): Record<string, string> {
  return { server: SERVER, ...headers, 'content-length': String(Buffer.byteLength(body)) };
}
