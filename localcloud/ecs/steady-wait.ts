import type { Clock } from '../../platform/clock.ts';
import type { DeploymentRecord } from './state.ts';

/** How long each rollout that has all that it wants still waits before ECS calls it complete. */
export class SteadyWait {
  readonly #clock: Clock;
  readonly #delayMs: () => number;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock, delayMs: () => number = () => 0) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** 0 once the deployment has been steady for long enough. */
  steadyIn({ id }: DeploymentRecord): number {
    const now = this.#clock.monotonic();
    const until = this.#until.get(id) ?? now + this.#delayMs();
    this.#until.set(id, until);
    return Math.max(0, until - now);
  }

  forget({ id }: DeploymentRecord): void {
    this.#until.delete(id);
  }
}
