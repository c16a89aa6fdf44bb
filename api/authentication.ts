import { createHash } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import { type Refusal, type Scope, SCOPES, type Tokens } from '../preview/tokens.ts';
import type { ApiDeps } from './deps.ts';
import { Problem, sendProblem } from './problems.ts';

/** Who asks, and what he may. */
export interface Caller {
  owner: string;
  scope: Scope;
}

/** A revoked token is refused within this time, and the table is not read for every poll. */
const REMEMBERED_MS = 30_000;
const MOST_REMEMBERED = 1_000;
const FAILURES_A_MINUTE = 10;

const HINTS: Readonly<Record<Refusal | 'missing', string>> = {
  missing: "curl: -H 'Authorization: Bearer tmp_…'; tempus: set TEMPUS_TOKEN",
  malformed: 'a token begins with tmp_ and is 66 characters or so; copy all of it, without quotes',
  mistyped: 'a character is wrong or missing: copy it again',
  unknown:
    'this install never gave it out, or it has long ended; whoever is admin makes one: tempus token create',
  expired: 'its time is up; whoever is admin makes another: tempus token create',
  revoked: 'it was revoked; whoever is admin makes another: tempus token create',
};

/** Who asks, as the middleware before every route has found. */
export function callerOf(response: Response): Caller {
  return (response.locals as { caller: Caller }).caller;
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
      response.locals['caller'] = { owner: config.owner, scope: 'admin' } satisfies Caller;
      next();
    };
  }
  if (!tokens) throw new Error('an API that asks for tokens needs to know them');
  const known = new KnownTokens(tokens, clock);
  const slowDown = limitFailures();
  return async (request, response, next) => {
    const found = await known.find(request.headers.authorization);
    if (typeof found === 'string') {
      log.info({ reason: found, ip: request.ip }, 'refused a request without a valid token');
      await slowDown(request, response, () => sendProblem(response, unauthenticated(found)));
      return;
    }
    const needed = scopeOf(request.method, request.path);
    if (SCOPES.indexOf(found.scope) < SCOPES.indexOf(needed)) throw forbidden(found.scope, needed);
    response.locals['caller'] = found;
    next();
  };
}

/** Who fails again and again is answered no more for the rest of the minute; who has a token is not held up by him. */
function limitFailures(): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: FAILURES_A_MINUTE,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Whether the header is to be believed is decided by `trust proxy`.
    validate: { xForwardedForHeader: false },
    handler: (_request, response) => {
      sendProblem(response, {
        status: 429,
        code: 'too_many_failures',
        detail: `more than ${FAILURES_A_MINUTE} requests without a valid token within a minute`,
        hint: 'wait a minute, and check TEMPUS_TOKEN',
      });
    },
  });
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

/** Tokens that were found valid a moment ago. Those that were not are asked for anew. */
class KnownTokens {
  readonly #tokens: Pick<Tokens, 'verify'>;
  readonly #clock: ApiDeps['clock'];
  readonly #until = new Map<string, { caller: Caller; until: number }>();

  constructor(tokens: Pick<Tokens, 'verify'>, clock: ApiDeps['clock']) {
    this.#tokens = tokens;
    this.#clock = clock;
  }

  async find(header: string | undefined): Promise<Caller | Refusal | 'missing'> {
    const [, text] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
    if (text === undefined) return header === undefined ? 'missing' : 'malformed';
    const key = createHash('sha256').update(text).digest('base64');
    const seen = this.#until.get(key);
    if (seen && seen.until > this.#clock.monotonic()) return seen.caller;
    this.#until.delete(key);
    const found = await this.#tokens.verify(text, this.#clock.now());
    if (typeof found === 'string') return found;
    const { owner, scope, expires_at } = found;
    const left = new Date(expires_at).getTime() - this.#clock.now().getTime();
    if (this.#until.size >= MOST_REMEMBERED) this.#until.clear();
    const caller = { owner, scope };
    this.#until.set(key, { caller, until: this.#clock.monotonic() + Math.min(REMEMBERED_MS, left) });
    return caller;
  }
}
