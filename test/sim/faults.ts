import { drawnFrom } from './random.ts';

/**
 * What can happen to one call. crash ends the process that calls; stall stops it for `ms` before the request goes
 * out; late lets the caller give up while the effect comes `ms` after; stale answers a read as of `ms` ago.
 */
export const MODES = [
  'error_before',
  'error_after',
  'throttle',
  'crash_before',
  'crash_after',
  'late',
  'stall',
  'stale',
] as const;
export type Mode = (typeof MODES)[number];

export interface Fault {
  mode: Mode;
  ms?: number;
}

/** A call by its name and how often that name has been called before: stable when other faults are left out. */
export interface CallId {
  /** role/service.call, for example controller/ecs.createService */
  name: string;
  /** From 1. */
  n: number;
  mutates: boolean;
  /** Whether AWS promises that this read may be old. */
  canBeStale: boolean;
}

export interface FaultSource {
  decide(call: CallId): Fault | undefined;
}

export const keyOf = ({ name, n }: Pick<CallId, 'name' | 'n'>): string => `${name}#${n}`;

export const noFaults: FaultSource = { decide: () => undefined };

/** Exactly the listed faults: what a replay and an exhaustive run use. */
export function plannedFaults(plan: ReadonlyMap<string, Fault>): FaultSource {
  return { decide: (call) => plan.get(keyOf(call)) };
}

/** How much each mode happens, as a share of the calls, and how long it lasts. */
export interface FaultRates {
  share: Record<Mode, number>;
  late_ms: number;
  stall_ms: number;
  /** Must stay below the controller's absence grace: AWS's reads catch up within seconds. */
  stale_ms: number;
}

/** Faults by chance. Each decision hangs on the seed and the call alone, so that a plan made of some of them replays. */
export function randomFaults(seed: string, rates: FaultRates): FaultSource {
  return {
    decide(call) {
      let left = drawnFrom(`${seed}/${keyOf(call)}`);
      for (const mode of MODES) {
        left -= rates.share[mode];
        if (left >= 0) continue;
        return faultOf(mode, drawnFrom(`${seed}/${keyOf(call)}/ms`), rates);
      }
      return undefined;
    },
  };
}

const LONGEST = { late: 'late_ms', stall: 'stall_ms', stale: 'stale_ms' } as const;

function faultOf(mode: Mode, drawn: number, rates: FaultRates): Fault {
  if (mode !== 'late' && mode !== 'stall' && mode !== 'stale') return { mode };
  return { mode, ms: Math.round(500 + drawn * rates[LONGEST[mode]]) };
}
