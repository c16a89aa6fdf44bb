import { noteCall } from '../iam/journal.ts';
import { serverFault, throttled, timedOut } from './aws-errors.ts';
import { type CallId, type Fault, type FaultSource, keyOf, type Mode } from './faults.ts';
import type { SimProcess } from './process.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One request that a process makes to the outside world. */
export interface Call<T> {
  service: string;
  call: string;
  input: unknown;
  mutates: boolean;
  effect: () => Promise<T>;
  /** The answer as of `ms` ago, or undefined where nothing has changed since. */
  stale?: ((ms: number) => Promise<T> | undefined) | undefined;
}

export interface Fired extends Fault {
  key: string;
  at: number;
}

export interface CallsDeps {
  time: VirtualTime;
  faults: FaultSource;
  /** Milliseconds until a request arrives, and again until its answer is back. */
  latency: () => number;
  /** Sees every effect just before it happens, in the turn in which it happens. */
  onEffect: (process: SimProcess, call: Call<unknown>) => void;
}

/** The stream, which is read all the time. */
const BACKGROUND = /^(streams|dynamodb)$/;
/** After this long without an answer the SDK gives up. */
const TIMEOUT_MS = 10_000;
/** How many calls of one name a throttle refuses. */
const THROTTLED_CALLS = 3;

/** The network between Tempus and AWS: latency, and the one place where faults happen. */
export class Calls {
  faults: FaultSource;
  readonly fired: Fired[] = [];
  /** How often each call was made, by role/service.call. */
  readonly counts = new Map<string, number>();
  /** Everything that was asked, in order, where somebody wants it. */
  asked: CallId[] | undefined;
  mutations = 0;
  /** A digest of everything that has happened: the same seed gives the same. */
  trace = 0;
  readonly #deps: CallsDeps;
  readonly #throttles = new Map<string, number>();

  constructor(deps: CallsDeps) {
    this.#deps = deps;
    this.faults = deps.faults;
  }

  perform<T>(process: SimProcess, call: Call<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // A killed process asks nothing more, and waits for ever.
    if (!process.alive) return promise;
    const name = `${process.role}/${call.service}.${call.call}`;
    const n = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, n);
    if (call.mutates) this.mutations += 1;
    noteRights(process, call);
    const id = { name, n, mutates: call.mutates, canBeStale: call.stale !== undefined };
    this.asked?.push(id);
    const fault = this.#fault(id);
    this.#note(`${this.#deps.time.ms} ${name} ${fault?.mode ?? ''}`);
    this.#carry(process, call, fault, { key: keyOf(id), resolve, reject });
    return promise;
  }

  #fault(id: CallId): Fault | undefined {
    const throttles = this.#throttles.get(id.name) ?? 0;
    if (throttles > 0) {
      this.#throttles.set(id.name, throttles - 1);
      return { mode: 'throttle' };
    }
    const fault = this.faults.decide(id);
    if (!fault || (fault.mode === 'stale' && !id.canBeStale)) return undefined;
    if (fault.mode === 'throttle') this.#throttles.set(id.name, THROTTLED_CALLS - 1);
    return fault;
  }

  #carry<T>(
    process: SimProcess,
    call: Call<T>,
    fault: Fault | undefined,
    { key, resolve, reject }: { key: string; resolve: (value: T) => void; reject: (error: Error) => void },
  ): void {
    const { time, latency } = this.#deps;
    const there = latency();
    const answer = (settle: () => void, ms = latency()) => time.schedule(ms, () => process.deliver(settle));
    // The doorbell and the lists only say where to look: when exactly they were read changes nothing.
    const atOnce = BACKGROUND.test(call.service) || call.call === 'query';
    const effect = (settle: (outcome: Promise<T>) => void) =>
      time.schedule(atOnce ? there + there : there, () => settle(this.#effect(process, call)));
    const passOn = (outcome: Promise<T>) => {
      const back = atOnce
        ? (settle: () => void) => process.deliver(settle)
        : (settle: () => void) => answer(settle);
      outcome.then(
        (value) => back(() => resolve(value)),
        (error: Error) => back(() => reject(error)),
      );
    };
    const ignore = (outcome: Promise<T>) => void outcome.catch(() => undefined);
    const note = () => this.#fire(key, fault);

    switch (fault?.mode) {
      case undefined:
        effect(passOn);
        return;
      case 'error_before':
        note();
        answer(() => reject(serverFault()), there);
        return;
      case 'throttle':
        note();
        answer(() => reject(throttled(call.service)), there);
        return;
      case 'error_after':
        note();
        effect(ignore);
        answer(() => reject(timedOut()), TIMEOUT_MS);
        return;
      case 'crash_before':
        note();
        process.kill();
        return;
      case 'crash_after':
        note();
        effect((outcome) => {
          ignore(outcome);
          process.kill();
        });
        return;
      case 'late':
        note();
        answer(() => reject(timedOut()), TIMEOUT_MS);
        time.schedule(TIMEOUT_MS + (fault.ms ?? 0), () => ignore(this.#effect(process, call)));
        return;
      case 'stall':
        note();
        process.pause(fault.ms ?? 0);
        time.schedule(fault.ms ?? 0, () => effect(passOn));
        return;
      case 'stale':
        time.schedule(there, () => {
          const old = call.stale?.(fault.ms ?? 0);
          if (old) note();
          passOn(old ?? this.#effect(process, call));
        });
    }
  }

  #effect<T>(process: SimProcess, call: Call<T>): Promise<T> {
    this.#deps.onEffect(process, call);
    return call.effect();
  }

  #fire(key: string, fault: Fault | undefined): void {
    if (fault) this.fired.push({ key, at: this.#deps.time.ms, ...fault });
  }

  #note(text: string): void {
    let hash = this.trace;
    for (let n = 0; n < text.length; n += 1) hash = Math.imul(hash ^ text.charCodeAt(n), 16777619);
    this.trace = hash;
  }
}

/** The modes that can happen to a call at all. */
export function modesOf({ mutates, canBeStale }: Pick<CallId, 'mutates' | 'canBeStale'>): Mode[] {
  const common: Mode[] = ['error_before', 'throttle', 'crash_before', 'stall'];
  if (mutates) return [...common, 'error_after', 'crash_after', 'late'];
  return canBeStale ? [...common, 'stale'] : common;
}

const ITEM_CALLS: Readonly<Record<string, string>> = {
  get: 'GetItem',
  put: 'PutItem',
  update: 'UpdateItem',
  query: 'Query',
};

/** For the comparison with what each role may do on AWS: test/iam. */
function noteRights({ role }: SimProcess, { service, call, input }: Call<unknown>): void {
  if (service === 'http') return;
  const who = role === 'lambda' ? 'expire' : role;
  const item = ITEM_CALLS[call];
  if (item) noteCall(who, 'dynamodb', item, input);
  else noteCall(who, service, `${call.charAt(0).toUpperCase()}${call.slice(1)}`, input);
}
