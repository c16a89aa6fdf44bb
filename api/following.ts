import type { Response } from 'express';

/** How often a route that follows something looks for what is new, and whether it may still be told. */
export const FOLLOW_MS = 1_000;

/** Aborts when nobody listens any more: the client has gone, or the server is about to stop. */
export function whileListening(response: Response, stopping: AbortSignal | undefined): AbortSignal {
  const left = new AbortController();
  response.on('close', () => left.abort());
  return AbortSignal.any([left.signal, ...(stopping ? [stopping] : [])]);
}
