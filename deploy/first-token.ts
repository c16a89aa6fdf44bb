import { systemClock as clock, toSeconds } from '../platform/clock.ts';
import { secretBytes } from '../platform/random.ts';
import { conditional } from '../preview/store.ts';
import type { TableClient } from '../preview/table-client.ts';
import { DEFAULT_DAYS, Tokens } from '../preview/tokens.ts';

/** Says that this install had its first token. Who has lost it makes another one: `make token`. */
const KEY = 'deploy#first-token';
/** Of two deploys at once one only makes a token that somebody sees. */
const IS_FIRST = 'attribute_not_exists(#key)';

export interface TokenPlace {
  client: TableClient;
  /** The coordination table. */
  table: string;
}

/** Stores a token with scope admin for `owner`, written by whoever deploys. Answers its text, which nothing keeps. */
export async function storeToken({ client, table }: TokenPlace, owner: string): Promise<string> {
  const tokens = new Tokens({ client, table, secretBytes });
  const wish = {
    kind: 'user',
    owner,
    scope: 'admin',
    ttl_days: DEFAULT_DAYS.user,
    created_by: owner,
  } as const;
  return (await tokens.create(wish, clock.now())).text;
}

/** Whether no deploy has claimed it yet to store the first token. From now on it is. */
export function claimFirstToken({ client, table }: TokenPlace, owner: string): Promise<boolean> {
  return conditional(
    client.put({
      TableName: table,
      Item: { key: KEY, by: owner, at: toSeconds(clock.now()) },
      ConditionExpression: IS_FIRST,
      ExpressionAttributeNames: { '#key': 'key' },
    }),
  );
}
