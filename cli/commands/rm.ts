import type { Command } from 'commander';
import type { PreviewView } from '../../preview/view.ts';
import { type Context, resolveId } from '../context.ts';
import { waitUntil } from '../waiting.ts';
import { hours } from './create.ts';

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
    .action(async (ids: string[], { wait, timeout }: { wait?: boolean; timeout: number }) => {
      const own = context();
      const known = await Promise.all(ids.map((id) => resolveId(id, own)));
      const views: PreviewView[] = [];
      for (const id of known) {
        const asked = await own.client.delete(id);
        own.tell(`Destroying ${asked.id} …`);
        views.push(
          wait ? await waitUntil(id, ({ phase }) => phase === 'Deleted', timeout * 3_600_000, own) : asked,
        );
      }
      if (own.format === 'json') own.out(JSON.stringify(views, undefined, 2));
      else for (const { id, preview_url } of views) own.out(own.format === 'url' ? preview_url : id);
    });
}
