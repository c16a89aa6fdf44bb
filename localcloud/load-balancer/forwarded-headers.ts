import type { IncomingHttpHeaders } from 'node:http';

export interface Hop {
  headers: IncomingHttpHeaders;
  clientAddress: string;
  /** The port at which the client reached the load balancer. */
  port: number;
  now: Date;
  /** Anything that no other request has. */
  uuid: string;
}

/** What ALB adds to a request on its way to the target. */
export function forwardedHeaders({ headers, clientAddress, port, now, uuid }: Hop): Record<string, string> {
  const client = clientAddress.replace(/^::ffff:(?=[\d.]+$)/, '');
  const before = text(headers['x-forwarded-for']);
  return {
    'x-forwarded-for': before ? `${before}, ${client}` : client,
    'x-forwarded-proto': 'http',
    'x-forwarded-port': String(port),
    'x-amzn-trace-id': traceId(text(headers['x-amzn-trace-id']), now, uuid),
  };
}

/** A trace that came with the request goes on under its root, and this hop is its `Self`; otherwise it begins here. */
function traceId(before: string, now: Date, uuid: string): string {
  const seconds = Math.floor(now.getTime() / 1000).toString(16);
  const id = `1-${seconds.padStart(8, '0')}-${uuid.replaceAll('-', '').slice(0, 24)}`;
  const kept = before.split(';').filter((field) => field !== '' && !/^self=/i.test(field));
  const own = kept.some((field) => /^root=/i.test(field)) ? `Self=${id}` : `Root=${id}`;
  return [own, ...kept].join(';');
}

function text(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(', ') : (header ?? '');
}
