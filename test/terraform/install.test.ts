import { afterAll, describe, expect, test } from 'vitest';
import { policiesOf } from '../iam/rendered.ts';
import { listOf } from '../iam/policy.ts';
import { alarms } from './alarms.ts';
import { configuration } from './configuration.ts';
import { functions } from './functions.ts';
import { healthChecks } from './health-checks.ts';
import { inTurns } from './in-turns.ts';
import { network } from './network.ts';
import { Stage, terraformCheck } from './plan.ts';
import { rights } from './rights.ts';
import { secrets } from './secrets.ts';
import { services } from './services.ts';
import { tables } from './tables.ts';
import { VARIANTS } from './variants.ts';

const program = terraformCheck();
if (program === undefined) {
  const why = 'nothing here plans Terraform without an account';
  process.stderr.write(`SKIPPED what Terraform makes of ${VARIANTS.length} variants of an install: ${why}\n`);
  test.skip(`what Terraform makes of an install (${why})`);
} else {
  // Before the tests are collected, because they are made of what is planned: each variant once, two at a time.
  const stage = await Stage.set(program);
  const planned = await inTurns(2, VARIANTS, (variant) => stage.plan(variant.variables));
  afterAll(() => stage.remove());

  describe.each(VARIANTS.map((variant, n) => ({ ...variant, plan: planned[n]! })))('$name', (variant) => {
    const { plan } = variant;
    describe('tables', () => tables(plan, variant));
    describe('network', () => network(plan, variant));
    describe('services', () => services(plan, variant));
    describe('functions', () => functions(plan, variant));
    describe('alarms', () => alarms(plan, variant));
    describe('rights', () => rights(plan, variant));
    describe('secrets', () => secrets(plan));
    describe('configuration', () => configuration(plan, variant));
  });

  describe('health checks', () => healthChecks(planned[0]!));

  test('a load balancer more, or a domain, changes what it has to and nothing else', () => {
    const count = (n: number) => planned[n]!.resources.length;
    for (const [n, { name }] of VARIANTS.entries())
      process.stdout.write(`${String(count(n)).padStart(4)} resources: ${name}\n`);
    const policies = Object.entries(policiesOf(planned[0]!, VARIANTS[0]!.install)).map(([role, policy]) => {
      const actions = listOf(policy.Statement).flatMap(({ Action }) => listOf(Action));
      return `${role} ${new Set(actions).size}`;
    });
    process.stdout.write(`Actions of each role: ${policies.join(', ')}\n`);
    // Without a domain: load balancer, listener, target group, waiting room's and robots' rule of each.
    expect(count(1) - count(0)).toBe(2 * 5);
    // With one: besides, a redirect, a name and a certificate's proof of each.
    expect(count(3) - count(2)).toBe(2 * 8);
    // Another network is another place for the same things.
    for (const n of [0, 1, 2, 3]) expect(count(n + 4)).toBe(count(n));
    expect(count(8)).toBe(count(0));
  });
}
