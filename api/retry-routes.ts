import { type RequestHandler, Router } from 'express';
import { viewPreview } from '../preview/views.ts';
import type { ApiDeps } from './deps.ts';
import { EXACTLY } from './exactly.ts';
import { Problem } from './problems.ts';
import { findPreview } from './routes.ts';

/** The route that asks for another try of what has failed. */
export function retryRoutes(deps: ApiDeps): Router {
  const router = Router(EXACTLY);
  router.post('/preview/:id/retry', retry(deps));
  return router;
}

function retry(deps: ApiDeps): RequestHandler {
  return async (request, response) => {
    const { store, clock, random, log } = deps;
    const row = await findPreview(request, deps);
    if ((await store.nudge(row, random.uuid())) === 'gone') throw gone(row.id);
    log.info({ preview_id: row.preview_id }, 'requested retry');
    const now = (await store.get(row.preview_id)) ?? row;
    response.status(202).set('retry-after', '1').json(viewPreview(now, clock.now()));
  };
}

function gone(id: string): Problem {
  return new Problem({
    status: 409,
    code: 'preview_gone',
    detail: `preview ${id} is being destroyed, or is gone already; nothing of it can be tried again`,
    hint: 'POST /preview/create makes a new one',
  });
}
