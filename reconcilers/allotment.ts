import type { PreviewRow } from '../preview/record.ts';
import type { AlbConfig } from './config.ts';

export interface Slot {
  alb: AlbConfig;
  n: number;
}

/** A preview that waits, and for which of its addresses. */
export interface Need {
  row: PreviewRow;
  suffixes: readonly string[];
  /** Where it holds slots already: all of a preview's addresses are on one ALB. */
  alb?: AlbConfig;
}

/**
 * Deals out what is free, to the first in line first; by UUID. Whoever cannot be served yet keeps what is free where it
 * could be served: those behind it must not take each slot that it waits for.
 */
export function allot(line: readonly Need[], free: readonly Slot[]): Map<string, Slot[]> {
  const left = Map.groupBy(free, ({ alb }) => alb);
  const given = new Map<string, Slot[]>();
  for (const { row, suffixes, alb } of line) {
    const homes = alb ? [alb] : [...left.keys()];
    const home = homes.find((one) => (left.get(one)?.length ?? 0) >= suffixes.length);
    if (home) given.set(row.preview_id, left.get(home)?.splice(0, suffixes.length) ?? []);
    else for (const one of homes) left.delete(one);
  }
  return given;
}
