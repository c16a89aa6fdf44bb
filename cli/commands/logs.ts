import { type Command, InvalidArgumentError } from 'commander';
import { type Context, resolveId } from '../context.ts';

interface LogsOptions {
  follow?: boolean;
  tail?: number;
  since?: string;
}

function lineCount(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('give a number of lines');
  return Number(text);
}

export function addLogs(program: Command, context: () => Context): void {
  program
    .command('logs')
    .description('what a preview wrote to stdout and stderr')
    .argument('<id>', 'id, UUID or name')
    .option('-f, --follow', 'go on with what it writes next')
    .option('--tail <lines>', 'only the last lines', lineCount)
    .option('--since <time>', 'only lines since then: 10m, or 2026-01-31T18:00:00Z')
    .addHelpText('after', '\nExamples:\n  tempus logs 550e8400 --tail 50\n  tempus logs pr-12 -f')
    .action(async (id: string, options: LogsOptions) => {
      const own = context();
      const { client, format, out, interrupted } = own;
      const lines = client.logs(await resolveId(id, own), { ...options, signal: interrupted });
      try {
        for await (const line of lines) out(format === 'json' ? JSON.stringify({ message: line }) : line);
      } catch (error) {
        // Ctrl-C is how following ends.
        if (!interrupted.aborted) throw error;
      }
    });
}
