import * as z from 'zod';
import { parseConfig, processEnv } from '../platform/config.ts';
import { printError } from '../platform/terminal.ts';

const port = z.coerce.number().int();
const env = parseConfig(
  z.object({ TEMPUS_API_PORT: port.default(4000), TEMPUS_HEALTH_PORT: port.default(9464) }),
  processEnv(),
);

/** Where each part of the image says that it is well. */
const PARTS: Readonly<Record<string, string>> = {
  api: `http://127.0.0.1:${env.TEMPUS_API_PORT}/health`,
  controller: `http://127.0.0.1:${env.TEMPUS_HEALTH_PORT}/healthz`,
};

const TIMEOUT_MS = 3_000;

/** Asks the part that runs in the same container. Why it is not well, undefined where it is. */
async function complaint(part: string): Promise<string | undefined> {
  const url = PARTS[part];
  if (url === undefined) return `there is no part ${part}; name one of ${Object.keys(PARTS).join(', ')}`;
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return status === 200 ? undefined : `${url} answers ${status}`;
  } catch (error) {
    return `${url} does not answer: ${String(error instanceof Error ? (error.cause ?? error) : error)}`;
  }
}

const found = await complaint(process.argv[2] ?? 'api');
if (found !== undefined) {
  printError(found);
  process.exitCode = 1;
}
