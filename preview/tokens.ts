import { timingSafeEqual } from 'node:crypto';
import { toSeconds } from '../platform/clock.ts';
import { conditional } from './store.ts';
import type { TableClient } from './table-client.ts';
import {
  hashSecret,
  ID_BYTES,
  mintToken,
  readToken,
  SECRET_BYTES,
  type TokenKind,
  writeToken,
} from './token-text.ts';

/** Each may do what those before it may. */
export const SCOPES = ['read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A token as it is stored: nothing in it lets anybody in. */
export interface TokenRow {
  id: string;
  kind: TokenKind;
  owner: string;
  scope: Scope;
  secret_hash: string;
  created_at: string;
  created_by: string;
  expires_at: string;
  revoked_at?: string;
  /** Epoch seconds: DynamoDB's TTL takes it a week after its end. */
  purge_at: number;
}

export type Refusal = 'malformed' | 'mistyped' | 'unknown' | 'expired' | 'revoked';

export interface TokenWish {
  kind: TokenKind;
  owner: string;
  scope: Scope;
  ttl_days: number;
  created_by: string;
}

/** How long a token lasts where nobody says: people's are typed in anew each quarter, CI's each month. */
export const DEFAULT_DAYS: Readonly<Record<TokenKind, number>> = { user: 90, ci: 30 };
export const MOST_DAYS = 366;

const DAY_S = 86_400;
const KEEP_DAYS = 7;
const UNUSED = 'attribute_not_exists(#key)';

export interface TokensDeps {
  client: TableClient;
  table: string;
  /** Bytes that nobody can guess. */
  secretBytes: (size: number) => Uint8Array;
}

/** The API's tokens, in the coordination table. None is ever deleted: a revoked one stays until long after its end. */
export class Tokens {
  readonly #deps: TokensDeps;

  constructor(deps: TokensDeps) {
    this.#deps = deps;
  }

  /** Stores a new token. `text` is all that will ever be seen of it. */
  async create(wish: TokenWish, now: Date): Promise<{ text: string; row: TokenRow }> {
    const { client, table, secretBytes } = this.#deps;
    const { ttl_days, ...given } = wish;
    const token = mintToken(wish.kind, secretBytes(ID_BYTES), secretBytes(SECRET_BYTES));
    const end = Math.floor(now.getTime() / 1000) + ttl_days * DAY_S;
    const row: TokenRow = {
      ...given,
      id: token.id,
      secret_hash: hashSecret(token.secret),
      created_at: toSeconds(now),
      expires_at: toSeconds(new Date(end * 1000)),
      purge_at: end + KEEP_DAYS * DAY_S,
    };
    await client.put({
      TableName: table,
      Item: { key: `token#${token.id}`, ...row },
      ConditionExpression: UNUSED,
      ExpressionAttributeNames: { '#key': 'key' },
    });
    return { text: writeToken(token), row };
  }

  /** Whose token this is, or why it lets nobody in. */
  async verify(text: string, now: Date): Promise<TokenRow | Refusal> {
    const token = readToken(text);
    if (typeof token === 'string') return token;
    const row = await this.#read(token.id);
    // Who has only the id learns nothing about it.
    if (!row || row.kind !== token.kind || !isEqual(row.secret_hash, hashSecret(token.secret)))
      return 'unknown';
    if (row.revoked_at !== undefined) return 'revoked';
    return row.expires_at <= toSeconds(now) ? 'expired' : row;
  }

  /** From now on it lets nobody in; true where there is such a token. */
  revoke(id: string, now: Date): Promise<boolean> {
    const { client, table } = this.#deps;
    return conditional(
      client.update({
        TableName: table,
        Key: { key: `token#${id}` },
        UpdateExpression: 'SET revoked_at = if_not_exists(revoked_at, :now)',
        ConditionExpression: 'attribute_exists(#key)',
        ExpressionAttributeNames: { '#key': 'key' },
        ExpressionAttributeValues: { ':now': toSeconds(now) },
      }),
    );
  }

  async #read(id: string): Promise<TokenRow | undefined> {
    const { client, table } = this.#deps;
    const { Item } = await client.get({
      TableName: table,
      Key: { key: `token#${id}` },
      ConsistentRead: true,
    });
    return Item as TokenRow | undefined;
  }
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
