import { randomBytes, randomUUID } from 'node:crypto';

/** The only door to chance, so that a simulation seed decides every draw. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An RFC 9562 version 4 UUID. */
  uuid(): string;
}

export const systemRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  uuid: () => randomUUID(),
};

/** Bytes that nobody can guess, for secrets: never a simulation's. */
export function secretBytes(size: number): Uint8Array {
  return randomBytes(size);
}

/** `ms` spread evenly over ±`share` of itself, so that many timers set together do not fire together. */
export function jitter(random: Random, ms: number, share = 0.2): number {
  return Math.round(ms * (1 - share + 2 * share * random.next()));
}
