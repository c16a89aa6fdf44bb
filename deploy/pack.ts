import { strToU8, zipSync } from 'fflate';

/** The earliest moment that a zip file can name: the time of a build says nothing about what was built. */
const ALWAYS = new Date(1980, 0, 1);

/** A zip archive whose bytes depend on nothing but the files, which anybody may read. */
export function pack(files: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(files).map(([name, text]) => [
    name,
    [strToU8(text), { level: 9, mtime: ALWAYS, os: 3, attrs: 0o644 << 16 }] as const,
  ]);
  return zipSync(Object.fromEntries(entries) as Parameters<typeof zipSync>[0]);
}
