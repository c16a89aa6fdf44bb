import type { Action } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { RoutingView } from '../elbv2/routing-view.ts';
import { chooseTarget, type Target } from './choose-target.ts';
import { matches } from './match.ts';
import { errorPage, type OwnAnswer } from './own-answer.ts';
import { redirect } from './redirect.ts';
import type { RequestTarget } from './request-target.ts';
import { rewrite } from './rewrite.ts';

/** What becomes of a request. */
export type Route =
  | { kind: 'answer'; own: OwnAnswer }
  | { kind: 'forward'; target: Pick<Target, 'id' | 'port'>; url: string; host: string };

export interface Routed extends RequestTarget {
  method: string;
  /** The port at which the client reached the listener. */
  port: number;
}

/** Routes the requests of one listener, by the rules as they are at that moment. */
export class Router {
  readonly #routing: RoutingView;
  readonly #listenerArn: string;
  readonly #turns = new Map<string, number>();

  constructor(deps: { routing: RoutingView; listenerArn: string }) {
    this.#routing = deps.routing;
    this.#listenerArn = deps.listenerArn;
  }

  route(request: Routed): Route {
    const rules = this.#routing.rulesOf(this.#listenerArn);
    const rule = rules.find(({ conditions }) => matches(conditions, request));
    const action = rule?.actions.toSorted((a, b) => (a.Order ?? 0) - (b.Order ?? 0)).at(-1);
    if (!rule || !action) return own(errorPage(503));
    if (action.FixedResponseConfig) return own(fixedResponse(action.FixedResponseConfig));
    if (action.RedirectConfig) return own(redirect(action.RedirectConfig, request, request.port));
    const target = this.#nextTarget(action);
    if (!target) return own(errorPage(503));
    const seen = rewrite(rule.transforms, request);
    return seen ? { kind: 'forward', target, ...seen } : own(errorPage(500));
  }

  #nextTarget(action: Action): Target | undefined {
    const group = targetGroup(action);
    if (group === undefined) return undefined;
    const turn = this.#turns.get(group) ?? 0;
    this.#turns.set(group, turn + 1);
    return chooseTarget(this.#routing.targetsOf(group), turn);
  }
}

/** Weights are not dealt out: the heaviest group takes all. */
function targetGroup({ TargetGroupArn, ForwardConfig }: Action): string | undefined {
  const groups = ForwardConfig?.TargetGroups ?? [];
  return TargetGroupArn ?? groups.toSorted((a, b) => (b.Weight ?? 1) - (a.Weight ?? 1))[0]?.TargetGroupArn;
}

function fixedResponse(config: NonNullable<Action['FixedResponseConfig']>): OwnAnswer {
  const headers = { 'content-type': config.ContentType ?? 'text/plain; charset=utf-8' };
  return { status: Number(config.StatusCode), headers, body: config.MessageBody ?? '' };
}

function own(answer: OwnAnswer): Route {
  return { kind: 'answer', own: answer };
}
