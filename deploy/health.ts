import * as z from 'zod';
import { parseConfig, processEnv } from '../platform/config.ts';
import { printError } from '../platform/terminal.ts';

const port = z.coerce.number().int();
const env = parseConfig(
  z.object({ TEMPUS_API_PORT: port.default(4000), TEMPUS_HEALTH_PORT: port.default(9464) }),
  processEnv(),
);

/** Where each part of the image says that it is well. */
const PARTS: ReadonlyMap<string, string> = new Map([
  ['api', `http://127.0.0.1:${env.TEMPUS_API_PORT}/health`],
  ['controller', `http://127.0.0.1:${env.TEMPUS_HEALTH_PORT}/healthz`],
]);

const TIMEOUT_MS = 3_000;

/** Asks a part that runs in the same container. Why it is not well, undefined where it is. */
async function complaint(part: string): Promise<string | undefined> {
  const url = PARTS.get(part);
  if (url === undefined) return `there is no part ${part}; name one of ${[...PARTS.keys()].join(', ')}`;
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return status === 200 ? undefined : `${url} answers ${status}`;
  } catch (error) {
    return `${url} does not answer: ${String(error instanceof Error ? (error.cause ?? error) : error)}`;
  }
}

// A container runs one part. Which one, the image's own check cannot know, and whoever starts it can say.
const [, , named] = process.argv;
const complaints = await Promise.all((named === undefined ? [...PARTS.keys()] : [named]).map(complaint));
if (complaints.every((found) => found !== undefined)) {
  complaints.forEach(printError);
  process.exitCode = 1;
}
