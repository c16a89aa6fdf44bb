import type { IncomingMessage } from 'node:http';

const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d+)?$/i;
const SIGNATURE_V4 =
  /^AWS4-HMAC-SHA256 Credential=[^,\s]+,\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]{64}$/;

/**
 * Why a request is not let in, or undefined. This endpoint starts processes, and a page open in a browser can send
 * requests to any loopback port: it cannot forge Host, it cannot leave Origin or Sec-Fetch-Site out of a request that
 * matters, and it cannot set Authorization without asking first. The signature itself is not verified: whoever can
 * make such a request is already on this machine.
 */
export function refuse({ headers }: IncomingMessage): string | undefined {
  if (!LOOPBACK.test(headers.host ?? ''))
    return 'the Host header must name this machine: localhost or 127.0.0.1';
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
    return 'browsers are not let in';
  if (!SIGNATURE_V4.test(headers.authorization ?? '')) {
    return 'the request must be signed (AWS Signature Version 4); any credentials will do';
  }
  return undefined;
}
