import type { Clock } from '../platform/clock.ts';
import { batched } from './batched.ts';
import type { BucketName } from './buckets.ts';
import { fenced } from './decorate.ts';
import { gated } from './gated.ts';
import type { GateMeter } from './gate-meter.ts';
import type { AwsPorts } from './ports.ts';
import { sharedRules } from './shared-rules.ts';

/** How a controller behaves towards an account that it shares with others. */
export interface Discipline {
  /** Share of each account-wide API bucket: above 0, at most 1. */
  rate_share: number;
  /** Whether all load balancing calls together keep within AWS's account-wide bucket, too; by default not. */
  strict?: boolean;
  /** How long a question waits for others to join it. */
  batch_window_ms: number;
  /** How long one list of a listener's rules serves all who ask. */
  rules_shared_ms: number;
  /** Shows the rates of whoever leads; by default nobody. */
  meter?: GateMeter;
}

export interface DisciplineDeps extends Discipline {
  clock: Clock;
  /** Throws when this process may not change AWS any more; asked last of all, after every wait. */
  check: () => void;
  onWait?: (bucket: BucketName, ms: number) => void;
}

/** The ports as a controller uses them: questions joined, rules shared, calls held to AWS's rates, changes fenced. */
export function disciplined(ports: AwsPorts, { check, ...deps }: DisciplineDeps): AwsPorts {
  return batched(sharedRules(gated(fenced(ports, check), deps), deps), deps);
}
