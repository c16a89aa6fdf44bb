import { invalid } from './errors.ts';

const MAX_PAGE = 400;

interface PageInput {
  PageSize?: number | undefined;
  Marker?: string | undefined;
}

/**
 * One page of a list, sorted by key. The marker is the last key delivered and not a position, so that nothing is
 * skipped and nothing repeated when the list changes between two calls.
 */
export function paged<T extends { arn: string }>(
  list: readonly T[],
  { PageSize = MAX_PAGE, Marker }: PageInput,
  keyOf: (item: T) => string = ({ arn }) => arn,
): { items: T[]; next: { NextMarker?: string } } {
  if (!Number.isInteger(PageSize) || PageSize < 1 || PageSize > MAX_PAGE) {
    throw invalid(`PageSize must be between 1 and ${MAX_PAGE}`);
  }
  const after = Marker === undefined ? '' : decode(Marker);
  const ahead = list
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => key > after)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const page = ahead.slice(0, PageSize);
  const last = page.at(-1);
  const next =
    last && ahead.length > page.length ? { NextMarker: Buffer.from(last.key).toString('base64url') } : {};
  return { items: page.map(({ item }) => item), next };
}

/** Throws for a marker that no list has given. */
function decode(marker: string): string {
  const key = Buffer.from(marker, 'base64url').toString();
  if (!key.includes('arn:aws:elasticloadbalancing:')) throw invalid(`Invalid marker '${marker}'`);
  return key;
}
