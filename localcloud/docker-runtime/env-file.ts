import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a line of an env file can hold as it is; Docker reads lines of up to 64 KiB. */
const NAME = /^[A-Za-z_][\w.-]*$/;
const MAX_LINE_BYTES = 60_000;

function fitsLine([name, value]: readonly [string, string]): boolean {
  return (
    NAME.test(name) &&
    !/[\r\n]/.test(value) &&
    Buffer.byteLength(name) + Buffer.byteLength(value) < MAX_LINE_BYTES
  );
}

/**
 * Runs `work` with the arguments that hand `env` to Docker. They name a file that only this user can read, because
 * the arguments of a process can be read by everybody; a value of several lines fits no such file and is one.
 */
export async function withEnvArgs<T>(
  env: Readonly<Record<string, string>>,
  { folder, name }: { folder: string; name: string },
  work: (args: string[]) => Promise<T>,
): Promise<T> {
  const entries = Object.entries(env);
  const lines = entries.filter(fitsLine).map(([key, value]) => `${key}=${value}\n`);
  const rest = entries.filter((entry) => !fitsLine(entry)).map(([key, value]) => `--env=${key}=${value}`);
  const file = join(folder, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(file, lines.join(''), { mode: 0o600 });
    return await work([`--env-file=${file}`, ...rest]);
  } finally {
    await rm(file, { force: true });
  }
}
