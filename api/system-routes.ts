import { type RequestHandler, Router } from 'express';
import { answerSupervisor } from '../platform/supervision.ts';
import { type Heartbeat, STALE_S } from '../preview/heartbeat.ts';
import { callerOf } from './authentication.ts';
import type { ApiDeps } from './deps.ts';
import { EXACTLY } from './exactly.ts';

/** The routes about Tempus itself. What they tell of the controller it has written down: the API cannot reach it. */
export function systemRoutes(deps: ApiDeps): Router {
  const router = Router(EXACTLY);
  router.get('/system', system(deps));
  if (deps.supervision) router.get(['/metrics', '/healthz', '/readyz'], supervise(deps.supervision));
  return router;
}

function system({ heartbeats, sweepBoard, clock, config }: ApiDeps): RequestHandler {
  return async (_request, response) => {
    const { owner, scope } = callerOf(response);
    const [heartbeat, sweep] = await Promise.all([heartbeats?.read(), sweepBoard?.readReport()]);
    response.json({
      version: config.version,
      caller: { owner, scope },
      controller: heartbeat ? viewController(heartbeat, clock.now()) : null,
      sweep: sweep ?? null,
    });
  };
}

function viewController(heartbeat: Heartbeat, now: Date) {
  const { owner, version, became_leader_at, at, queue_depth } = heartbeat;
  const { stream_lag_s, last_full_list_at, last_sweep_at } = heartbeat;
  const age_s = Math.max(0, Math.round((now.getTime() - Date.parse(at)) / 1000));
  const age = { at, age_s, stale: age_s > STALE_S };
  const work = { queue_depth, stream_lag_s, last_full_list_at, last_sweep_at };
  return { leader: owner, version, became_leader_at, ...age, ...work };
}

/** Where the whole system is one process, the API's port is the only one that people know of. */
function supervise(supervision: NonNullable<ApiDeps['supervision']>): RequestHandler {
  return async ({ path }, response, next) => {
    const answer = await answerSupervisor(supervision, path);
    if (!answer) next();
    else response.status(answer.status).type(answer.type).send(answer.body);
  };
}
