import { afterAll, describe, expect, test } from 'vitest';
import { alarms } from './alarms.ts';
import { configuration } from './configuration.ts';
import { costs } from './costs.ts';
import { functions } from './functions.ts';
import { healthChecks } from './health-checks.ts';
import { inTurns } from './in-turns.ts';
import { network } from './network.ts';
import { type Plan, Stage, terraformCheck } from './plan.ts';
import { rights } from './rights.ts';
import { secrets } from './secrets.ts';
import { services } from './services.ts';
import { tables } from './tables.ts';
import { type Variant, VARIANTS } from './variants.ts';

const program = terraformCheck();
if (program === undefined) {
  const why = 'nothing here plans Terraform without an account';
  process.stderr.write(`SKIPPED what Terraform makes of ${VARIANTS.length} variants of an install: ${why}\n`);
  test.skip(`what Terraform makes of an install (${why})`);
} else {
  // Before the tests are collected, because they are made of what is planned: each variant once, two at a time.
  const stage = await Stage.set(program);
  afterAll(() => stage.remove());
  const planned = await inTurns(2, VARIANTS, (variant) => stage.plan(variant.variables));
  const bootstrap = await stage.plan({}, 'bootstrap');

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

  /** The plan of one variant: the plainest, but for what is said. */
  const planOf = (choice: Partial<Omit<Variant, 'name' | 'install' | 'variables'>>): Plan => {
    const wanted = Object.entries({ albs: 1, domain: false, isPrivate: false, standby: false, ...choice });
    const at = VARIANTS.findIndex((variant) =>
      wanted.every(([key, value]) => variant[key as keyof Variant] === value),
    );
    return planned[at]!;
  };
  const plain = planOf({});

  describe('health checks', () => healthChecks(plain));
  describe('cost', () =>
    costs({
      plain,
      domain: planOf({ domain: true }),
      standby: planOf({ standby: true }),
      three: planOf({ albs: 3 }),
      private: planOf({ isPrivate: true }),
      bootstrap,
    }));

  test('a zone that cannot hold the domain is found in the plan, not by a certificate that nobody can prove', async () => {
    const { variables } = VARIANTS.find(({ domain }) => domain)!;
    const refused = stage.plan({ ...variables, domain: 'preview.example.org' });
    await expect(refused).rejects.toMatchObject({
      stderr: expect.stringMatching(/zone_id is the zone of example\.com/) as string,
    });
  });

  test('a load balancer more, or a domain, changes what it has to and nothing else', () => {
    const count = (choice: Parameters<typeof planOf>[0]) => planOf(choice).resources.length;
    // Without a domain: load balancer, listener, target group, the waiting room's rule and that of robots.txt.
    expect(count({ albs: 3 }) - count({})).toBe(2 * 5);
    // With one: besides, a redirect, a name, and a proof for the certificate.
    expect(count({ domain: true, albs: 3 }) - count({ domain: true })).toBe(2 * 8);
    // Another network is another place for the same things.
    for (const domain of [false, true])
      for (const albs of [1, 3])
        expect(count({ domain, albs, isPrivate: true })).toBe(count({ domain, albs }));
    expect(count({ standby: true })).toBe(count({}));
  });

  afterAll(() => {
    for (const [n, { name }] of VARIANTS.entries())
      process.stdout.write(`${String(planned[n]!.resources.length).padStart(4)} resources: ${name}\n`);
  });
}
