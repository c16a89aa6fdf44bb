import { type Request, type RequestHandler, type Response, Router } from 'express';
import { canonicalInstant } from '../preview/expiry.ts';
import { isSeveral } from '../preview/spec.ts';
import { isStillValid } from './authentication.ts';
import type { ApiDeps } from './deps.ts';
import { EXACTLY } from './exactly.ts';
import { FOLLOW_MS, whileListening } from './following.ts';
import { type LogLine, LogTail } from './log-tail.ts';
import { badQuery, findPreview } from './routes.ts';

interface LogQuery {
  tail: number | undefined;
  since: Date | undefined;
  follow: boolean;
}

const MAX_TAIL = 10_000;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

export function logRoutes(deps: ApiDeps): Router {
  const router = Router(EXACTLY);
  router.get('/preview/:id/logs', logs(deps));
  return router;
}

function readQuery({ query }: Request, now: Date): LogQuery {
  const unknown = Object.keys(query).find((name) => !['tail', 'since', 'follow'].includes(name));
  if (unknown !== undefined) throw badQuery(unknown, 'is not known here; use tail, since or follow');
  const tail = query['tail'] === undefined ? undefined : Number(query['tail']);
  if (tail !== undefined && (!Number.isInteger(tail) || tail < 0 || tail > MAX_TAIL)) {
    throw badQuery('tail', `must be a whole number from 0 to ${MAX_TAIL}`);
  }
  const follow = query['follow'];
  if (follow !== undefined && follow !== 'true' && follow !== 'false')
    throw badQuery('follow', 'must be true or false');
  return { tail, since: readSince(query['since'], now), follow: follow === 'true' };
}

/** `10m` before now, or an instant. */
function readSince(since: unknown, now: Date): Date | undefined {
  if (since === undefined) return undefined;
  const [, count, unit = ''] = /^(\d{1,6})([smh])$/.exec(typeof since === 'string' ? since : '') ?? [];
  if (count !== undefined) return new Date(now.getTime() - Number(count) * (UNITS[unit] ?? 0));
  const instant = canonicalInstant(since);
  if (instant === undefined) throw badQuery('since', 'must be like 30s, 10m, 2h or 2026-01-31T18:00:00Z');
  return new Date(instant);
}

function logs(deps: ApiDeps): RequestHandler {
  return async (request, response) => {
    const row = await findPreview(request, deps);
    const { tail, since, follow } = readQuery(request, deps.clock.now());
    const reader = new LogTail(row.id, since, { logs: deps.logs, log_group: deps.config.log_group });
    const lines = await reader.read();
    const write = writer(request, response, isSeveral(row.spec));
    write(tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail)));
    if (follow) await followLines(row.preview_id, { reader, write, response, deps });
    response.end();
  };
}

/** Text, or one JSON object a line for programs that ask for it. Of several containers each line says which wrote it. */
function writer(request: Request, response: Response, several: boolean): (lines: readonly LogLine[]) => void {
  const json = request.accepts(['text/plain', 'application/x-ndjson']) === 'application/x-ndjson';
  response.type(json ? 'application/x-ndjson' : 'text/plain').set('cache-control', 'no-cache');
  response.flushHeaders();
  return (lines) => {
    for (const line of lines) {
      const text = several ? `${line.container} | ${line.message}` : line.message;
      response.write(`${json ? JSON.stringify(line) : text}\n`);
    }
  };
}

interface Following {
  reader: LogTail;
  write: (lines: readonly LogLine[]) => void;
  response: Response;
  deps: ApiDeps;
}

/** Until the client goes, its token ends, the server stops, or the preview is Deleted and its last lines have been read. */
async function followLines(previewId: string, { reader, write, response, deps }: Following): Promise<void> {
  const signal = whileListening(response, deps.stopping);
  while (!signal.aborted && (await isStillValid(response))) {
    const over = (await deps.store.get(previewId))?.phase === 'Deleted';
    write(await reader.read());
    if (over) return;
    await deps.clock.sleep(FOLLOW_MS, signal);
  }
}
