import { invalid } from './errors.ts';

const MAX_ITEMS = 50;

/** One page of a sorted list. The token is the place of the first item that is not on it. */
export function paged<T>(
  items: readonly T[],
  input: { limit?: number | undefined; nextToken?: string | undefined },
): { items: readonly T[]; nextToken: { nextToken?: string } } {
  const limit = input.limit ?? MAX_ITEMS;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_ITEMS) {
    throw invalid(`limit must be between 1 and ${MAX_ITEMS}`);
  }
  const token = input.nextToken ?? '0';
  if (!/^\d{1,9}$/.test(token)) throw invalid('The specified nextToken is invalid.');
  const end = Number(token) + limit;
  return {
    items: items.slice(Number(token), end),
    nextToken: end < items.length ? { nextToken: String(end) } : {},
  };
}
