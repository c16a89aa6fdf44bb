import type { Command } from 'commander';
import { type Context, resolveId, show } from '../context.ts';

export function addRetry(program: Command, context: () => Context): void {
  program
    .command('retry')
    .description('try again what has failed, without changing it')
    .argument('<id>', 'id, UUID or name')
    .addHelpText('after', '\nExamples:\n  tempus retry 550e8400\n  tempus retry pr-12 && tempus show pr-12')
    .action(async (id: string) => {
      const own = context();
      const view = await own.client.retry(await resolveId(id, own));
      own.tell(`Trying ${view.id} again …`);
      show(view, own, () => own.out(view.id));
    });
}
