import { createInterface } from 'node:readline/promises';

/** The only doors to stdout and stderr for what people read; logs go through platform/log.ts. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What somebody types on one line; undefined where nobody can, or stops with Ctrl-D. */
export async function ask(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await Promise.race([
      lines.question(question),
      new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined))),
    ]);
  } finally {
    lines.close();
  }
}

/** Ends quietly when whoever reads stdout has gone, as `| head` does: nobody is left to tell. */
export function exitWhenUnread(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
