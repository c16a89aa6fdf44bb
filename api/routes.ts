import { type Request, type RequestHandler, type Response, Router } from 'express';
import { toSeconds } from '../platform/clock.ts';
import { draftPreview } from '../preview/draft.ts';
import { endpointsOf } from '../preview/endpoints.ts';
import { isQueued, queuePositions } from '../preview/queue.ts';
import { PHASES, PREVIEW_ID, type PreviewRow, SHORT_ID } from '../preview/record.ts';
import { previewUrls } from '../preview/urls.ts';
import { viewPreview } from '../preview/views.ts';
import { callerOf } from './authentication.ts';
import type { ApiDeps } from './deps.ts';
import { EXACTLY } from './exactly.ts';
import { createSchema, readCreate, type Wish } from './create-request.ts';
import { requireJson } from './guard.ts';
import { hashRequest, readIdempotencyKey, uuidOfKey } from './identity.ts';
import { notFound, Problem } from './problems.ts';

/** Eight hex digits of an install clash once in 77,000 previews; five clashes in a row are a defect. */
const MINTS = 5;

/** The record that a request means, by UUID or by its first 8 hex digits. */
export async function findPreview(request: Request, { store }: Pick<ApiDeps, 'store'>): Promise<PreviewRow> {
  const id = String(request.params['id']).toLowerCase();
  const row = PREVIEW_ID.test(id) || SHORT_ID.test(id) ? await store.get(id) : undefined;
  if (!row) throw notFound(id);
  return row;
}

/** The routes that write and read records. None of them calls AWS beyond the table. */
export function previewRoutes(deps: ApiDeps): Router {
  const router = Router(EXACTLY);
  router.post('/preview/create', requireJson, create(deps));
  router.get('/preview/:id', get(deps));
  router.get('/previews', list(deps));
  router.delete('/preview/:id', remove(deps));
  return router;
}

function create(deps: ApiDeps): RequestHandler {
  const schema = createSchema(deps.config);
  return async (request, response) => {
    const key = readIdempotencyKey(request.get('idempotency-key'));
    const wish = readCreate(schema, request.body, deps.config);
    const { owner } = callerOf(response);
    const { row, replayed } =
      key === undefined ? await mint(wish, owner, deps) : await createOnce(wish, { owner, key }, deps);
    if (replayed) response.set('idempotency-replayed', 'true');
    else deps.log.info({ preview_id: row.preview_id, expires_at: row.expires_at }, 'created preview');
    response.status(202).location(`/preview/${row.preview_id}`).set('retry-after', '1');
    response.json(viewPreview(row, deps.clock.now()));
  };
}

interface Origin {
  preview_id: string;
  owner: string;
  source: Record<string, string>;
}

function draft(wish: Wish, origin: Origin, { config, clock }: ApiDeps): PreviewRow {
  const suffixes = endpointsOf(wish.spec).map(({ suffix }) => suffix);
  const urls = previewUrls(origin.preview_id.slice(0, 8), config.routing, suffixes);
  return draftPreview({ ...wish, ...origin, urls }, clock.now());
}

async function mint(
  wish: Wish,
  owner: string,
  deps: ApiDeps,
): Promise<{ row: PreviewRow; replayed: boolean }> {
  for (let n = 0; n < MINTS; n += 1) {
    const row = draft(wish, { preview_id: deps.random.uuid(), owner, source: {} }, deps);
    if ((await deps.store.create(row)) === 'created') return { row, replayed: false };
  }
  throw new Error('no free id was found for a new preview');
}

/** With a key the id is given, so that the conditional put decides who was first, on whichever replica. */
async function createOnce(
  wish: Wish,
  { owner, key }: { owner: string; key: string },
  deps: ApiDeps,
): Promise<{ row: PreviewRow; replayed: boolean }> {
  const request_hash = hashRequest(wish);
  const row = draft(wish, { preview_id: uuidOfKey(owner, key), owner, source: { request_hash } }, deps);
  if ((await deps.store.create(row)) === 'created') return { row, replayed: false };
  const first = await deps.store.get(row.preview_id);
  if (first?.source['request_hash'] === request_hash) return { row: first, replayed: true };
  throw new Problem({
    status: 422,
    code: 'idempotency_key_reused',
    detail: 'this Idempotency-Key was used for another request',
    hint: 'give every new preview a key of its own',
  });
}

function get(deps: ApiDeps): RequestHandler {
  return async (request, response) => {
    const row = await findPreview(request, deps);
    response.json(viewPreview(row, deps.clock.now(), await queuePosition(row, deps)));
  };
}

/** Lists the others only for a preview that waits: all the rest have no position. */
async function queuePosition(row: PreviewRow, { store }: ApiDeps): Promise<number | undefined> {
  return isQueued(row) ? queuePositions(await Array.fromAsync(store.live())).get(row.preview_id) : undefined;
}

function list(deps: ApiDeps): RequestHandler {
  return async (request, response) => {
    const matches = readFilter(request);
    const rows = await Array.fromAsync(deps.store.live());
    const positions = queuePositions(rows);
    const newest = rows
      .filter(matches)
      .toSorted((a, b) => b.created_at.localeCompare(a.created_at) || a.id.localeCompare(b.id));
    const now = deps.clock.now();
    const items = newest.map((row) => viewPreview(row, now, positions.get(row.preview_id)));
    response.json({ items, next_cursor: null });
  };
}

function readFilter({ query }: Request): (row: PreviewRow) => boolean {
  const unknown = Object.keys(query).find((name) => name !== 'phase' && name !== 'label');
  if (unknown !== undefined) throw badQuery(unknown, 'is not a filter; use phase or label=key=value');
  const { phase } = query;
  if (phase !== undefined && !PHASES.some((known) => known === phase)) {
    throw badQuery('phase', `must be one of ${PHASES.join(', ')}`);
  }
  const labels = [query['label'] ?? []].flat().map((label) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(typeof label === 'string' ? label : '') ?? [];
    if (key === undefined || value === undefined) throw badQuery('label', 'must be key=value');
    return [key, value] as const;
  });
  return (row) =>
    (phase === undefined || row.phase === phase) && labels.every(([key, value]) => row.labels[key] === value);
}

export function badQuery(name: string, detail: string): Problem {
  return new Problem({
    status: 422,
    code: 'invalid_query',
    detail: `?${name} ${detail}`,
    hint: 'GET /openapi.json has every parameter',
    errors: [{ pointer: `/${name}`, detail }],
  });
}

function remove(deps: ApiDeps): RequestHandler {
  return async (request, response: Response) => {
    const { store, clock, log } = deps;
    const row = await findPreview(request, deps);
    const by = callerOf(response).owner;
    const deletion = { requested_at: toSeconds(clock.now()), reason: 'Requested', by };
    const outcome = await store.requestDeletion(row, deletion);
    if (outcome === 'deleting') log.info({ preview_id: row.preview_id }, 'requested deletion');
    const now = (await store.get(row.preview_id)) ?? row;
    response.status(202).set('retry-after', '1').json(viewPreview(now, clock.now()));
  };
}
