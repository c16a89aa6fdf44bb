import type { Clock } from '../platform/clock.ts';
import { type BucketName, bucketsOf } from './buckets.ts';
import { decorate } from './decorate.ts';
import { classify } from './errors.ts';
import { Gate } from './gate.ts';
import type { GateMeter } from './gate-meter.ts';
import type { AwsPorts } from './ports.ts';

export interface GateDeps {
  clock: Clock;
  /** Of each account-wide bucket, how much this install may draw: others live in the account, too. */
  rate_share: number;
  /** Whether all load balancing calls together keep within AWS's account-wide bucket, too; see BUCKETS. */
  strict?: boolean | undefined;
  /** Told how long each call was held back that could not go at once. */
  onWait?: (bucket: BucketName, ms: number) => void;
  meter?: GateMeter | undefined;
}

/** What takes something away goes before what makes or changes: a full account gets room by deletes alone. */
const URGENT = /^(delete|deregister)/;

/**
 * Holds every call back until its bucket has a token, so that AWS seldom has to refuse one; and slows a bucket down
 * when it does all the same, for all previews together: retries that each wait on their own would keep the storm up.
 */
export function gated(
  ports: AwsPorts,
  { clock, rate_share, strict = false, onWait, meter }: GateDeps,
): AwsPorts {
  const gate = new Gate(clock, rate_share);
  meter?.follow(gate);
  const judge = (error: unknown, names: readonly BucketName[], sent: number) => {
    const { kind, reason } = classify(error);
    if (kind === 'throttle') gate.throttled(names, sent);
    // No answer says nothing of the rate; any other refusal says that it was right.
    else if (kind !== 'transient' || reason === 'NotVisible') gate.accepted(names, sent);
  };
  return decorate(ports, (service, call) => {
    const names = bucketsOf(service, call, strict);
    const urgent = URGENT.test(call);
    const held = async (turn: Promise<void>) => {
      const asked = clock.monotonic();
      try {
        await turn;
      } finally {
        onWait?.(names[0], clock.monotonic() - asked);
      }
    };
    return async (proceed) => {
      const turn = gate.enter(names, urgent);
      if (turn) await held(turn);
      const sent = clock.monotonic();
      try {
        const answer = await proceed();
        gate.accepted(names, sent);
        return answer;
      } catch (error) {
        judge(error, names, sent);
        throw error;
      }
    };
  });
}
