import type { Clock } from '../../platform/clock.ts';
import type { Env } from '../../platform/config.ts';
import { skewOf } from '../../platform/date-header.ts';
import type { Context } from '../context.ts';
import { isThisMachine } from '../server-address.ts';
import { apiChecks, recordsCheck } from './api-checks.ts';
import { runChecks, type Verdict } from './check.ts';
import { skipped } from './finding.ts';
import { laptopChecks } from './laptop-checks.ts';
import { LAPTOP, onAws } from './place.ts';

export interface ExaminationOptions {
  /** Undefined: AWS is looked at unless the API is on this machine. */
  aws: boolean | undefined;
  install: string;
  region: string | undefined;
}

/** A dead address is a finding, and not a reason to wait. */
const ANSWER_MS = 10_000;

/** Looks at the API, and at the account or the machine behind it. */
export async function examine(
  options: ExaminationOptions,
  { clientOver, client: { server }, clock }: Pick<Context, 'clientOver' | 'client' | 'clock'>,
  env: Env,
): Promise<Verdict[]> {
  const laptop = isThisMachine(server);
  const looksAtAws = options.aws ?? !laptop;
  const place = laptop && !looksAtAws ? LAPTOP : onAws(options.install, options.region);
  const timed = timedFetch(clock);
  const asked = { client: clientOver(timed.fetch), skewMs: timed.skewMs, clock, place };
  // Where the account is looked at its records are read there, and the API need not answer for that.
  const api = [...apiChecks(asked), ...(looksAtAws ? [] : [recordsCheck(asked)])];
  const [told, rest] = await Promise.all([
    runChecks(api, clock),
    looksAtAws ? examineAccount(options, clock, env) : runChecks(laptopChecks(), clock),
  ]);
  const why =
    options.aws === false
      ? 'not asked for (--no-aws)'
      : `${server} is on this machine, so this is laptop mode; --aws looks at an account`;
  return [...told, ...rest, ...(looksAtAws ? [] : [{ check: 'aws', ...skipped(why) }])];
}

/** The SDK is loaded by whoever needs it, and so by no other command. */
async function examineAccount(
  { install, region }: ExaminationOptions,
  clock: Clock,
  env: Env,
): Promise<Verdict[]> {
  const { examineAws } = await import('./aws-checks.ts');
  return examineAws({ install, region, clock, env });
}

/** fetch that gives up in time, body included, and notes how far the clock of who answers is off. */
function timedFetch(clock: Clock): { fetch: typeof fetch; skewMs: () => number | undefined } {
  let skewMs: number | undefined;
  return {
    skewMs: () => skewMs,
    fetch: async (input, init) => {
      const late = new AbortController();
      const cancel = clock.after(ANSWER_MS, () =>
        late.abort(new Error(`no answer within ${ANSWER_MS / 1000} s`)),
      );
      const sent = clock.now().getTime();
      try {
        const response = await fetch(input, { ...init, signal: late.signal });
        skewMs = skewOf(response.headers.get('date'), sent, clock.now().getTime()) ?? skewMs;
        return new Response(await response.arrayBuffer(), response);
      } finally {
        cancel();
      }
    },
  };
}
