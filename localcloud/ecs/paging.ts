import { invalid } from './errors.ts';

const MAX_PAGE = 100;

/** One line of a list: its ARN, and the text by which the list is sorted. */
export interface Listed {
  arn: string;
  key: string;
}

interface PageInput {
  maxResults?: number | undefined;
  nextToken?: string | undefined;
  descending?: boolean;
}

/**
 * One page of a list, sorted by key. The token is the last key delivered and not a position, so that nothing is
 * skipped and nothing refused when the list changes between two calls.
 */
export function paged(
  list: readonly Listed[],
  input: PageInput,
): { items: string[]; nextToken: { nextToken?: string } } {
  const size = input.maxResults ?? MAX_PAGE;
  if (!Number.isInteger(size) || size < 1 || size > MAX_PAGE) {
    throw invalid(`maxResults must be between 1 and ${MAX_PAGE}.`);
  }
  const after = input.nextToken === undefined ? undefined : decode(input.nextToken);
  const ascending = list.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const ahead = input.descending
    ? ascending.toReversed().filter(({ key }) => after === undefined || key < after)
    : ascending.filter(({ key }) => after === undefined || key > after);
  const page = ahead.slice(0, size);
  const last = page.at(-1);
  const more = last && ahead.length > page.length;
  return {
    items: page.map(({ arn }) => arn),
    nextToken: more ? { nextToken: encode(last.key) } : {},
  };
}

/** Numbers as text that sorts in their order. */
export function sortable(n: number): string {
  return String(n).padStart(16, '0');
}

/** What tells a token of ours from any other text. */
const MARK = 'after:';

function encode(key: string): string {
  return Buffer.from(MARK + key).toString('base64url');
}

/** Throws for a token that no list has given. */
function decode(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith(MARK)) throw invalid('Invalid token.');
  return text.slice(MARK.length);
}
