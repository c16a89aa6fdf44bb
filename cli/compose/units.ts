/** A value as it stands in the file. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

const SECONDS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };
const BYTES: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Whole seconds of a duration such as `1m30s`, rounded up; undefined for what is none. */
export function secondsOf(duration: unknown): number | undefined {
  if (typeof duration === 'number') return Math.ceil(duration);
  if (typeof duration !== 'string' || !/^(\d+(\.\d+)?(h|ms|us|ns|m|s))+$/.test(duration)) return undefined;
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)/g)];
  return Math.ceil(
    parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (SECONDS[unit] ?? 0), 0),
  );
}

/** MiB of a size such as `512M`, `1.5gb` or a number of bytes, rounded up; undefined for what is none. */
export function mebibytesOf(size: unknown): number | undefined {
  const [, count, unit = 'b'] = /^(\d+(?:\.\d+)?)\s*([bkmg])?(?:i?b)?$/i.exec(textOf(size)) ?? [];
  return count === undefined
    ? undefined
    : Math.ceil((Number(count) * (BYTES[unit.toLowerCase()] ?? 1)) / 2 ** 20);
}

/** The words of a command line, with quotes and backslashes as a shell reads them and nothing else of a shell. */
export function wordsOf(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? '';
    if (char === '\\' && quote !== "'") {
      at += 1;
      word = (word ?? '') + (line[at] ?? '');
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}
