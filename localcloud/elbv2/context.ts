import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Realism } from '../realism/realism.ts';
import type { StateStore } from '../state.ts';
import { invalid } from './errors.ts';
import { type Elbv2State, emptyState } from './state.ts';

const PREFIX = 'arn:aws:elasticloadbalancing:us-east-1:000000000000:';

export interface ContextDeps {
  clock: Clock;
  random: Random;
  log: Log;
  state: StateStore<Elbv2State>;
  /** AWS's delays. Absent: none. */
  realism?: Realism | undefined;
}

/** A delete of what is not there succeeds, so that an ARN of something else has to be told apart from it. */
export function checkArn(kind: 'loadbalancer' | 'targetgroup', arn: string | undefined): void {
  if (arn?.startsWith('arn:aws:elasticloadbalancing:') && arn.includes(`:${kind}/`)) return;
  const named = kind === 'loadbalancer' ? 'load balancer' : 'target group';
  throw invalid(`'${arn}' is not a valid ${named} ARN`);
}

/** What the parts of the model share: the state, and how it is kept. */
export class Elbv2Context {
  readonly clock: Clock;
  readonly log: Log;
  readonly state: Elbv2State;
  readonly realism: Realism | undefined;
  readonly #random: Random;
  readonly #store: StateStore<Elbv2State>;

  constructor({ clock, random, log, state, realism }: ContextDeps) {
    this.clock = clock;
    this.log = log;
    this.realism = realism;
    this.#random = random;
    this.#store = state;
    this.state = state.load() ?? emptyState();
  }

  save(): void {
    this.#store.save(this.state);
  }

  /** An ARN in AWS's form: each resource has an id of 16 hex digits at its end. */
  arn(path: string): string {
    return `${PREFIX}${path}/${this.#random.uuid().replaceAll('-', '').slice(0, 16)}`;
  }
}
