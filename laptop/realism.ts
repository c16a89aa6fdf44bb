import type { Discipline } from '../aws/discipline.ts';
import { AWS_DISCIPLINE, AWS_PACE, CONTROLLER_TIMES } from '../controller/config.ts';
import type { ControllerTimes } from '../controller/controller.ts';
import { Realism } from '../localcloud/realism/realism.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import type { ReconcilerConfig } from '../reconcilers/config.ts';

/** What AWS does, for laptop mode with `factor` of AWS's delays; nothing where it is undefined. */
export function createRealism(factor: number | undefined): Realism | undefined {
  return factor === undefined ? undefined : new Realism({ clock, random, factor });
}

/** What a controller is told about its pace, on a laptop. */
export interface Pace {
  config: ReconcilerConfig;
  times: ControllerTimes;
  discipline: Discipline;
}

/** The same shares of an account, whatever its delays: AWS's buckets do not scale. */
const RATE_SHARE = 0.5;

/** AWS's own pace where the laptop behaves like AWS: its waits, cut as the delays are, but never below a laptop's own. */
export function paced(laptop: Pace, factor: number | undefined): Pace {
  if (factor === undefined) return laptop;
  return {
    config: {
      ...slowed(laptop.config, AWS_PACE, factor),
      // What waits for AWS's rates waits as long as on AWS.
      progress_deadline_ms: AWS_PACE.progress_deadline_ms,
    },
    times: {
      ...slowed(laptop.times, CONTROLLER_TIMES, factor),
      pass_deadline_ms: CONTROLLER_TIMES.pass_deadline_ms,
    },
    discipline: { ...slowed(laptop.discipline, AWS_DISCIPLINE, factor), rate_share: RATE_SHARE },
  };
}

function slowed<T extends object>(laptop: T, aws: Partial<Record<keyof T, unknown>>, factor: number): T {
  const members = Object.entries(laptop).map(([name, own]: [string, unknown]) => {
    const there = aws[name as keyof T];
    const isWait = typeof own === 'number' && typeof there === 'number';
    return [name, isWait ? Math.max(own, Math.ceil(there * factor)) : own] as const;
  });
  return Object.fromEntries(members) as T;
}
