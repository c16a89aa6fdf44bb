import { expect, test } from 'vitest';
import { parseHours } from '../../cli/duration.ts';
import { formatSpan } from '../../platform/span.ts';
import { serverAddress, isThisMachine } from '../../cli/server-address.ts';
import { formatTable } from '../../cli/table.ts';

test.each<[string, number | undefined]>([
  ['4h', 4],
  ['90m', 1.5],
  ['45s', 45 / 3600],
  ['1d', 24],
  ['1h30m', 1.5],
  ['2', 2],
  ['0.5', 0.5],
  ['1.5h', 1.5],
  ['', undefined],
  ['h', undefined],
  ['4 hours', undefined],
  ['-1h', undefined],
  ['1e3', undefined],
])('%j is %s hours', (text, hours) => {
  if (hours === undefined) expect(parseHours(text)).toBeUndefined();
  else expect(parseHours(text)).toBeCloseTo(hours, 10);
});

test('a time in seconds is the very number that the API computes', () => {
  for (let n = 1; n <= 7200; n += 1) expect(parseHours(`${n}s`)).toBe(n / 3600);
});

test.each<[number, string]>([
  [0, '0s'],
  [-5_000, '0s'],
  [41_000, '41s'],
  [60_000, '1m'],
  [14_220_000, '3h 57m'],
  [86_400_000, '1d'],
  [90_000_000, '1d 1h'],
  [86_460_000, '1d'],
])('%i ms read as %s', (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});

test('columns are as wide as their widest cell, and no line ends in spaces', () => {
  expect(
    formatTable(
      ['A', 'LONG', 'C'],
      [
        ['aaa', 'b', ''],
        ['a', 'b', 'c'],
      ],
    ),
  ).toEqual(['A    LONG  C', 'aaa  b', 'a    b     c']);
});

test('the flag goes before the variable, the variable before what runs on the checkout', () => {
  const env = { TEMPUS_SERVER: 'http://b:1', TEMPUS_HOME: '/does/not/exist' };
  expect(serverAddress('http://a:1', env)).toBe('http://a:1');
  expect(serverAddress(undefined, env)).toBe('http://b:1');
  expect(serverAddress(undefined, { ...env, TEMPUS_SERVER: '' })).toBe('http://127.0.0.1:4000');
});

test('only a server on this machine is given folders of this machine', () => {
  expect(['http://localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1'].every(isThisMachine)).toBe(true);
  expect(isThisMachine('https://tempus.acme.dev')).toBe(false);
});
