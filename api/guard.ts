import type { RequestHandler } from 'express';
import { Problem } from './problems.ts';

/**
 * Keeps a page that is open in a browser from driving the API, which starts processes. A page cannot forge Host (which
 * stops names that were rebound to this machine), cannot hide its Origin from a request that changes something, and
 * cannot send JSON to another origin without asking first, which nobody answers here.
 */
export function guard(allowedHosts: readonly string[]): RequestHandler {
  return (request, _response, next) => {
    const host = request.headers.host ?? '';
    const name = host.replace(/:\d+$/, '').toLowerCase();
    if (!allowedHosts.includes(name)) {
      throw new Problem({
        status: 421,
        code: 'wrong_host',
        detail: `this API is not ${JSON.stringify(host.slice(0, 100))}`,
        hint: `ask it as ${allowedHosts.join(' or ')}`,
      });
    }
    const { origin } = request.headers;
    const site = request.headers['sec-fetch-site'];
    const foreign = origin !== undefined && origin !== `${request.protocol}://${host}`;
    if (foreign || site === 'cross-site' || site === 'same-site') {
      throw new Problem({
        status: 403,
        code: 'foreign_origin',
        detail: 'requests from pages of another origin are refused',
        hint: 'use the command line, or a program of your own',
      });
    }
    next();
  };
}

/** A body has to say that it is JSON: a form or plain text is what a page can send without asking. */
export const requireJson: RequestHandler = (request, _response, next) => {
  if (!request.is('application/json')) {
    throw new Problem({
      status: 415,
      code: 'json_required',
      detail: 'the request needs Content-Type: application/json',
      hint: "curl: -H 'content-type: application/json' -d '{}'",
    });
  }
  next();
};
