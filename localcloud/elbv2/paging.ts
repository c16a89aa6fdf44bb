import { invalid } from './errors.ts';

const MAX_PAGE = 400;

/**
 * One page. The marker is the ARN of the last item delivered, so that nothing is delivered twice; when that item has
 * gone in between, the list starts again.
 */
export function paged<T extends { arn: string }>(
  list: readonly T[],
  { PageSize = MAX_PAGE, Marker }: { PageSize?: number | undefined; Marker?: string | undefined },
): { items: T[]; next: { NextMarker?: string } } {
  if (!Number.isInteger(PageSize) || PageSize < 1 || PageSize > MAX_PAGE) {
    throw invalid(`PageSize must be between 1 and ${MAX_PAGE}`);
  }
  const start = Marker === undefined ? 0 : list.findIndex(({ arn }) => arn === Marker) + 1;
  const items = list.slice(start, start + PageSize);
  const last = items.at(-1);
  return { items, next: last && start + PageSize < list.length ? { NextMarker: last.arn } : {} };
}
