import type { Clock } from '../../platform/clock.ts';
import type { TableClient } from '../../preview/table-client.ts';
import { type ManualClock } from './clock.ts';

/** A process on a machine of its own: its clock runs at its own rate, and it can be stopped for a while, or for good. */
export class FakeProcess implements Clock {
  readonly #base: ManualClock;
  readonly #rate: number;
  /** What would have happened in it while it is stopped; undefined while it runs. */
  #held: (() => void)[] | undefined;

  constructor(base: ManualClock, rate = 1) {
    this.#base = base;
    this.#rate = rate;
  }

  now = () => this.#base.now();
  monotonic = () => this.#base.monotonic() * this.#rate;
  after = (ms: number, fn: () => void) => this.#base.after(ms / this.#rate, () => this.deliver(fn));

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.after(ms, resolve);
      signal?.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }

  /** Timers and answers that come while it is stopped wait; the clocks go on. */
  stop(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const fn of held) fn();
  }

  deliver(fn: () => void): void {
    if (this.#held) this.#held.push(fn);
    else fn();
  }

  /** Resolves inside the process after `ms` of true time. */
  travel(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#base.after(ms, () => this.deliver(resolve));
    });
  }

  /** `ms` of true time, whatever the process does: a request that is on its way arrives without it. */
  away(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#base.after(ms, resolve);
    });
  }
}

type Fault = 'cut' | 'lose-answer' | { requestMs: number } | { answerMs: number };

/** The way from one process to the tables, on which requests and answers can be lost or late. */
export class Link implements TableClient {
  readonly #process: FakeProcess;
  readonly #tables: TableClient;
  /** Decides what happens to each call. */
  fault: (call: 'get' | 'put' | 'update' | 'query', table: string) => Fault | undefined = () => undefined;
  latencyMs = 2;

  constructor(process: FakeProcess, tables: TableClient) {
    this.#process = process;
    this.#tables = tables;
  }

  get: TableClient['get'] = (input) => this.#call('get', input, () => this.#tables.get(input));
  put: TableClient['put'] = (input) => this.#call('put', input, () => this.#tables.put(input));
  update: TableClient['update'] = (input) => this.#call('update', input, () => this.#tables.update(input));
  query: TableClient['query'] = (input) => this.#call('query', input, () => this.#tables.query(input));

  async #call<T>(
    call: Parameters<Link['fault']>[0],
    { TableName = '' }: { TableName: string | undefined },
    proceed: () => Promise<T>,
  ): Promise<T> {
    const fault = this.fault(call, TableName);
    const ms = (side: 'requestMs' | 'answerMs') =>
      typeof fault === 'object' && side in fault ? Number(Object.values(fault)[0]) : this.latencyMs;
    await this.#process.away(ms('requestMs'));
    if (fault === 'cut') {
      await this.#process.travel(0);
      throw new Error('no route');
    }
    const settled = await proceed().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.#process.travel(ms('answerMs'));
    if (fault === 'lose-answer') throw new Error('no answer');
    if ('error' in settled) throw settled.error;
    return settled.value;
  }
}
