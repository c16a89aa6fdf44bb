import { Realism } from '../../localcloud/realism/realism.ts';
import type { Stage } from '../../localcloud/realism/stages.ts';
import type { Clock } from '../../platform/clock.ts';
import { SeededRandom } from '../sim/random.ts';

interface Fixed {
  clock: Clock;
  /** What is not named takes no time. */
  delays?: Partial<Record<Stage, number>>;
  vcpus?: number;
  firingDelayMs?: number;
  /** What every decision by chance falls out as, from 0 to 1. */
  chance?: number;
}

/** AWS's limits, with delays and chances that a test decides. */
export class FixedRealism extends Realism {
  readonly #fixed: Fixed;

  constructor({ clock, vcpus, ...fixed }: Fixed) {
    super({ clock, random: new SeededRandom('fixed'), factor: 1, ...(vcpus === undefined ? {} : { vcpus }) });
    this.#fixed = { clock, ...fixed };
  }

  override delayMs(stage: Stage): number {
    return this.#fixed.delays?.[stage] ?? 0;
  }

  override firingDelayMs(): number {
    return this.#fixed.firingDelayMs ?? 0;
  }

  override chance(): number {
    return this.#fixed.chance ?? super.chance();
  }
}
