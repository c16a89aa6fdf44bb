import { receiptLine } from '../preview/receipt.ts';
import type { PreviewView } from '../preview/view.ts';
import type { Context } from './context.ts';
import { formatSpan } from '../platform/span.ts';
import { Exit } from './exit-codes.ts';

/** Waits until `done`, telling each phase; exits with its own code when time or patience runs out first. */
export async function waitUntil(
  id: string,
  done: (view: PreviewView) => boolean,
  timeoutMs: number,
  context: Context,
): Promise<PreviewView> {
  const { client, clock, interrupted, tell } = context;
  const timeout = new AbortController();
  const cancel = clock.after(timeoutMs, () => timeout.abort());
  const start = clock.monotonic();
  const view = await client.waitFor(id, done, {
    signal: AbortSignal.any([interrupted, timeout.signal]),
    onChange: (seen) => tell(phaseLine(seen, clock.monotonic() - start, clock.now())),
  });
  cancel();
  if (view) return view;
  const resume = `tempus show ${id}`;
  if (interrupted.aborted) {
    throw new Exit('interrupted', 'stopped waiting', 'the server carries on without this command', resume);
  }
  throw new Exit('timed_out', `not done after ${formatSpan(timeoutMs)}`, 'the server carries on', resume);
}

/** One plain line for a phase that has been reached, fit for a CI log. */
export function phaseLine(view: PreviewView, waitedMs: number, now: Date): string {
  const { phase, cost, last_error } = view;
  const ready = view.conditions.find(({ type }) => type === 'Ready');
  switch (phase) {
    case 'Ready': {
      const left = Date.parse(view.expires_at) - now.getTime();
      const price = `about $${cost.per_hour.toFixed(3)}/h, $${cost.projected.toFixed(2)} to expiry`;
      const took = (waitedMs / 1000).toFixed(1);
      return `Ready in ${took}s · expires ${view.expires_at} (in ${formatSpan(left)}) · ${price}`;
    }
    case 'Failed':
    case 'Degraded':
      return `${phase}: ${last_error?.reason ?? ready?.reason}: ${last_error?.message ?? ready?.message}`;
    case 'Deleted':
      return `Deleted: ${receiptLine(view)}`;
    case 'Pending':
    case 'Provisioning':
    case 'Updating':
    case 'Deleting':
      return phase;
  }
}
