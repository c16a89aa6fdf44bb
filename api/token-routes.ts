import { type RequestHandler, Router } from 'express';
import * as z from 'zod';
import { DEFAULT_DAYS, MOST_DAYS, SCOPES, type TokenRow, type Tokens } from '../preview/tokens.ts';
import { TOKEN_KINDS, tokenIdOf } from '../preview/token-text.ts';
import { callerOf } from './authentication.ts';
import type { ApiDeps } from './deps.ts';
import { EXACTLY } from './exactly.ts';
import { requireJson } from './guard.ts';
import { Problem } from './problems.ts';
import { readBody } from './read-body.ts';

type Deps = ApiDeps & { tokens: Tokens };

/** The body of `POST /tokens`. */
export const tokenSchema = z
  .strictObject({
    owner: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, dashes, _ or @')
      .describe('in whose name it creates and destroys'),
    kind: z.enum(TOKEN_KINDS).default('user'),
    scope: z.enum(SCOPES).default('write'),
    ttl_days: z.int().min(1).max(MOST_DAYS).optional().describe('90 for people and 30 for CI unless given'),
  })
  .meta({ id: 'TokenRequest' });

/** Tokens are made and revoked by who has scope admin; none can be read again. */
export function tokenRoutes(deps: ApiDeps): Router {
  const router = Router(EXACTLY);
  const { tokens } = deps;
  if (!tokens) {
    router.all(['/tokens', '/tokens/:id'], refuse);
    return router;
  }
  router.post('/tokens', requireJson, create({ ...deps, tokens }));
  router.delete('/tokens/:id', revoke({ ...deps, tokens }));
  return router;
}

const refuse: RequestHandler = () => {
  throw new Problem({
    status: 404,
    code: 'no_tokens',
    detail: 'this API asks for no token, so it makes none',
    hint: 'on AWS it does: docs/aws.md',
  });
};

function create({ tokens, clock, log }: Deps): RequestHandler {
  return async ({ body }, response) => {
    const wish = readBody(tokenSchema, body, '{"owner": "ci", "kind": "ci"} is enough');
    const ttl_days = wish.ttl_days ?? DEFAULT_DAYS[wish.kind];
    const created_by = callerOf(response).owner;
    const { text, row } = await tokens.create({ ...wish, ttl_days, created_by }, clock.now());
    log.info({ token_id: row.id, owner: row.owner, scope: row.scope, by: created_by }, 'created token');
    response
      .status(201)
      .set('cache-control', 'no-store')
      .json({ ...view(row), token: text });
  };
}

function view({ secret_hash: _hash, purge_at: _purge, ...row }: TokenRow) {
  return row;
}

function revoke({ tokens, clock, log }: Deps): RequestHandler<{ id: string }> {
  return async ({ params }, response) => {
    const id = tokenIdOf(params.id);
    const known = /^[0-9A-Za-z]{12}$/.test(id) && (await tokens.revoke(id, clock.now()));
    if (!known) {
      throw new Problem({
        status: 404,
        code: 'token_not_found',
        detail: `there is no token ${JSON.stringify(id.slice(0, 64))}`,
        hint: 'its id is the part of it between the second and the third underscore',
      });
    }
    log.info({ token_id: id, by: callerOf(response).owner }, 'revoked token');
    response.status(204).end();
  };
}
