import { createDatabase } from '../aws/database.ts';
import { type Clock, systemClock, toSeconds } from '../platform/clock.ts';
import { parseConfig, processEnv } from '../platform/config.ts';
import { createLog, type Log, LOG_LEVELS } from '../platform/log.ts';
import { PreviewStore } from '../preview/store.ts';
import * as z from 'zod';

export interface ExpireDeps {
  store: PreviewStore;
  clock: Clock;
  log: Log;
}

/** What one run did: `moved` were extended, or taken by someone else, between the list and the flip. */
export interface ExpireReport {
  expired: number;
  moved: number;
  failed: number;
}

/**
 * Flips every preview whose time is up to Deleting; the controller does the rest. Safe to run twice, at once, late: each
 * flip rests on the very expiry it has seen. One record that cannot be written holds up no other; it fails the run at
 * the end, so that the error shows and the next minute tries again.
 */
export async function expireDue({ store, clock, log }: ExpireDeps): Promise<ExpireReport> {
  const now = clock.now();
  const deletion = { requested_at: toSeconds(now), reason: 'Expired', by: 'lambda/expire' };
  const report: ExpireReport = { expired: 0, moved: 0, failed: 0 };
  for await (const due of store.due(now)) {
    if (due.phase === 'Deleting') continue;
    try {
      const flipped = await store.expire(due, deletion);
      report[flipped] += 1;
      if (flipped === 'expired')
        log.info({ preview_id: due.preview_id, expires_at: due.expires_at }, 'expired preview');
    } catch (error) {
      report.failed += 1;
      log.error({ err: error, preview_id: due.preview_id }, 'could not expire preview');
    }
  }
  if (report.failed > 0) throw new Error(`${report.failed} previews could not be expired`);
  return report;
}

/** Settings of the function, as Terraform gives them to it. */
export const configSchema = z.object({
  AWS_REGION: z.string(),
  TEMPUS_TABLE_PREVIEWS: z.string().default('tempus-previews'),
  TEMPUS_AWS_ENDPOINT: z.url().optional(),
  TEMPUS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

let deps: ExpireDeps | undefined;

/** Entry point on AWS. Clients are made once per execution environment and reused by warm runs. */
export function handler(): Promise<ExpireReport> {
  deps ??= compose();
  return expireDue(deps);
}

function compose(): ExpireDeps {
  const config = parseConfig(configSchema, processEnv());
  const { document } = createDatabase({ region: config.AWS_REGION, endpoint: config.TEMPUS_AWS_ENDPOINT });
  return {
    store: new PreviewStore({ client: document, table: config.TEMPUS_TABLE_PREVIEWS }),
    clock: systemClock,
    log: createLog(config.TEMPUS_LOG_LEVEL),
  };
}
