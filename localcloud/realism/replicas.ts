import type { Clock } from '../../platform/clock.ts';

/** What a resource became: its JSON, or nothing where it was deleted; and from when on each replica knows. */
interface Version {
  json: string | undefined;
  knownAt: readonly number[];
  value?: unknown;
}

export interface ReplicasDeps {
  clock: Clock;
  /** How long a change takes to reach one replica. */
  delayMs: () => number;
  count?: number;
}

/**
 * Resources as several replicas know them: each hears of a change of a resource after a delay of its own, and of all
 * changes of one resource in their order. So a creation may be seen by one reader and not yet by the next.
 */
export class Replicas<T> {
  readonly count: number;
  readonly #clock: Clock;
  readonly #delayMs: () => number;
  readonly #versions = new Map<string, Version[]>();

  constructor({ clock, delayMs, count = 2 }: ReplicasDeps) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.count = count;
  }

  /** These are the resources from now on; whatever differs from before is on its way. */
  update(resources: ReadonlyMap<string, T>): void {
    for (const [key, value] of resources) this.#change(key, JSON.stringify(value));
    for (const key of this.#versions.keys()) if (!resources.has(key)) this.#change(key, undefined);
    this.#forget();
  }

  /** The resources with which everything begins: every replica knows them already. */
  begin(resources: ReadonlyMap<string, T>): void {
    for (const [key, value] of resources)
      this.#versions.set(key, [{ json: JSON.stringify(value), knownAt: [] }]);
  }

  /** Whether every replica knows everything. */
  get settled(): boolean {
    this.#forget();
    return [...this.#versions.values()].every(
      ([first, ...later]) => later.length === 0 && this.#isOld(first),
    );
  }

  /** One resource as a replica knows it now. */
  get(key: string, replica: number): T | undefined {
    return this.#valueOf(this.#versions.get(key) ?? [], replica);
  }

  /** Everything as a replica knows it now, in the order of creation. Not to be changed. */
  all(replica: number): Map<string, T> {
    const known = new Map<string, T>();
    for (const [key, versions] of this.#versions) {
      const value = this.#valueOf(versions, replica);
      if (value !== undefined) known.set(key, value);
    }
    return known;
  }

  #change(key: string, json: string | undefined): void {
    const versions = this.#versions.get(key) ?? [];
    const latest = versions.at(-1);
    if (latest?.json === json) return;
    const now = this.#clock.monotonic();
    const knownAt = Array.from({ length: this.count }, (_, n) =>
      Math.max(latest?.knownAt[n] ?? now, now + this.#delayMs()),
    );
    this.#versions.set(key, [...versions, { json, knownAt }]);
  }

  #valueOf(versions: readonly Version[], replica: number): T | undefined {
    const now = this.#clock.monotonic();
    const known = versions.findLast(({ knownAt }) => (knownAt[replica] ?? now) <= now);
    if (known?.json === undefined) return undefined;
    known.value ??= JSON.parse(known.json);
    return known.value as T;
  }

  /** What no replica answers any more. */
  #forget(): void {
    for (const [key, versions] of this.#versions) {
      const from = versions.findLastIndex((version) => this.#isOld(version));
      const kept = from > 0 ? versions.slice(from) : versions;
      if (kept.length === 1 && kept[0]?.json === undefined && from >= 0) this.#versions.delete(key);
      else if (kept !== versions) this.#versions.set(key, kept);
    }
  }

  #isOld(version: Version | undefined): boolean {
    const now = this.#clock.monotonic();
    return version !== undefined && version.knownAt.every((at) => at <= now);
  }
}
