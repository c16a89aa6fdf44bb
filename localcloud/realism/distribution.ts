import type { Random } from '../../platform/random.ts';

/** How long something takes, by the two figures that people measure; `rare` is what one in a hundred takes. */
export interface Distribution {
  p50: number;
  p95: number;
  rare?: number;
}

/** The 95th percentile of the standard normal distribution. */
const Z95 = 1.6448536269514722;
const RARE_SHARE = 0.01;

/**
 * One draw: lognormal, as waiting times are, through both figures. Never longer than twice the longest figure, so that
 * a test can say how long something may take at most.
 */
export function draw({ p50, p95, rare }: Distribution, random: Random): number {
  if (rare !== undefined && random.next() < RARE_SHARE) return rare;
  const sigma = Math.log(p95 / p50) / Z95;
  return Math.min(p50 * Math.exp(sigma * normal(random)), 2 * Math.max(p95, rare ?? 0));
}

/** Standard normal, by Box and Muller. */
function normal(random: Random): number {
  // 1 − next() is never 0, of which there is no logarithm.
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
