import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { EventLog } from '../preview/event-log.ts';
import type { PreviewEvent } from '../preview/events.ts';
import type { ApiDeps } from './deps.ts';
import { badQuery, findPreview } from './routes.ts';

type Deps = ApiDeps & { events: Pick<EventLog, 'read'> };

const MOST = 500;
const USUAL = 100;
const FOLLOW_MS = 1_000;
const CURSOR = /^[\d.]{1,64}$/;

/** The history of a preview, oldest first: a page as JSON, or all of it and what follows as server-sent events. */
export function eventRoutes(deps: ApiDeps): Router {
  const router = Router();
  const { events } = deps;
  if (events) router.get('/preview/:id/events', history({ ...deps, events }));
  return router;
}

interface EventQuery {
  limit: number;
  after: string | undefined;
}

function readQuery(request: Request): EventQuery {
  const { query } = request;
  const unknown = Object.keys(query).find((name) => name !== 'limit' && name !== 'cursor');
  if (unknown !== undefined) throw badQuery(unknown, 'is not known here; use limit or cursor');
  const limit = query['limit'] === undefined ? USUAL : Number(query['limit']);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
    throw badQuery('limit', `must be a whole number from 1 to ${MOST}`);
  }
  const cursor = query['cursor'] ?? request.get('last-event-id');
  if (cursor !== undefined && (typeof cursor !== 'string' || !CURSOR.test(cursor))) {
    throw badQuery('cursor', 'must be the next_cursor of an earlier page');
  }
  return { limit, after: cursor };
}

function history(deps: Deps): RequestHandler {
  return async (request, response) => {
    const { preview_id } = await findPreview(request, deps);
    const { limit, after } = readQuery(request);
    if (request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream') {
      await follow(preview_id, after, response, deps);
      return;
    }
    const { items, next } = await deps.events.read(preview_id, {
      limit,
      ...(after === undefined ? {} : { after }),
    });
    response.json({ items, next_cursor: next ?? null });
  };
}

/** Looks once a second, until the client goes, the server stops, or the preview is Deleted and all of it is told. */
async function follow(
  previewId: string,
  from: string | undefined,
  response: Response,
  { events, store, clock, stopping }: Deps,
): Promise<void> {
  response.type('text/event-stream').set('cache-control', 'no-cache').flushHeaders();
  const left = new AbortController();
  response.on('close', () => left.abort());
  const signal = AbortSignal.any([left.signal, ...(stopping ? [stopping] : [])]);
  let after = from;
  let over = false;
  while (!signal.aborted) {
    const { items, next } = await events.read(previewId, {
      limit: MOST,
      ...(after === undefined ? {} : { after }),
    });
    for (const event of items) response.write(frame(event));
    after = items.at(-1)?.sequence ?? after;
    if (next !== undefined) continue;
    const closed = items.some(
      ({ type, message }) => type === 'PhaseChanged' && message.endsWith('→ Deleted'),
    );
    // The record can be ahead of its history: what is still on its way through the stream is waited for once more.
    if (over || closed) break;
    over = (await store.get(previewId))?.phase === 'Deleted' && items.length === 0;
    await clock.sleep(FOLLOW_MS, signal);
  }
  response.end();
}

function frame(event: PreviewEvent): string {
  return `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
