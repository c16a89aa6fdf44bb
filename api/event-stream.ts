import type { Response } from 'express';
import type { EventLog } from '../preview/event-log.ts';
import { isLast, type PreviewEvent } from '../preview/events.ts';
import { isStillValid } from './authentication.ts';
import type { ApiDeps } from './deps.ts';
import { FOLLOW_MS, whileListening } from './following.ts';

type Deps = Pick<ApiDeps, 'store' | 'clock' | 'log' | 'stopping'> & { events: Pick<EventLog, 'read'> };

const PAGE = 100;
/** What is silent for longer is cut off by proxies, whose patience is a minute, and by clients, whose is five. */
const SIGN_OF_LIFE_MS = 15_000;
/** An event is there some seconds after its change; what is not there by now was lost with the stream. */
const LATE_MS = 60_000;

/**
 * Sends the events of a preview after `from`, then those that come, as server-sent events. Ends when the client goes, when
 * its token ends, when the server stops, and after the last event of the history, or when that is lost for good. A table
 * that does not answer for a while is asked again.
 */
export async function followEvents(
  previewId: string,
  from: string | undefined,
  response: Response,
  deps: Deps,
): Promise<void> {
  const { events, clock, log, stopping } = deps;
  const signal = whileListening(response, stopping);
  response.type('text/event-stream').set('cache-control', 'no-cache').flushHeaders();
  let cursor = from;
  let spokeAt = clock.monotonic();
  const send = (text: string) => {
    response.write(text);
    spokeAt = clock.monotonic();
  };
  while (!signal.aborted) {
    try {
      if (!(await isStillValid(response))) break;
      const { items, next } = await events.read(previewId, { limit: PAGE, cursor });
      for (const event of items) send(frame(event));
      const last = items.at(-1);
      cursor = last?.sequence ?? cursor;
      if (next !== undefined) continue;
      if (last && isLast(last)) break;
      if (clock.monotonic() - spokeAt >= SIGN_OF_LIFE_MS) {
        if (await isClosed(previewId, deps)) break;
        send(': still here\n\n');
      }
    } catch (error) {
      log.warn({ err: error, preview_id: previewId }, 'could not read the history');
    }
    await clock.sleep(FOLLOW_MS, signal);
  }
  response.end();
}

/** Whether nothing can follow after `from`: a browser whose stream has ended asks again, and has to be told to stop. */
export async function isOver(previewId: string, from: string, deps: Deps): Promise<boolean> {
  const [newest] = (await deps.events.read(previewId, { limit: 1, order: 'newest' })).items;
  if (newest && newest.sequence > from) return false;
  return (newest !== undefined && isLast(newest)) || isClosed(previewId, deps);
}

/** Whether a preview has been gone for so long that its last event, which never came, will not come any more. */
async function isClosed(previewId: string, { store, clock }: Deps): Promise<boolean> {
  const row = await store.get(previewId);
  const age = clock.now().getTime() - Date.parse(row?.status.deleted_at ?? '');
  return row === undefined || (row.phase === 'Deleted' && age >= LATE_MS);
}

function frame(event: PreviewEvent): string {
  return `id: ${event.sequence}\ndata: ${JSON.stringify(event)}\n\n`;
}
