import { startLoadBalancer } from '../../localcloud/load-balancer/server.ts';
import type { RoutingView } from '../../localcloud/elbv2/routing-view.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';

/** The load balancer of laptop mode with as many rules as an ALB has, the one that takes the requests among them. */
const target = Number(process.argv[2]);
const RULES = 98;
const TAKES = 49;

const rules = Array.from({ length: RULES }, (_, n) => ({
  ruleArn: `rule-${n}`,
  conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: [`preview-${n}.localhost`] } }],
  actions: [{ Type: 'forward' as const, TargetGroupArn: n === TAKES ? 'group' : 'none' }],
  transforms: [],
}));
const routing: RoutingView = {
  rulesOf: () => rules,
  targetsOf: () => [{ id: '127.0.0.1', port: target, state: 'healthy', everHealthy: true }],
};
const balancer = await startLoadBalancer({
  routing,
  listenerArn: 'listener',
  host: '127.0.0.1',
  port: 0,
  log,
  clock,
  random,
});
process.send?.(balancer.port);
process.once('disconnect', () => process.exit(0));
