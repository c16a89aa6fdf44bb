import { Metrics } from '../platform/metrics.ts';
import type { Health, Supervision } from '../platform/supervision.ts';
import type { ControllerDeps } from './deps.ts';
import { isAlive, isReady } from './health.ts';
import { LeaderLease } from './lease.ts';
import { ControllerMetrics } from './metrics.ts';
import { Term } from './term.ts';
import { within } from './within.ts';

export type { ControllerDeps, ControllerTimes } from './deps.ts';

/** Consumes the table's stream and its lists, and runs passes over previews, while it is the leader. */
export class Controller implements Supervision {
  readonly #deps: ControllerDeps;
  readonly #lease: LeaderLease;
  readonly #registry: Metrics;
  readonly #metrics: ControllerMetrics;
  #term: Term | undefined;
  /** Everything that the last term had begun. */
  #begun: Promise<unknown> = Promise.resolve();

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    const { coordination, clock, log, owner, home, leaseTimes, config } = deps;
    this.#lease = new LeaderLease({
      coordination,
      clock,
      log,
      owner,
      ...(home === undefined ? {} : { home }),
      ...(leaseTimes ? { times: leaseTimes } : {}),
    });
    this.#registry = deps.metrics ?? new Metrics();
    this.#metrics = new ControllerMetrics({
      metrics: this.#registry,
      albs: config.albs,
      vitals: () => this.#term?.vitals,
    });
  }

  get isLeader(): boolean {
    return this.#lease.isHeld;
  }

  metrics(): Promise<string> {
    return this.#registry.text();
  }

  alive(): Health {
    return isAlive(this.#lease);
  }

  ready(): Health {
    return isReady(this.#lease, this.#term?.vitals, this.#deps.clock);
  }

  /** Leads, or stands by to lead, until `signal` aborts; resolves when every pass that had begun has ended. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#lease.run((tenure) => this.#lead(tenure), signal);
    await this.#begun;
  }

  /**
   * One term. Told to stop, it reads and takes no more, and gives the passes that run a while to end under the lease;
   * then it returns, so that the lease goes to a standby, and the fence refuses what they still try. When the lease was
   * lost the fence has closed already, and it waits for their true end: no process ever works off two queues at once.
   */
  async #lead(tenure: AbortSignal): Promise<void> {
    const { clock, times } = this.#deps;
    const term = new Term({ controller: this.#deps, lease: this.#lease, metrics: this.#metrics });
    this.#term = term;
    try {
      const parts = term.run(tenure);
      await Promise.race([aborted(tenure), parts]);
      this.#begun = Promise.all([term.stop(), parts]);
      if (this.#lease.isHeld) return await within(this.#begun, times.drain_ms, clock);
      this.#metrics.onLost();
      await this.#begun;
    } finally {
      this.#term = undefined;
      void term.stop();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
