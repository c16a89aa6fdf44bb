import type { LogsPort } from '../aws/ports.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { PreviewStore } from '../preview/store.ts';
import type { ApiConfig } from './config.ts';

/** What the API is built from. */
export interface ApiDeps {
  store: PreviewStore;
  logs: Pick<LogsPort, 'filterLogEvents'>;
  clock: Clock;
  random: Random;
  log: Log;
  config: ApiConfig;
  /** Aborts when the server is about to stop: open log streams end. */
  stopping?: AbortSignal;
}
