import type { Request, RequestHandler, Response } from 'express';
import { type Refusal, type Scope, SCOPES } from '../preview/tokens.ts';
import { TOKEN_KINDS, TOKEN_LENGTHS } from '../preview/token-text.ts';
import type { ApiDeps } from './deps.ts';
import { FailureLimit, refuse } from './failure-limit.ts';
import { type Caller, KnownTokens } from './known-tokens.ts';
import { Problem, sendProblem } from './problems.ts';

const LENGTHS = TOKEN_KINDS.map((kind) => `${TOKEN_LENGTHS[kind]} (${kind})`).join(' or ');
const HINTS: Readonly<Record<Refusal | 'missing', string>> = {
  missing: "curl: -H 'Authorization: Bearer tmp_…'; tempus: set TEMPUS_TOKEN",
  malformed: `a token begins with tmp_ and has ${LENGTHS} characters; copy all of it, without quotes`,
  mistyped: 'a character is wrong or missing: copy it again',
  unknown:
    'this install never gave it out, or it has long ended; whoever is admin makes one: tempus token create',
  expired: 'its time is up; whoever is admin makes another: tempus token create',
  revoked: 'it was revoked; whoever is admin makes another: tempus token create',
};

/** What the middleware before every route has found. */
interface Locals {
  caller: Caller;
  /** Whether the token would let him in once more. */
  isStillValid: () => Promise<boolean>;
}

export function callerOf(response: Response): Caller {
  return (response.locals as Locals).caller;
}

/**
 * Whether who was let in would be let in now. For answers that go on for hours: asked every second it costs one read for as
 * long as a token is remembered. Rejects where the table does not answer.
 */
export function isStillValid(response: Response): Promise<boolean> {
  return (response.locals as Locals).isStillValid();
}

/** The right that a request takes: to look, to change previews, or to change the install. */
export function scopeOf(method: string, path: string): Scope {
  if (method === 'GET' || method === 'HEAD') return 'read';
  return /^\/(preview)(\/|$)/.test(path) ? 'write' : 'admin';
}

/**
 * Lets in who has a token with the right that the request takes; everything behind it needs one, so a new route cannot
 * be open by oversight. Without authentication, which only a loopback address may do without, everybody is the owner.
 */
export function authenticate(deps: Pick<ApiDeps, 'tokens' | 'config' | 'clock' | 'log'>): RequestHandler {
  const { tokens, config, clock, log } = deps;
  if (config.auth === 'none') {
    return (_request, response, next) => {
      const caller: Caller = { owner: config.owner, scope: 'admin' };
      const locals: Locals = { caller, isStillValid: async () => true };
      Object.assign(response.locals, locals);
      next();
    };
  }
  if (!tokens) throw new Error('an API that asks for tokens needs to know them');
  const known = new KnownTokens(tokens, clock);
  const failures = new FailureLimit(log);
  return async (request, response, next) => {
    const text = bearerOf(request);
    const caller =
      known.recall(text) ??
      (await failures.inTurn(request, () => identify({ request, response, text, known, failures, log })));
    if (!caller) return;
    const needed = scopeOf(request.method, request.path);
    if (SCOPES.indexOf(caller.scope) < SCOPES.indexOf(needed)) throw forbidden(caller.scope, needed);
    const locals: Locals = {
      caller,
      isStillValid: async () => typeof (await known.find(text)) === 'object',
    };
    Object.assign(response.locals, locals);
    next();
  };
}

/** The token that a request shows; empty where it shows none. */
function bearerOf({ headers }: Request): string {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

interface Asking {
  request: Request;
  response: Response;
  text: string;
  known: KnownTokens;
  failures: FailureLimit;
  log: ApiDeps['log'];
}

/** Who asks; undefined where nobody may come in, who then has been answered. */
async function identify({
  request,
  response,
  text,
  known,
  failures,
  log,
}: Asking): Promise<Caller | undefined> {
  const mayAsk = text !== '' && (known.has(text) || (await failures.allowsLookup(request, text)));
  const found = mayAsk ? await known.find(text) : unread(request, text);
  if (typeof found === 'object') return found;
  await failures.count(request, response, () => {
    // Its minute has ended in between.
    if (found === 'not_asked') return refuse(response);
    log.info({ reason: found, ip: request.ip }, 'refused a request without a valid token');
    sendProblem(response, unauthenticated(found));
  });
  return undefined;
}

function unread({ headers }: Request, text: string): 'missing' | 'malformed' | 'not_asked' {
  if (text !== '') return 'not_asked';
  return headers.authorization === undefined ? 'missing' : 'malformed';
}

function unauthenticated(why: Refusal | 'missing') {
  const detail = why === 'missing' ? 'this request has no token' : `the token is ${why}`;
  // RFC 6750 §3.1: without a token there is no error to name.
  const challenge =
    why === 'missing' ? 'Bearer realm="tempus"' : 'Bearer realm="tempus", error="invalid_token"';
  return {
    status: 401,
    code: 'unauthenticated',
    detail,
    hint: HINTS[why],
    headers: { 'www-authenticate': challenge },
  };
}

function forbidden(scope: Scope, needed: Scope): Problem {
  return new Problem({
    status: 403,
    code: 'scope_too_small',
    detail: `this takes a token with scope ${needed}; yours has ${scope}`,
    hint: `whoever is admin makes one: tempus token create --scope ${needed}`,
    headers: { 'www-authenticate': `Bearer realm="tempus", error="insufficient_scope", scope="${needed}"` },
  });
}
