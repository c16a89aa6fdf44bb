import { SchedulerModel } from '../../localcloud/scheduler/model.ts';
import { silentLog as log } from '../../platform/log.ts';
import type { CloudState, SimCloud } from './cloud.ts';
import { clockOf, type VirtualTime } from './virtual-time.ts';

/** Snapshots older than any stale read may be are forgotten. */
const KEPT_MS = 60_000;

/**
 * What AWS was like a moment ago. AWS's reads are eventually consistent: one may miss what was just made, or show
 * what was just deleted. Costs a copy of the state at every change, so it is on only where stale reads are.
 */
export class StaleReads {
  readonly #time: VirtualTime;
  readonly #cloud: SimCloud;
  #snapshots: { at: number; state: CloudState }[] = [];

  constructor(time: VirtualTime, cloud: SimCloud) {
    this.#time = time;
    this.#cloud = cloud;
  }

  /** To be called just before anything changes. */
  remember(): void {
    const at = this.#time.ms;
    this.#snapshots = this.#snapshots.filter((one) => one.at >= at - KEPT_MS);
    this.#snapshots.push({ at, state: structuredClone(this.#cloud.state) });
  }

  /** The answer to a read as of `ms` ago; undefined where nothing has changed since, or where age makes no sense. */
  read(service: string, call: string, input: unknown, ms: number): Promise<unknown> | undefined {
    const since = this.#time.ms - ms;
    const then = this.#snapshots.find(({ at }) => at > since)?.state;
    if (!then) return undefined;
    // Target health lives outside the state; see localcloud/elbv2/target-health.ts.
    if (call === 'describeTargetHealth') return undefined;
    const models: Record<string, object> = {
      ...this.#cloud.modelsOf(then),
      scheduler: this.#schedulerOf(then),
    };
    const model = models[service] as Record<string, (input: unknown) => Promise<unknown>> | undefined;
    return model?.[call]?.(input);
  }

  #schedulerOf({ scheduler }: CloudState): SchedulerModel {
    const state = { load: () => scheduler, save: () => undefined };
    return new SchedulerModel({ clock: clockOf(this.#time), log, state, invoke: () => Promise.resolve() });
  }
}
