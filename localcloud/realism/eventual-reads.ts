import type { Clock } from '../../platform/clock.ts';
import type { StateStore } from '../state.ts';
import type { Realism } from './realism.ts';
import { Replicas } from './replicas.ts';

export interface EventualReadsDeps<S, R> {
  clock: Clock;
  realism: Realism;
  /** The resources of a state of which reads may be late, by ARN. */
  split: (state: S) => Map<string, R>;
  /** A state that has these resources; in all else it is the current one. */
  join: (resources: ReadonlyMap<string, R>, current: S) => S;
}

const READ = /^(describe|list)/;
/** Targets and their health are kept outside of the state; see elbv2/target-health.ts. */
const CURRENT = new Set(['describeTargetHealth']);

/** A model whose reads are answered by replicas that are late. What changes something sees everything as it is. */
export class EventualReads<S, R> {
  readonly #deps: EventualReadsDeps<S, R>;
  readonly #replicas: Replicas<R>;
  #current: S | undefined;

  constructor(deps: EventualReadsDeps<S, R>) {
    this.#deps = deps;
    const { clock, realism } = deps;
    this.#replicas = new Replicas({ clock, delayMs: () => realism.delayMs('visibility') });
  }

  /** The same store, whose changes the replicas hear of. */
  watched(store: StateStore<S>): StateStore<S> {
    return {
      load: () => {
        this.#current = store.load();
        if (this.#current !== undefined) this.#replicas.begin(this.#deps.split(this.#current));
        return this.#current;
      },
      save: (state) => {
        store.save(state);
        this.#current = state;
        this.#replicas.update(this.#deps.split(state));
      },
    };
  }

  /** `model`, with its reads answered by the model that `modelOf` makes of what a replica knows. */
  served<M extends object>(model: M, modelOf: (state: S) => M): M {
    return new Proxy(model, {
      get: (target, name) => {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== 'function') return own;
        return (...input: unknown[]): unknown => {
          const state = typeof name === 'string' ? this.#stateFor(name) : undefined;
          const reader = state === undefined ? target : modelOf(state);
          const call = Reflect.get(reader, name, reader) as (...args: unknown[]) => unknown;
          return Reflect.apply(call, reader, input);
        };
      },
    });
  }

  /** What a call goes by; undefined for what is current. */
  #stateFor(call: string): S | undefined {
    if (!READ.test(call) || CURRENT.has(call) || this.#current === undefined) return undefined;
    if (this.#replicas.settled) return undefined;
    const replica = Math.floor(this.#deps.realism.chance() * this.#replicas.count);
    return this.#deps.join(this.#replicas.all(replica), this.#current);
  }
}
