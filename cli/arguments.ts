import { InvalidArgumentError } from 'commander';
import { type Arch, ARCHES } from '../preview/spec-fields.ts';
import { parseHours } from './duration.ts';

// What is typed behind an option, read for commander: a mistake is told with the option's name.

/** A time such as `4h`, in hours. */
export function hours(text: string): number {
  const parsed = parseHours(text);
  if (parsed === undefined)
    throw new InvalidArgumentError('give a time such as 4h, 90m, 45s, or a number of hours');
  return parsed;
}

/** A count. */
export function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('give a whole number');
  return Number(text);
}

/** `KEY=VALUE`, added to those before it. */
export function pair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('give KEY=VALUE');
  return { ...before, [key]: value };
}

/** Docker and uname call the same processors otherwise. */
const ARCH_OF: Readonly<Record<string, Arch>> = {
  x86_64: 'X86_64',
  amd64: 'X86_64',
  arm64: 'ARM64',
  aarch64: 'ARM64',
};

/** A processor, in whichever word for it. */
export function archOf(text: string): Arch {
  const arch = ARCH_OF[text.toLowerCase()];
  if (arch === undefined) throw new InvalidArgumentError(`give ${ARCHES.join(' or ')}`);
  return arch;
}
