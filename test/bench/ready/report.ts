import { type Part, PARTS, type Shares } from './attribution.ts';

const WIDTH = 48;

/** As text, seconds: each part of the way to Ready, and what AWS and Tempus have taken in all. */
export function report(shares: readonly Shares[]): string[] {
  const parts = Object.keys(PARTS) as Part[];
  const sumOf = (whose: 'AWS' | 'Tempus') =>
    shares.map((one) => sum(parts.filter((part) => PARTS[part].whose === whose).map((part) => one[part])));
  const line = (what: string, whose: string, times: readonly number[]) =>
    `${what.padEnd(WIDTH)}${whose.padEnd(8)}${[0.5, 0.95, 1].map((share) => seconds(quantile(times, share))).join('')}`;
  return [
    `${'seconds, a preview'.padEnd(WIDTH + 8)}${['p50', 'p95', 'max'].map((name) => name.padStart(9)).join('')}`,
    ...parts.map((part) =>
      line(
        PARTS[part].what,
        PARTS[part].whose,
        shares.map((one) => one[part]),
      ),
    ),
    line('AWS, together', '', sumOf('AWS')),
    line('Tempus, together', '', sumOf('Tempus')),
    line(
      'from the request to Ready',
      '',
      shares.map((one) => sum(Object.values(one))),
    ),
  ];
}

/** Of one preview, what is Tempus's. */
export function tempusPart(shares: Shares): number {
  return sum(
    (Object.keys(PARTS) as Part[])
      .filter((part) => PARTS[part].whose === 'Tempus')
      .map((part) => shares[part]),
  );
}

/** The least of these below or at which `share` of them lie. */
export function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2).padStart(9);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
