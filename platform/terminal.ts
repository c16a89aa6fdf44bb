/** The only doors to stdout and stderr for what people read; logs go through platform/log.ts. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}
