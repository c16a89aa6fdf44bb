import type { IncomingMessage } from 'node:http';

export interface RequestTarget {
  host: string;
  /** Path and query, as they came. */
  url: string;
  /** The path without the query. */
  path: string;
}

const HOST = /^(?:[\w.~%!$&'()*+,;=-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** Whether a Host header can be one: a name or an address, perhaps with a port. */
export function isHost(host: string): boolean {
  return HOST.test(host);
}

/**
 * Where a request wants to go. Undefined when it has no Host header, two of them, or one that is none: ALB answers
 * 400, and whoever routed on the first would be led astray by a target that reads the second.
 */
export function requestTarget(
  message: Pick<IncomingMessage, 'url' | 'headersDistinct'>,
): RequestTarget | undefined {
  const hosts = message.headersDistinct['host'] ?? [];
  // A client that takes us for its proxy sends the whole URL; RFC 9112 3.2.2 lets its authority win over Host.
  const [, authority, rest] = /^http:\/\/([^/?#]*)(.*)$/i.exec(message.url ?? '') ?? [];
  const host = authority ?? hosts[0];
  if (hosts.length !== 1 || host === undefined || !isHost(host)) return undefined;
  const url = authority === undefined ? (message.url ?? '') : rest?.startsWith('/') ? rest : `/${rest}`;
  if (!url.startsWith('/')) return undefined;
  return { host, url, path: url.replace(/[?#].*$/s, '') };
}
