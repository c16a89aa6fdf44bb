import type { Command } from 'commander';
import type { PreviewEvent } from '../../preview/events.ts';
import { type Context, resolveId } from '../context.ts';

interface EventsOptions {
  follow?: boolean;
  json?: boolean;
}

const PAGE = 500;

export function addEvents(program: Command, context: () => Context): void {
  program
    .command('events')
    .description('what has happened to a preview, and by whom')
    .argument('<id>', 'id, UUID or name; of one whose record is gone, the UUID')
    .option('-f, --follow', 'go on until it is Deleted')
    .option('--json', 'the same as -o json: an object a line')
    .addHelpText('after', '\nExamples:\n  tempus events 550e8400\n  tempus events pr-12 -f')
    .action(async (id: string, options: EventsOptions) => {
      const own = context();
      const { format, interrupted, out } = own;
      const json = options.json === true || format === 'json';
      const events = options.follow ? follow(id, own) : pages(id, own);
      try {
        for await (const event of events) out(json ? JSON.stringify(event) : line(event));
      } catch (error) {
        // Ctrl-C is how following ends.
        if (!interrupted.aborted) throw error;
      }
    });
}

async function* follow(typed: string, context: Context): AsyncGenerator<PreviewEvent> {
  const { client, interrupted } = context;
  yield* client.followEvents(await resolveId(typed, context), { signal: interrupted });
}

async function* pages(typed: string, context: Context): AsyncGenerator<PreviewEvent> {
  const id = await resolveId(typed, context);
  let cursor: string | undefined;
  do {
    const page = await context.client.events(id, {
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    yield* page.items;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && !context.interrupted.aborted);
}

function line({ at, by, type, message }: PreviewEvent): string {
  return `${at}  ${by.padEnd(10)}  ${type.padEnd(17)}  ${message}`;
}
