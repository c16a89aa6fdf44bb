import { createHash } from 'node:crypto';
import { canonicalJson } from '../preview/spec.ts';
import { Problem } from './problems.ts';

const KEY = /^[!-~]{1,64}$/;

/** The Idempotency-Key header, checked; undefined where there is none. */
export function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || KEY.test(header)) return header;
  throw new Problem({
    status: 400,
    code: 'invalid_idempotency_key',
    detail: 'Idempotency-Key must be 1 to 64 printable characters without spaces',
    hint: 'a UUID or a commit id makes a good key',
  });
}

/**
 * The UUID that a caller's key stands for, always the same: then the conditional put of the record is the idempotency,
 * and nothing has to be remembered beside it. Version 8 of RFC 9562, whose bits are free to choose.
 */
export function uuidOfKey(owner: string, key: string): string {
  const bytes = createHash('sha256').update(`${owner}\n${key}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** What tells a repeated request from another one under the same key. */
export function hashRequest(request: unknown): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex').slice(0, 32);
}
