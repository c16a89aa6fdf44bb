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
  /** How long after its time a schedule fires this time; absent: at once. */
  lateMs?: (() => number) | undefined;
  /** A one-time schedule has been invoked, with or without success. */
  onFired: (schedule: StoredSchedule) => void;
}

interface Armed {
  schedule: StoredSchedule;
  cancel?: () => void;
  /** Ends the retries of the latest invocation. */
  retries: AbortController;
}

/** The wall clock is looked at again this often: it steps, and a laptop sleeps. */
const LOOK_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10 * 60_000;

/** The timers of all enabled schedules, and the invocations that they have begun. */
export class Firing {
  readonly #deps: FiringDeps;
  readonly #armed = new Map<string, Armed>();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;

  constructor(deps: FiringDeps) {
    this.#deps = deps;
  }

  /**
   * Sets the timer of a schedule anew, or takes it away where it has nothing to fire for. A one-time schedule whose
   * time has passed, while this process was down or before it was created, fires at once. A new rate starts at once,
   * as AWS documents it; one that was kept goes on in its own rhythm.
   */
  arm(schedule: StoredSchedule, from: 'new' | 'kept'): void {
    this.disarm(schedule.arn);
    if (this.#stopped || schedule.state === 'DISABLED' || schedule.fired) return;
    const armed: Armed = { schedule, retries: new AbortController() };
    this.#armed.set(schedule.arn, armed);
    const { clock, minuteMs, onFired } = this.#deps;
    const timing = parseExpression(schedule.expression);
    if (timing.kind === 'at') {
      const late = this.#lateMs();
      const remaining = () => timing.at.getTime() + late - clock.now().getTime();
      this.#wait(armed, remaining, () => this.#run(armed, () => onFired(schedule)));
    } else {
      const everyMs = timing.minutes * minuteMs;
      const age = clock.now().getTime() - Date.parse(schedule.modifiedAt);
      const firstMs = from === 'new' ? 0 : everyMs - (Math.max(age, 0) % everyMs);
      this.#repeat(armed, clock.monotonic() + firstMs, everyMs);
    }
  }

  /** No further firing and no further retry; an invocation that runs goes on to its end. */
  disarm(arn: string): void {
    const armed = this.#armed.get(arn);
    armed?.cancel?.();
    armed?.retries.abort();
    this.#armed.delete(arn);
  }

  /** No timer is left, and every invocation that had begun has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const arn of this.#armed.keys()) this.disarm(arn);
    await Promise.all(this.#running);
  }

  #wait(armed: Armed, remaining: () => number, fire: () => void): void {
    const ms = Math.min(Math.max(remaining(), 0), LOOK_MS);
    armed.cancel = this.#deps.clock.after(ms, () => {
      if (remaining() > 0) this.#wait(armed, remaining, fire);
      else fire();
    });
  }

  /** Rates run on the monotonic clock: a step of the wall clock must not hold them up. */
  #repeat(armed: Armed, due: number, everyMs: number): void {
    const { clock } = this.#deps;
    const late = this.#lateMs();
    this.#wait(
      armed,
      () => due + late - clock.monotonic(),
      () => {
        const missed = Math.floor((clock.monotonic() - due - late) / everyMs);
        this.#repeat(armed, due + (missed + 1) * everyMs, everyMs);
        // A target that fails for long would gather the retries of every firing; the newest one's are enough.
        armed.retries.abort();
        armed.retries = new AbortController();
        this.#run(armed, () => undefined);
      },
    );
  }

  #lateMs(): number {
    return this.#deps.lateMs?.() ?? 0;
  }

  #run({ schedule, retries }: Armed, onOver: () => void): void {
    const run = this.#invoke(schedule, retries.signal)
      .then((over) => (over ? onOver() : undefined))
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error, schedule: schedule.arn }, 'failed to record a firing');
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** Answers whether it is over, in success or for good; false where it was cut off between two tries. */
  async #invoke({ arn, target }: StoredSchedule, signal: AbortSignal): Promise<boolean> {
    const { clock, log, invoke } = this.#deps;
    const { MaximumRetryAttempts, MaximumEventAgeInSeconds } = target.RetryPolicy;
    const start = clock.monotonic();
    for (let attempt = 0; ; attempt += 1) {
      try {
        await invoke(target.Arn ?? '', target.Input);
        return true;
      } catch (error) {
        const pause = Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS);
        const age = clock.monotonic() - start + pause;
        if (attempt >= MaximumRetryAttempts || age > MaximumEventAgeInSeconds * 1000) {
          log.error(
            { err: error, schedule: arn, attempts: attempt + 1 },
            'gave up on the target of a schedule',
          );
          return true;
        }
        log.warn({ err: error, schedule: arn, attempt }, 'failed to invoke the target of a schedule');
        await clock.sleep(pause, signal);
        if (signal.aborted) return false;
      }
    }
  }
}
