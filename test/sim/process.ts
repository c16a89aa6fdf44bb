import type { Clock } from '../../platform/clock.ts';
import { clockOf, type VirtualTime } from './virtual-time.ts';

export type Role = 'controller' | 'api' | 'lambda' | 'observe';

/**
 * One process of Tempus. Killed, its timers and answers never arrive: the code that waits for them never goes on.
 * Paused, they arrive when it resumes, while the clocks have gone on, as after a long stop of a virtual machine.
 */
export class SimProcess {
  readonly role: Role;
  readonly clock: Clock;
  /** How far its wall clock is off; steps when changed. */
  skewMs = 0;
  readonly #time: VirtualTime;
  readonly #onKilled: () => void;
  #alive = true;
  #pausedUntil = 0;

  constructor(role: Role, time: VirtualTime, onKilled: () => void = () => undefined) {
    this.role = role;
    this.#time = time;
    this.#onKilled = onKilled;
    this.clock = clockOf(time, { skewMs: () => this.skewMs, deliver: (fire) => this.deliver(fire) });
  }

  get alive(): boolean {
    return this.#alive;
  }

  get resumesIn(): number {
    return Math.max(0, this.#pausedUntil - this.#time.ms);
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#onKilled();
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#time.ms + ms);
  }

  /** Lets something happen inside the process, now or when it resumes, or never. */
  deliver(fire: () => void): void {
    if (!this.#alive) return;
    if (this.#time.ms < this.#pausedUntil) {
      this.#time.schedule(this.#pausedUntil - this.#time.ms, () => this.deliver(fire));
    } else fire();
  }
}
