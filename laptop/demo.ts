import type { TempusClient } from '../client/client.ts';
import type { Clock } from '../platform/clock.ts';
import { tellLife } from './story.ts';

/** Long enough to open the page, short enough to watch it go. */
export const DEMO_SECONDS = 45;

export interface DemoDeps {
  client: TempusClient;
  clock: Clock;
  print: (line: string) => void;
}

/** Creates a preview the way everybody does, and tells its life until it is gone, with its receipt. */
export async function runDemo({ client, clock, print }: DemoDeps, signal: AbortSignal): Promise<void> {
  const created = await client.create({ name: 'demo', ttl_hours: DEMO_SECONDS / 3600 });
  print(`Demo preview ${created.id}, which lives ${DEMO_SECONDS} seconds so that you can watch it go:`);
  await tellLife({ clock, print, first: created, get: () => client.get(created.preview_id) }, signal);
}
