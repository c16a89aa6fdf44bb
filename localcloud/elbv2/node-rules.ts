import type { Clock } from '../../platform/clock.ts';
import type { Realism } from '../realism/realism.ts';
import { Replicas } from '../realism/replicas.ts';
import type { RoutingRule, RoutingView } from './routing-view.ts';

/** The nodes of a load balancer: each goes by the rules that have reached it. Targets are known to all at once. */
export class NodeRules implements RoutingView {
  readonly #routing: RoutingView;
  readonly #realism: Realism;
  readonly #nodes: Replicas<readonly RoutingRule[]>;

  constructor({ routing, realism, clock }: { routing: RoutingView; realism: Realism; clock: Clock }) {
    this.#routing = routing;
    this.#realism = realism;
    this.#nodes = new Replicas({ clock, delayMs: () => realism.delayMs('rule_live') });
  }

  /** A listener begins to serve: every node goes by its rules. */
  opened(listenerArn: string): void {
    this.#nodes.begin(new Map([[listenerArn, this.#routing.rulesOf(listenerArn)]]));
  }

  /** Something may have changed at these listeners, which are all that there are. */
  changed(listenerArns: readonly string[]): void {
    this.#nodes.update(new Map(listenerArns.map((arn) => [arn, this.#routing.rulesOf(arn)])));
  }

  rulesOf(listenerArn: string): readonly RoutingRule[] {
    const node = Math.floor(this.#realism.chance() * this.#nodes.count);
    return this.#nodes.get(listenerArn, node) ?? [];
  }

  targetsOf: RoutingView['targetsOf'] = (targetGroupArn) => this.#routing.targetsOf(targetGroupArn);
}
