import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const TOKEN_KINDS = ['user', 'ci'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** A token as its holder shows it: who it says it is, and what proves it. */
export interface TokenText {
  kind: TokenKind;
  id: string;
  secret: string;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
/** 256 bits, and 32 bits, in base 62. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
export const ID_BYTES = 8;
export const SECRET_BYTES = 32;

const FORM = new RegExp(
  `^tmp_(${TOKEN_KINDS.join('|')})_([0-9A-Za-z]{${ID_LENGTH}})_([0-9A-Za-z]{${SECRET_LENGTH}})([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

/** How long a token of each kind is. */
export const TOKEN_LENGTHS: Readonly<Record<TokenKind, number>> = {
  user: lengthOf('user'),
  ci: lengthOf('ci'),
};

/** What a person may take for a token, mistyped or cut short too: its kind, its id, and what must not be shown. */
const LOOSE = /tmp_([a-z]+)_([0-9A-Za-z]+)_[0-9A-Za-z]+/g;

function lengthOf(kind: TokenKind): number {
  return `tmp_${kind}_`.length + ID_LENGTH + '_'.length + SECRET_LENGTH + CHECKSUM_LENGTH;
}

function base62(bytes: Uint8Array, length: number): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; rest > 0n; rest /= 62n) text = (ALPHABET[Number(rest % 62n)] ?? '') + text;
  return text.padStart(length, '0').slice(-length);
}

function checksum(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return base62(bytes, CHECKSUM_LENGTH);
}

/** A new token, from 8 and 32 bytes of chance. */
export function mintToken(kind: TokenKind, id: Uint8Array, secret: Uint8Array): TokenText {
  return { kind, id: base62(id, ID_LENGTH), secret: base62(secret, SECRET_LENGTH) };
}

/**
 * `tmp_<kind>_<id>_<secret><checksum>`: the prefix lets scanners of source code find one that has leaked, and the
 * checksum (CRC-32) tells one that was mistyped from one that is wrong without asking the table.
 */
export function writeToken({ kind, id, secret }: TokenText): string {
  const text = `tmp_${kind}_${id}_${secret}`;
  return text + checksum(text);
}

export function readToken(text: string): TokenText | 'malformed' | 'mistyped' {
  const [, kind, id, secret, sum] = FORM.exec(text) ?? [];
  if (kind === undefined || id === undefined || secret === undefined) return 'malformed';
  if (checksum(text.slice(0, -CHECKSUM_LENGTH)) !== sum) return 'mistyped';
  return { kind: kind as TokenKind, id, secret };
}

/** The id that a person typed, who may have typed all of the token. */
export function tokenIdOf(typed: string): string {
  return /^tmp_[a-z]+_([0-9A-Za-z]+)_/.exec(typed)?.[1] ?? typed;
}

/** A text without the secrets of the tokens in it; their kinds and ids stay. */
export function hideSecrets(text: string): string {
  return text.replaceAll(LOOSE, 'tmp_$1_$2_***');
}

/** What is stored of a secret. A fast hash is right for 256 bits of chance: there is no dictionary to try. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
