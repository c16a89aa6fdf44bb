import { type Command } from 'commander';
import type { PreviewEvent } from '../../preview/events.ts';
import { type Context, resolveId } from '../context.ts';

const FOLLOW_MS = 1_000;

export function addEvents(program: Command, context: () => Context): void {
  program
    .command('events')
    .description('what has happened to a preview, and by whom')
    .argument('<id>', 'id, UUID or name')
    .option('-f, --follow', 'go on until it is Deleted')
    .addHelpText('after', '\nExamples:\n  tempus events 550e8400\n  tempus events pr-12 -f')
    .action((id: string, options: { follow?: boolean }) => tell(id, options.follow ?? false, context()));
}

async function tell(typed: string, follow: boolean, context: Context): Promise<void> {
  const { client, clock, format, out, interrupted } = context;
  const id = await resolveId(typed, context);
  let cursor: string | undefined;
  while (!interrupted.aborted) {
    const { items, next_cursor } = await client.events(id, cursor);
    for (const event of items) out(format === 'json' ? JSON.stringify(event) : line(event));
    cursor = items.at(-1)?.sequence ?? cursor;
    if (next_cursor !== null) continue;
    if (!follow || items.some(isEnd)) return;
    await clock.sleep(FOLLOW_MS, interrupted);
  }
}

function isEnd({ type, message }: PreviewEvent): boolean {
  return type === 'Purged' || (type === 'PhaseChanged' && message.endsWith('→ Deleted'));
}

function line({ at, by, type, message }: PreviewEvent): string {
  return `${at}  ${by.padEnd(10)}  ${type.padEnd(17)}  ${message}`;
}
