import { invalid } from './errors.ts';

const MAX_PAGE = 100;

/** One page of a list of distinct ARNs. The token is the first ARN that is not on it. */
export function paged(
  arns: readonly string[],
  input: { maxResults?: number | undefined; nextToken?: string | undefined },
): { items: string[]; nextToken: { nextToken?: string } } {
  const size = input.maxResults ?? MAX_PAGE;
  if (!Number.isInteger(size) || size < 1 || size > MAX_PAGE) {
    throw invalid(`maxResults must be between 1 and ${MAX_PAGE}.`);
  }
  const start =
    input.nextToken === undefined ? 0 : arns.indexOf(Buffer.from(input.nextToken, 'base64url').toString());
  if (start < 0) throw invalid('Invalid token.');
  const next = arns[start + size];
  return {
    items: arns.slice(start, start + size),
    nextToken: next === undefined ? {} : { nextToken: Buffer.from(next).toString('base64url') },
  };
}
