import type { LogsPort } from '../aws/ports.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Supervision } from '../platform/supervision.ts';
import type { EventLog } from '../preview/event-log.ts';
import type { Heartbeats } from '../preview/heartbeat.ts';
import type { PreviewStore } from '../preview/store.ts';
import type { SweepBoard } from '../preview/sweep-board.ts';
import type { Tokens } from '../preview/tokens.ts';
import type { ApiConfig } from './config.ts';

/** What the API is built from. */
export interface ApiDeps {
  store: PreviewStore;
  logs: Pick<LogsPort, 'filterLogEvents'>;
  clock: Clock;
  random: Random;
  log: Log;
  config: ApiConfig;
  /** What has happened to previews, as the leader has read it in the stream. */
  events?: Pick<EventLog, 'read'>;
  /** Where the controller's leader says how it is doing. */
  heartbeats?: Pick<Heartbeats, 'read'>;
  /** Who may ask. Absent only where nobody is asked for a token. */
  tokens?: Tokens;
  /** Where its sweeper says what it found, and is asked to go further. */
  sweepBoard?: Pick<SweepBoard, 'readReport' | 'readRequest' | 'request'>;
  /** The controller itself, where it is a part of the same process. */
  supervision?: Supervision;
  /** Aborts when the server is about to stop: open log streams end. */
  stopping?: AbortSignal;
}
