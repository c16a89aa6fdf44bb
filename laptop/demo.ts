import type { TempusClient } from '../client/client.ts';
import type { Clock } from '../platform/clock.ts';
import { tellLife } from './story.ts';

/** Long enough to open the page, short enough to watch it go. */
const DEMO_SECONDS = 45;
/** With AWS's delays a preview is Ready after 45 to 90 s, and gone as long after its end. */
const AWS_SECONDS = 180;

export function demoSeconds(realism = 0): number {
  return DEMO_SECONDS + Math.ceil(AWS_SECONDS * realism);
}

export interface DemoDeps {
  client: TempusClient;
  clock: Clock;
  print: (line: string) => void;
  /** How long the preview lives. */
  seconds: number;
}

/** Creates a preview the way everybody does, and tells its life until it is gone, with its receipt. */
export async function runDemo(
  { client, clock, print, seconds }: DemoDeps,
  signal: AbortSignal,
): Promise<void> {
  const created = await client.create({ name: 'demo', ttl_hours: seconds / 3600 });
  print(`Demo preview ${created.id}, which lives ${seconds} seconds so that you can watch it go:`);
  await tellLife({ clock, print, first: created, get: () => client.get(created.preview_id) }, signal);
}
