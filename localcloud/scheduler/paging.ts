import { invalid } from './errors.ts';

const MAX_PAGE = 100;

interface PageInput {
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
}

/**
 * One page of a list, sorted by key. The token is the last key delivered and not a position, so that nothing is
 * skipped when the list changes between two calls.
 */
export function paged<T>(
  list: readonly T[],
  keyOf: (item: T) => string,
  { MaxResults = MAX_PAGE, NextToken }: PageInput,
): { items: T[]; next: { NextToken?: string } } {
  if (!Number.isInteger(MaxResults) || MaxResults < 1 || MaxResults > MAX_PAGE) {
    throw invalid(`MaxResults must be between 1 and ${MAX_PAGE}.`);
  }
  const after = NextToken === undefined ? '' : decode(NextToken);
  const ahead = list
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => key > after)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const page = ahead.slice(0, MaxResults);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => item),
    next: last && ahead.length > page.length ? { NextToken: encode(last.key) } : {},
  };
}

/** What tells a token of ours from any other text. */
const MARK = 'after:';

function encode(key: string): string {
  return Buffer.from(MARK + key).toString('base64url');
}

/** Throws for a token that no list has given. */
function decode(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith(MARK)) throw invalid('Invalid NextToken.');
  return text.slice(MARK.length);
}
