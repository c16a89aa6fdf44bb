import { systemClock as clock } from '../../../platform/clock.ts';
import { attribute, heldCalls, type Shares } from './attribution.ts';
import { Install, type InstallOptions } from './install.ts';
import { rateFloors } from './rate-floor.ts';
import type { Timeline } from './timeline.ts';

export interface RunOptions extends InstallOptions {
  previews: number;
  /** Between two requests for a preview; 0 for all at once. */
  every_ms: number;
  /** Until all of them are Ready, from the last request on. */
  within_ms: number;
}

const LOOK_MS = 100;
/** The events of ECS come late, at most about this much, and tell when each task changed. */
const EVENTS_LATE_MS = 12_000;

/** An install in which so many previews come up; answers how each of them got Ready. */
export async function timelinesOf(options: RunOptions): Promise<Timeline[]> {
  const install = await Install.start(options);
  try {
    const asked: Promise<string>[] = [];
    for (let n = 0; n < options.previews; n += 1) {
      if (n > 0 && options.every_ms > 0) await clock.sleep(options.every_ms);
      asked.push(install.create());
    }
    const ids = await Promise.all(asked);
    const end = clock.monotonic() + options.within_ms;
    while (!ids.every((id) => install.isReady(id))) {
      const missing = ids.filter((id) => !install.isReady(id)).length;
      if (clock.monotonic() > end) throw new Error(`${missing} previews are not Ready in time`);
      await clock.sleep(LOOK_MS);
    }
    await clock.sleep(EVENTS_LATE_MS * options.realism);
    const rules = await install.rules();
    return ids.map((id) => install.sightings.timeline(id, rules));
  } finally {
    await install.stop();
  }
}

/** Whose the time of each preview is. */
export function sharesOf(timelines: readonly Timeline[]): Shares[] {
  const floors = rateFloors(timelines.flatMap(heldCalls));
  return timelines.map((timeline) => attribute(timeline, floors));
}
