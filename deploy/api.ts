import { systemClock as clock } from '../platform/clock.ts';
import { formatSpan } from '../platform/span.ts';
import { print } from '../platform/terminal.ts';
import { Refusal } from './refusal.ts';

const LOOK_MS = 2_000;
const ANSWER_MS = 10_000;

/** Resolves once the API answers. Throws Refusal with what it saw last where it does not in time. */
export async function awaitApi(api_url: string, timeoutMs: number): Promise<void> {
  const end = clock.monotonic() + timeoutMs;
  print(`Waiting for ${api_url}/health, up to ${formatSpan(timeoutMs)}`);
  for (;;) {
    const why = await complaint(`${api_url}/health`);
    if (why === undefined) return;
    if (clock.monotonic() > end)
      throw new Refusal(
        `the API does not answer at ${api_url}`,
        why,
        'see that this machine is among allowed_cidrs, then the log group of the API and the events of its ECS service (docs/aws.md); then make deploy again',
      );
    await clock.sleep(LOOK_MS);
  }
}

/** Asks the API for what only a token shows. Throws Refusal where it does not take the token. */
export async function tryToken(api_url: string, token: string): Promise<void> {
  const why = await complaint(`${api_url}/previews`, { authorization: `Bearer ${token}` });
  if (why === undefined) return;
  throw new Refusal(
    'the API does not take the token that was just stored',
    why,
    'make token stores another; if it is not taken either, compare the table in the log of the API with that of Terraform',
  );
}

async function complaint(url: string, headers: Record<string, string> = {}): Promise<string | undefined> {
  try {
    const { status } = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
    return status === 200 ? undefined : `${url} answers ${status}`;
  } catch (error) {
    // An API that does not answer yet is what this waits for; what it said last is told in the end.
    const { cause, message } = error as Error;
    return `${url}: ${cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message}`;
  }
}

/** What a shell takes as it is: where the API is, who asks, and a first request. */
export function tellToken(api_url: string, token: string): void {
  print(`
The token of this install, with scope admin. Nothing keeps it: put it where you keep passwords.

  export TEMPUS_SERVER=${api_url}
  export TEMPUS_TOKEN=${token}
  printf 'authorization: Bearer %s' "$TEMPUS_TOKEN" | curl -sS -H @- "$TEMPUS_SERVER/previews"

A shell keeps the line with the token in its history; read -rs TEMPUS_TOKEN && export TEMPUS_TOKEN takes it without.

A first preview, which ends by itself:

  npx --no tempus create --ttl 1h --wait`);
}
