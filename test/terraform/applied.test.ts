import { afterAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../platform/config.ts';
import { SCHEMAS } from './configuration.ts';
import { inTurns } from './in-turns.ts';
import { Stage, terraformCheck } from './plan.ts';
import { type Part, PARTS } from './services.ts';
import { PLAIN, VARIANTS } from './variants.ts';

type Environment = Record<string, string>;

/** The environment of each container, as `terraform output` prints it; text is in JSON's quotes there. */
function environmentsIn(printed: string): Record<Part, Environment> {
  const after = (mark: string) => printed.slice(printed.indexOf(mark) + mark.length);
  const read = (text: string): Environment => {
    const pairs = text.matchAll(/^ *"name" = (".*")\n *"value" = (".*")$/gm);
    return Object.fromEntries(
      [...pairs].map(([, name = '', value = '']) => [
        JSON.parse(name) as string,
        JSON.parse(value) as string,
      ]),
    );
  };
  const [api = '', controller = ''] = after('"api" = {').split('"controller" = {');
  return { api: read(api), controller: read(controller) };
}

const program = terraformCheck();
// The plainest install and the one with most of everything.
const variants = [
  PLAIN,
  ...VARIANTS.filter(({ isPrivate, domain, albs }) => isPrivate && domain && albs > 1),
];
if (program === undefined) {
  const why = 'nothing here applies Terraform without an account';
  process.stderr.write(`SKIPPED ${variants.length} installs that are applied and destroyed: ${why}\n`);
  test.skip(`an install that is applied (${why})`);
} else {
  const stage = await Stage.set(program);
  afterAll(() => stage.remove());
  // AWS is made up, and Terraform is not: what only apply tells has AWS's form.
  const printed = await inTurns(2, variants, (variant) => stage.apply(variant.variables));

  describe.each(variants.map((variant, n) => ({ ...variant, printed: printed[n]! })))('$name', (variant) => {
    const environments = environmentsIn(variant.printed);

    test('a second apply changes nothing, and destroy takes all of it', () => {
      const added = /^ok apply: Apply complete! Resources: (\d+) added, 0 changed/m.exec(
        variant.printed,
      )?.[1];
      expect(Number(added)).toBeGreaterThan(80);
      expect(variant.printed).toMatch(/^ok plan again: No changes\./m);
      expect(variant.printed).toMatch(new RegExp(`^ok destroy: .*Resources: ${added} destroyed`, 'm'));
    });

    test.each(PARTS)('what Terraform tells %s is what it takes', (part) => {
      expect(Object.keys(environments[part]).length).toBeGreaterThan(10);
      expect(() => parseConfig(SCHEMAS[part], environments[part])).not.toThrow();
    });

    test('API and controller agree on where previews are', () => {
      const api = parseConfig(SCHEMAS.api, environments.api);
      const { TEMPUS_ALBS: albs } = parseConfig(SCHEMAS.controller, environments.controller);
      expect(albs).toHaveLength(variant.albs);
      expect(new Set(albs.map(({ listener_arn }) => listener_arn)).size).toBe(variant.albs);
      const hosts = albs.map(({ host_domain }) => host_domain);
      const paths = albs.map(({ path_authority }) => path_authority);
      if (variant.domain) expect(hosts).toEqual(['', 's2.', 's3.'].slice(0, variant.albs).map(below));
      else
        for (const path of paths)
          expect(path).toMatch(/^[^/:]+-previews-\d-\d+\.us-east-1\.elb\.amazonaws\.com$/);
      for (const { primary, scheme } of albs)
        expect([primary, scheme]).toEqual([api.TEMPUS_ROUTING, api.TEMPUS_SCHEME]);
      // Of several load balancers only the slot says which; until it has one, a preview has no address.
      expect([api.TEMPUS_HOST_DOMAIN, api.TEMPUS_PATH_AUTHORITY]).toEqual(
        variant.albs > 1 ? [undefined, undefined] : [hosts[0], paths[0]],
      );
      for (const name of [...hosts, ...paths]) expect(api.TEMPUS_API_HOSTS).not.toContain(name);
    });
  });
}

const below = (shard: string) => `${shard}preview.example.com`;
