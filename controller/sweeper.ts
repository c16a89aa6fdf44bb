import { toSeconds } from '../platform/clock.ts';
import { jitter, type Random } from '../platform/random.ts';
import { isOpen, type SweepBoard, type SweepReport } from '../preview/sweep-board.ts';
import { type Leave, type Sightings, sweep, type SweepDeps } from '../reconcilers/sweep.ts';

export interface SweeperDeps extends Omit<SweepDeps, 'signal'> {
  random: Random;
  board: SweepBoard;
  onSwept?: (report: SweepReport) => void;
}

/** A request is looked for this often between two sweeps: somebody waits for it. */
const REQUEST_MS = 15_000;

/**
 * The leader's loop of sweeps. What it has seen it keeps in memory: a new leader counts the age of every orphan anew,
 * which is later and never too early.
 */
export class Sweeper {
  readonly #deps: SweeperDeps;
  readonly #sightings: Sightings = new Map();
  #last: SweepReport | undefined;

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, config, random } = this.#deps;
    let due = clock.monotonic();
    let met: string | undefined;
    while (!signal.aborted) {
      const leave = await this.#leave();
      // One that a sweep has left for later, since what it is meant for is too young, hurries nobody any more.
      if ((leave && leave.request_id !== met) || clock.monotonic() >= due) {
        await this.#sweep(leave, signal);
        met = leave?.request_id;
        due = clock.monotonic() + jitter(random, config.sweep_ms);
      }
      await clock.sleep(Math.min(REQUEST_MS, Math.max(0, due - clock.monotonic())), signal);
    }
  }

  /** A request that nobody has used yet; the sweep that needs it marks it used, and only then acts on it. */
  async #leave(): Promise<Leave | undefined> {
    const { board, clock, log } = this.#deps;
    try {
      const request = await board.readRequest();
      if (!request || !isOpen(request, clock.now())) return undefined;
      const { request_id, max } = request;
      return { request_id, max, take: () => board.useRequest(request_id, toSeconds(clock.now())) };
    } catch (error) {
      log.warn({ err: error }, 'could not read the sweep request');
      return undefined;
    }
  }

  async #sweep(leave: Leave | undefined, signal: AbortSignal): Promise<void> {
    const { board, clock, log, onSwept } = this.#deps;
    try {
      const report = await this.#attempt(leave, signal);
      this.#last ??= await board.readReport();
      onSwept?.(report);
      this.#last = await board.writeReport(report, this.#last);
      log.debug({ orphans: report.orphans.length, deleted: report.deleted.length, at: clock.now() }, 'swept');
    } catch (error) {
      log.warn({ err: error }, 'could not write the sweep report');
    }
  }

  async #attempt(leave: Leave | undefined, signal: AbortSignal): Promise<SweepReport> {
    try {
      return await sweep(this.#sightings, leave, { ...this.#deps, signal });
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'sweep aborted');
      const aborted = error instanceof Error ? error.name : String(error);
      const before = this.#last ?? { orphans: [], kept: [], breaker: null };
      const { orphans, kept, breaker } = before;
      const at = toSeconds(this.#deps.clock.now());
      return { at, orphans, kept, breaker, deleted: [], aborted, request_id: null };
    }
  }
}
