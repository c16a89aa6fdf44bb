import type { Discipline } from '../aws/discipline.ts';
import type { StreamsPort, TablePort } from '../aws/ports.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Random } from '../platform/random.ts';
import type { EventLog } from '../preview/event-log.ts';
import type { Heartbeats } from '../preview/heartbeat.ts';
import type { SweepBoard } from '../preview/sweep-board.ts';
import type { ReconcilerDeps } from '../reconcilers/pass.ts';
import type { LeaseTimes } from './lease.ts';

/** What a controller is built from. */
export interface ControllerDeps extends Omit<ReconcilerDeps, 'absences' | 'waits' | 'recent' | 'wake'> {
  random: Random;
  dynamodb: TablePort;
  streams: StreamsPort;
  table: string;
  /** Names this process among the controllers of the install; see LeaseDeps. */
  owner: string;
  home?: string;
  leaseTimes?: LeaseTimes;
  times: ControllerTimes;
  /** Where it counts; by default somewhere that nobody reads. */
  metrics?: Metrics;
  /** Where the leader says that it lives; by default nowhere. */
  heartbeats?: Heartbeats;
  /** Where the leader tells every minute how it goes, for alarms that watch a log; by default nowhere. */
  vitalsLog?: Log;
  /** How it behaves towards an account that it shares; without it calls go out as they come. */
  discipline?: Discipline;
  /** Where the leader tells what it reads in the stream; without it there is no history. */
  events?: EventLog;
  /** Where the sweeper reports and is asked; without it nothing is swept. */
  sweepBoard?: SweepBoard;
  /** Of Tempus, for the heartbeat. */
  version?: string;
}

export interface ControllerTimes {
  concurrency: number;
  stream_poll_ms: number;
  stream_sync_ms: number;
  checkpoint_ms: number;
  unsettled_list_ms: number;
  full_list_ms: number;
  /** After this a pass makes no more mutating calls. */
  pass_deadline_ms: number;
  /** How long passes that have begun may still mutate after the process was told to stop. */
  drain_ms: number;
}
