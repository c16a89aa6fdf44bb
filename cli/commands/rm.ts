import type { Command } from 'commander';
import type { PreviewView } from '../../preview/view.ts';
import { type Context, resolveId } from '../context.ts';
import { waitUntil } from '../waiting.ts';
import { hours } from '../arguments.ts';

interface RmOptions {
  wait?: boolean;
  timeout: number;
}

export function addRm(program: Command, context: () => Context): void {
  program
    .command('rm')
    .description('destroy previews')
    .argument('<id...>', 'ids, UUIDs or names')
    .option('--wait', 'wait until they are gone, and print their receipts')
    .option('--timeout <time>', 'how long to wait', hours, 5 / 60)
    .addHelpText(
      'after',
      '\nExamples:\n  tempus rm 550e8400 --wait\n  tempus rm $(tempus ls --phase Failed -o id)',
    )
    .action((ids: string[], options: RmOptions) => remove(ids, options, context()));
}

const isGone = ({ phase }: PreviewView) => phase === 'Deleted';

/** Asks for all before it waits for any: they go down together, and one that is unknown keeps no other alive. */
async function remove(typed: string[], { wait, timeout }: RmOptions, context: Context): Promise<void> {
  const { client, format, out, tell } = context;
  const asked = await Promise.allSettled(
    typed.map(async (id) => {
      const view = await client.delete(await resolveId(id, context));
      tell(`Destroying ${view.id} …`);
      return view;
    }),
  );
  const views: PreviewView[] = [];
  for (const view of asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))) {
    views.push(wait ? await waitUntil(view.preview_id, isGone, timeout * 3_600_000, context) : view);
  }
  if (format === 'json') out(JSON.stringify(views, undefined, 2));
  else for (const { id, preview_url } of views) out(format === 'url' ? preview_url : id);
  const refused = asked.find((each) => each.status === 'rejected');
  if (refused) throw refused.reason;
}
