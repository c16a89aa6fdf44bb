import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { EventLog, EventOrder } from '../preview/event-log.ts';
import { PREVIEW_ID } from '../preview/record.ts';
import type { ApiDeps } from './deps.ts';
import { EXACTLY } from './exactly.ts';
import { followEvents, isOver } from './event-stream.ts';
import { notFound } from './problems.ts';
import { badQuery, findPreview } from './routes.ts';

type Deps = ApiDeps & { events: Pick<EventLog, 'read'> };

const MOST = 500;
const USUAL = 100;
const CURSOR = /^[\d.]{1,64}$/;
const PARAMETERS = ['limit', 'cursor', 'order'];

interface HistoryQuery {
  limit: number;
  cursor: string | undefined;
  order: EventOrder;
}

/** The history of a preview: a page as JSON, or all of it and what follows as server-sent events. */
export function eventRoutes(deps: ApiDeps): Router {
  const router = Router(EXACTLY);
  const { events } = deps;
  if (events) router.get('/preview/:id/events', history({ ...deps, events }));
  return router;
}

function readQuery({ query }: Request): HistoryQuery {
  const unknown = Object.keys(query).find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) throw badQuery(unknown, 'is not known here; use limit, cursor or order');
  const { limit = String(USUAL), cursor, order = 'oldest' } = query;
  if (typeof limit !== 'string' || !/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > MOST) {
    throw badQuery('limit', `must be a whole number from 1 to ${MOST}`);
  }
  if (cursor !== undefined && (typeof cursor !== 'string' || !CURSOR.test(cursor))) {
    throw badQuery('cursor', 'must be the next_cursor of an earlier page');
  }
  if (order !== 'oldest' && order !== 'newest') throw badQuery('order', 'must be oldest or newest');
  return { limit: Number(limit), cursor, order };
}

function history(deps: Deps): RequestHandler {
  return async (request, response) => {
    const preview_id = await findHistory(request, deps);
    const query = readQuery(request);
    if (request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream') {
      await stream(preview_id, query, request, response, deps);
      return;
    }
    const { items, next } = await deps.events.read(preview_id, query);
    response.json({ items, next_cursor: next ?? null });
  };
}

/** A history outlives its record, and is then found by the whole UUID. */
async function findHistory(request: Request, deps: Deps): Promise<string> {
  const id = String(request.params['id']).toLowerCase();
  if (!PREVIEW_ID.test(id)) return (await findPreview(request, deps)).preview_id;
  const [row, { items }] = await Promise.all([deps.store.get(id), deps.events.read(id, { limit: 1 })]);
  if (!row && items.length === 0) throw notFound(id);
  return id;
}

/** What a browser says that it has seen counts for more than the address, which it repeats when it connects again. */
async function stream(
  preview_id: string,
  { cursor, order }: HistoryQuery,
  request: Request,
  response: Response,
  deps: Deps,
): Promise<void> {
  if (order === 'newest') throw badQuery('order', 'must be oldest where events are followed');
  const seen = request.get('last-event-id');
  const from = seen !== undefined && CURSOR.test(seen) ? seen : cursor;
  if (from !== undefined && (await isOver(preview_id, from, deps))) response.status(204).end();
  else await followEvents(preview_id, from, response, deps);
}
