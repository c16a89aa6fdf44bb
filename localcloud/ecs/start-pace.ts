import type { Clock } from '../../platform/clock.ts';
import { startDelayMs } from './rollout.ts';
import type { DeploymentRecord, ServiceRecord } from './state.ts';

/** A container never comes up in no time on Fargate; without this, a crash loop here would be a busy loop. */
const SPACING_MS = 1000;

interface Pace {
  deployment: string;
  startFailures: number;
  lastStart: number;
  notBefore: number;
}

/**
 * When each service may start its next task. A task that ran is replaced at once; tasks that cannot be started are
 * tried less and less often. Kept in memory only: a restart, like a new deployment, forgives.
 */
export class StartPace {
  readonly #clock: Clock;
  readonly #firstDelayMs: () => number;
  readonly #paces = new Map<string, Pace>();

  /** `firstDelayMs`: how long a new deployment waits before its first task. */
  constructor(clock: Clock, firstDelayMs: () => number = () => 0) {
    this.#clock = clock;
    this.#firstDelayMs = firstDelayMs;
  }

  waitMs(service: ServiceRecord, deployment: DeploymentRecord): number {
    return Math.max(0, this.#of(service, deployment).notBefore - this.#clock.monotonic());
  }

  started(service: ServiceRecord, deployment: DeploymentRecord): void {
    this.#of(service, deployment).lastStart = this.#clock.monotonic();
  }

  failed(service: ServiceRecord, deployment: DeploymentRecord, { neverRan }: { neverRan: boolean }): void {
    const pace = this.#of(service, deployment);
    pace.startFailures = neverRan ? pace.startFailures + 1 : 0;
    const delayed = this.#clock.monotonic() + startDelayMs(pace.startFailures);
    pace.notBefore = Math.max(delayed, pace.lastStart + SPACING_MS);
  }

  /** The next task could not be placed and will be tried again. */
  postpone(service: ServiceRecord, deployment: DeploymentRecord, ms: number): void {
    this.#of(service, deployment).notBefore = this.#clock.monotonic() + ms;
  }

  forget({ arn }: ServiceRecord): void {
    this.#paces.delete(arn);
  }

  #of(service: ServiceRecord, { id }: DeploymentRecord): Pace {
    const known = this.#paces.get(service.arn);
    if (known?.deployment === id) return known;
    const notBefore = this.#clock.monotonic() + this.#firstDelayMs();
    const pace = { deployment: id, startFailures: 0, lastStart: Number.NEGATIVE_INFINITY, notBefore };
    this.#paces.set(service.arn, pace);
    return pace;
  }
}
