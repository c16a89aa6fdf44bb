import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { parseExpression } from './expression.ts';
import type { StoredSchedule } from './state.ts';
import type { Invoke } from './targets.ts';

export interface FiringDeps {
  clock: Clock;
  log: Log;
  invoke: Invoke;
  /** How long a minute of a rate lasts. */
  minuteMs: number;
  /** A one-time schedule has been invoked, with or without success. */
  onFired: (schedule: StoredSchedule) => void;
}

/** Node's timers hold at most this many milliseconds; a longer wait is taken in parts. */
const LONGEST_MS = 2 ** 31 - 1;
/** AWS's own default is 185 retries over a day; a target of this model that fails thrice will fail again. */
const TRIES = 3;
const RETRY_MS = 1_000;

/** The timers of all enabled schedules. */
export class Firing {
  readonly #deps: FiringDeps;
  readonly #cancels = new Map<string, () => void>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(deps: FiringDeps) {
    this.#deps = deps;
  }

  /** Sets the timer of a schedule anew, or takes it away where it has nothing to fire for. */
  arm(schedule: StoredSchedule): void {
    this.disarm(schedule.arn);
    const timing = parseExpression(schedule.expression, undefined);
    if (typeof timing === 'string' || schedule.state === 'DISABLED' || schedule.fired) return;
    if (timing.kind === 'at') {
      // One that came due while this process was down fires at once, as late as it is.
      this.#wait(schedule, timing.at.getTime() - this.#deps.clock.now().getTime());
    } else {
      this.#repeat(schedule, timing.minutes * this.#deps.minuteMs);
    }
  }

  disarm(arn: string): void {
    this.#cancels.get(arn)?.();
    this.#cancels.delete(arn);
  }

  /** No timer is left, and every invocation that had begun has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const arn of this.#cancels.keys()) this.disarm(arn);
    await Promise.all(this.#running);
  }

  #wait(schedule: StoredSchedule, ms: number): void {
    const { clock, onFired } = this.#deps;
    const part = Math.min(Math.max(ms, 0), LONGEST_MS);
    const cancel = clock.after(part, () => {
      this.#cancels.delete(schedule.arn);
      if (part < ms) this.#wait(schedule, ms - part);
      else this.#run(schedule, () => onFired(schedule));
    });
    this.#cancels.set(schedule.arn, cancel);
  }

  #repeat(schedule: StoredSchedule, everyMs: number): void {
    const cancel = this.#deps.clock.after(everyMs, () => {
      this.#repeat(schedule, everyMs);
      this.#run(schedule, () => undefined);
    });
    this.#cancels.set(schedule.arn, cancel);
  }

  #run(schedule: StoredSchedule, after: () => void): void {
    const run = this.#invoke(schedule).then(() => (this.#stop.signal.aborted ? undefined : after()));
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
  }

  async #invoke({ name, target }: StoredSchedule): Promise<void> {
    const { clock, log, invoke } = this.#deps;
    for (let attempt = 1; attempt <= TRIES && !this.#stop.signal.aborted; attempt += 1) {
      try {
        await invoke(target.Arn ?? '', target.Input);
        return;
      } catch (error) {
        log.warn({ err: error, schedule: name, attempt }, 'schedule target failed');
        if (attempt < TRIES) await clock.sleep(RETRY_MS, this.#stop.signal);
      }
    }
  }
}
