import { eventPattern } from '../../lambda/observe.ts';
import type { CloudEvent, Happening } from '../../localcloud/events/event.ts';
import { toSeconds } from '../../platform/clock.ts';
import { matches } from '../fakes/event-pattern.ts';
import { CONFIG } from './config.ts';
import type { SeededRandom } from './random.ts';
import { EPOCH, type VirtualTime } from './virtual-time.ts';

/** How much goes wrong on the way from ECS to the function, as shares of the events. */
export interface EventFaults {
  lost: number;
  doubled: number;
  /** Late by minutes: after many that happened later. */
  late: number;
}

export const ALL_HEARD: EventFaults = { lost: 0, doubled: 0, late: 0 };

export interface SimEventsDeps {
  time: VirtualTime;
  random: SeededRandom;
  faults: EventFaults;
  /** Invokes lambda/observe; rejects where it fails. */
  invoke: (event: CloudEvent) => Promise<void>;
}

const ACCOUNT = { region: 'us-east-1', account: '000000000000' };
const PATTERN = eventPattern({ ...ACCOUNT, cluster: CONFIG.cluster }) as Record<string, unknown>;
/** On their way events overtake each other, as on AWS. */
const [SOONEST_MS, LATEST_MS] = [50, 3_000];
const [LATE_MS, LATER_MS] = [10_000, 180_000];
/** Lambda tries a failed event again after a minute, and once more after two. */
const RETRIES_MS = [60_000, 120_000];

/** EventBridge between ECS and the function that observes: it loses, doubles, delays and reorders. */
export class SimEvents {
  faults: EventFaults;
  on = true;
  /** How often the function was invoked. */
  invoked = 0;
  readonly #deps: SimEventsDeps;

  constructor(deps: SimEventsDeps) {
    this.#deps = deps;
    this.faults = deps.faults;
  }

  publish(happening: Happening): void {
    const { time, random } = this.#deps;
    const { lost, doubled, late } = this.faults;
    const event: CloudEvent = {
      ...ACCOUNT,
      ...happening,
      version: '0',
      id: random.uuid(),
      time: toSeconds(new Date(EPOCH + time.ms)),
      detail: structuredClone(happening.detail),
    };
    if (!matches(PATTERN, event as unknown as Record<string, unknown>) || random.chance(lost)) return;
    for (let copies = random.chance(doubled) ? 2 : 1; copies > 0; copies -= 1) {
      const [least, most] = random.chance(late) ? [LATE_MS, LATER_MS] : [SOONEST_MS, LATEST_MS];
      time.schedule(random.int(least, most), () => this.#deliver(event, RETRIES_MS));
    }
  }

  #deliver(event: CloudEvent, [pause, ...retries]: readonly number[]): void {
    if (!this.on) return;
    const { time, invoke } = this.#deps;
    this.invoked += 1;
    invoke(event).catch(() => {
      if (pause !== undefined) time.schedule(pause, () => this.#deliver(event, retries));
    });
  }
}
