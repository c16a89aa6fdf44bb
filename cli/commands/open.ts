import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import { type Context, resolveId } from '../context.ts';
import { Exit } from '../exit-codes.ts';

export function addOpen(program: Command, context: () => Context): void {
  program
    .command('open')
    .description('open a preview in the browser')
    .argument('<id>', 'id, UUID or name')
    .option('--print', 'only print its URL')
    .addHelpText('after', '\nExamples:\n  tempus open pr-12\n  curl -s $(tempus open pr-12 --print)')
    .action(async (id: string, { print }: { print?: boolean }) => {
      const own = context();
      const view = await own.client.get(await resolveId(id, own));
      if (view.preview_url === '') {
        const why = 'it gets one with its place on one of several load balancers';
        throw new Exit('conflict', `preview ${view.id} has no address yet`, why, `tempus show ${view.id}`);
      }
      if (own.format === 'json') own.out(JSON.stringify({ id: view.id, url: view.preview_url }));
      else if (print || own.format === 'url') own.out(view.preview_url);
      else if (own.format === 'id') own.out(view.id);
      if (!print) await openInBrowser(view.preview_url);
    });
}

async function openInBrowser(url: string): Promise<void> {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
  try {
    await once(child, 'spawn');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Exit('failed', 'the browser could not be opened', why, `open ${url} yourself, or use --print`);
  }
  child.unref();
}
