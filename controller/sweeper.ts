import { toSeconds } from '../platform/clock.ts';
import { jitter, type Random } from '../platform/random.ts';
import type { SweepBoard, SweepReport, SweepRequest } from '../preview/sweep-board.ts';
import { type Sightings, sweep, type SweepDeps } from '../reconcilers/sweep.ts';

export interface SweeperDeps extends SweepDeps {
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
    while (!signal.aborted) {
      const request = await this.#request();
      if (request || clock.monotonic() >= due) {
        await this.#sweep(request);
        due = clock.monotonic() + jitter(random, config.sweep_ms);
      }
      await clock.sleep(Math.min(REQUEST_MS, Math.max(0, due - clock.monotonic())), signal);
    }
  }

  /** A request that nobody has used yet; the one who marks it used is the one who acts on it. */
  async #request(): Promise<SweepRequest | undefined> {
    const { board, clock, log } = this.#deps;
    try {
      const request = await board.readRequest();
      if (!request || request.used_at !== undefined) return undefined;
      const mine = await board.useRequest(request.request_id, toSeconds(clock.now()));
      return mine ? request : undefined;
    } catch (error) {
      log.warn({ err: error }, 'could not read the sweep request');
      return undefined;
    }
  }

  async #sweep(request: SweepRequest | undefined): Promise<void> {
    const { board, clock, log, onSwept } = this.#deps;
    try {
      const report = await this.#attempt(request);
      this.#last ??= await board.readReport();
      this.#last = await board.writeReport(report, this.#last);
      onSwept?.(report);
      log.debug({ orphans: report.orphans.length, deleted: report.deleted.length, at: clock.now() }, 'swept');
    } catch (error) {
      log.warn({ err: error }, 'could not write the sweep report');
    }
  }

  async #attempt(request: SweepRequest | undefined): Promise<SweepReport> {
    try {
      return await sweep(this.#sightings, request, this.#deps);
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'sweep aborted');
      const aborted = error instanceof Error ? error.name : String(error);
      const before = this.#last ?? { orphans: [], kept: [], breaker: null };
      const { orphans, kept, breaker } = before;
      const at = toSeconds(this.#deps.clock.now());
      const request_id = request?.request_id ?? null;
      return { at, orphans, kept, breaker, deleted: [], aborted, request_id };
    }
  }
}
