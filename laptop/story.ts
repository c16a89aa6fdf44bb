import type { Clock } from '../platform/clock.ts';
import { receiptLine } from '../preview/receipt.ts';
import type { PreviewView } from '../preview/view.ts';

/** Seconds since the story began, `00:07`. */
export function stamp(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${twoDigits(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}`;
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0');
}

/** One line of a preview's life, for the phase it has just reached. */
export function phaseLine(view: PreviewView): string {
  const why = view.conditions.find(({ type }) => type === 'Ready');
  switch (view.phase) {
    case 'Ready':
      return `Ready         ${view.preview_url}`;
    case 'Failed':
    case 'Degraded':
      return `${view.phase.padEnd(13)} ${why?.reason ?? ''}: ${why?.message ?? ''}`;
    case 'Deleting':
      return `Deleting      ${view.deletion?.reason === 'Expired' ? 'its time is up' : (view.deletion?.reason ?? '')}`;
    case 'Deleted':
      return `Deleted       ${receiptLine(view)}`;
    case 'Pending':
    case 'Provisioning':
    case 'Updating':
      return view.phase;
  }
}

export interface StoryDeps {
  clock: Clock;
  /** The preview as its creation answered it: the first line. */
  first: PreviewView;
  get: () => Promise<PreviewView>;
  print: (line: string) => void;
}

const LOOK_MS = 50;

/** Tells the life of one preview, a line a phase, until it is Deleted or `signal` aborts. */
export async function tellLife({ clock, first, get, print }: StoryDeps, signal: AbortSignal): Promise<void> {
  const start = clock.monotonic();
  const tell = (view: PreviewView) => print(`  ${stamp(clock.monotonic() - start)}  ${phaseLine(view)}`);
  let { phase } = first;
  tell(first);
  while (phase !== 'Deleted') {
    await clock.sleep(LOOK_MS, signal);
    if (signal.aborted) return;
    const view = await get();
    if (view.phase !== phase) tell(view);
    phase = view.phase;
  }
}
