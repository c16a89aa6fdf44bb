import { describe, expect, test } from 'vitest';

import { LineSplitter } from '../../localcloud/process-runtime/lines.ts';

function linesOf(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

describe('lines', () => {
  test('come out whole however the bytes are cut, also through a character', () => {
    const bytes = Buffer.from('añb\n\nç€\r\nend');
    for (let i = 0; i <= bytes.length; i += 1) {
      expect(linesOf([bytes.subarray(0, i), bytes.subarray(i)])).toEqual(['añb', '', 'ç€', 'end']);
    }
  });

  test('longer than 16 K come in pieces that lose nothing', () => {
    const long = 'x'.repeat(40_000);
    const pieces = linesOf([Buffer.from(`${long}\nshort\n${long}`)]);
    expect(pieces.every((line) => line.length <= 16 * 1024)).toBe(true);
    expect(pieces.join('')).toBe(`${long}short${long}`);
  });

  test('keep their colours', () => {
    expect(linesOf([Buffer.from('\u001B[31mred\u001B[0m\n')])).toEqual(['\u001B[31mred\u001B[0m']);
  });
});
