import { type RequestHandler, Router } from 'express';
import * as z from 'zod';
import { toSeconds } from '../platform/clock.ts';
import { isOpen, type SweepRequest } from '../preview/sweep-board.ts';
import { callerOf } from './authentication.ts';
import type { ApiDeps } from './deps.ts';
import { EXACTLY } from './exactly.ts';
import { requireJson } from './guard.ts';
import { readBody } from './read-body.ts';

type Deps = ApiDeps & Required<Pick<ApiDeps, 'sweepBoard'>>;

/** More previews than an install can hold. */
const MOST = 10_000;
const SWEEP_HINT = 'GET /system/sweep tells how many previews wait; {"max": 5} lets a sweep take up to five';

/** The body of `POST /system/sweep`. */
export const sweepSchema = z
  .strictObject({
    max: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(MOST, `must be at most ${MOST}`)
      .describe('how many previews may lose what is left of them'),
  })
  .meta({ id: 'SweepRequest' });

/** What the leader's sweeps found, and leave for one of them to go further. The sweeping itself is the leader's. */
export function sweepRoutes(deps: ApiDeps): Router {
  const router = Router(EXACTLY);
  const { sweepBoard } = deps;
  if (!sweepBoard) return router;
  router.get('/system/sweep', show({ ...deps, sweepBoard }));
  router.post('/system/sweep', requireJson, ask({ ...deps, sweepBoard }));
  return router;
}

function show({ sweepBoard, clock }: Deps): RequestHandler {
  return async (_request, response) => {
    const [report, request] = await Promise.all([sweepBoard.readReport(), sweepBoard.readRequest()]);
    response.json({ report: report ?? null, request: request ? view(request, clock.now()) : null });
  };
}

function ask({ sweepBoard, clock, random, log }: Deps): RequestHandler {
  return async ({ body }, response) => {
    const now = clock.now();
    const request = {
      request_id: random.uuid(),
      max: readBody(sweepSchema, body, SWEEP_HINT).max,
      requested_at: toSeconds(now),
      by: callerOf(response).owner,
    };
    await sweepBoard.request(request);
    log.info({ request_id: request.request_id, max: request.max }, 'requested sweep');
    response.status(202).location('/system/sweep').set('retry-after', '1').json(view(request, now));
  };
}

function view(request: SweepRequest, now: Date) {
  return { ...request, used_at: request.used_at ?? null, open: isOpen(request, now) };
}
