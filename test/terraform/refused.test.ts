import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { declarationsOf } from './variables.ts';
import { PLAIN, VARIANTS } from './variants.ts';

const TERRAFORM = resolve(import.meta.dirname, '../../terraform');
const declared = declarationsOf(join(TERRAFORM, 'variables.tf'));

const DOMAIN = VARIANTS.find(({ domain }) => domain)!.variables;
const OWN_VPC = VARIANTS.find(({ isPrivate }) => isPrivate)!.variables;
const without = (variables: object, ...names: string[]) =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !names.includes(name))) as typeof DOMAIN;

/** The variable that is to blame, what is given, and the way out that is told. */
const REFUSED: readonly [string, Record<string, string>, RegExp][] = [
  ['install', { ...PLAIN.variables, install: 'Tempus' }, /lower-case letters.*such as tempus/],
  ['install', { ...PLAIN.variables, install: 'a-name-of-17-char' }, /1 to 16/],
  ['install', { ...PLAIN.variables, install: 'qa--2' }, /single hyphens/],
  ['install', { ...PLAIN.variables, install: 'qa-' }, /do not end in a hyphen/],
  ['install', { ...PLAIN.variables, install: 'internal' }, /use another one, such as tempus/],
  ['install', { ...PLAIN.variables, install: 'sg-1' }, /use another one, such as tempus/],
  ['region', { ...PLAIN.variables, region: 'us-east-1a' }, /such as us-east-1/],
  ['control_plane_image', { ...PLAIN.variables, control_plane_image: 'tempus' }, /`make push` prints it/],
  ['default_image', { ...PLAIN.variables, default_image: 'ghcr.io/acme/web' }, /with a tag or digest/],
  [
    'allowed_cidrs',
    without(PLAIN.variables, 'allowed_cidrs'),
    /such as \["203.0.113.0\/24"\], or set domain/,
  ],
  ['allowed_cidrs', { ...PLAIN.variables, allowed_cidrs: '[]' }, /leave it out and set domain/],
  ['allowed_cidrs', { ...PLAIN.variables, allowed_cidrs: '["0.0.0.0/0"]' }, /must not be 0.0.0.0\/0/],
  ['allowed_cidrs', { ...PLAIN.variables, allowed_cidrs: '["203.0.113.0"]' }, /such as 203.0.113.0\/24/],
  ['allowed_cidrs', { ...PLAIN.variables, allowed_cidrs: '["2001:db8::/32"]' }, /no IPv6/],
  ['allowed_cidrs', { ...PLAIN.variables, allowed_cidrs: '["203.0.113.7/24"]' }, /one address alone is/],
  [
    'allowed_cidrs',
    {
      ...PLAIN.variables,
      allowed_cidrs: JSON.stringify(Array.from({ length: 21 }, (_, n) => `10.0.${n}.0/24`)),
    },
    /1 to 20 ranges/,
  ],
  ['domain', { ...DOMAIN, domain: '*.example.com' }, /without \*\., such as preview.example.com/],
  ['domain', { ...DOMAIN, domain: `${'a'.repeat(55)}.example` }, /choose a shorter one/],
  ['zone_id', without(DOMAIN, 'zone_id'), /set both .*list-hosted-zones/],
  ['zone_id', { ...DOMAIN, zone_id: '/hostedzone/Z0123456789' }, /without \/hostedzone\//],
  ['api_domain', without(DOMAIN, 'api_domain'), /set both, such as/],
  ['api_domain', { ...DOMAIN, api_domain: 'api.preview.example.com' }, /use a sibling/],
  ['api_domain', { ...DOMAIN, api_domain: 'example.com' }, /use a sibling/],
  ['api_domain', { ...DOMAIN, api_domain: 'preview.example.com' }, /use a sibling/],
  ['api_domain', { ...DOMAIN, api_domain: 'https://tempus.example.com' }, /such as tempus.example.com/],
  ['vpc_id', { ...OWN_VPC, vpc_id: 'my-vpc' }, /leave it out for the default VPC/],
  ['public_subnet_ids', without(OWN_VPC, 'public_subnet_ids', 'private_subnet_ids'), /set both, or neither/],
  ['public_subnet_ids', { ...OWN_VPC, public_subnet_ids: '["subnet-1"]' }, /at least two different subnets/],
  [
    'public_subnet_ids',
    { ...OWN_VPC, public_subnet_ids: '["subnet-1","subnet-1"]' },
    /at least two different subnets/,
  ],
  ['private_subnet_ids', { ...PLAIN.variables, private_subnet_ids: '["subnet-1"]' }, /set all three/],
  ['alb_count', { ...PLAIN.variables, alb_count: '5' }, /make a second install/],
  ['alb_count', { ...PLAIN.variables, alb_count: '1.5' }, /must be 1 to 4/],
  ['standby', { ...PLAIN.variables, standby: 'two' }, /bool/],
  ['default_arch', { ...PLAIN.variables, default_arch: 'arm64' }, /X86_64 or ARM64/],
  ['default_capacity', { ...PLAIN.variables, default_capacity: 'SPOT' }, /on_demand or spot/],
  ['max_ttl_hours', { ...PLAIN.variables, max_ttl_hours: '0.5' }, /must be 1 to 720/],
  ['max_ttl_hours', { ...PLAIN.variables, max_ttl_hours: '721' }, /kept for 30 days/],
  ['log_retention_days', { ...PLAIN.variables, log_retention_days: '10' }, /one that CloudWatch knows/],
  ['alarm_actions', { ...PLAIN.variables, alarm_actions: '["me@example.com"]' }, /such as arn:aws:sns/],
];

function hasTerraform(): boolean {
  return spawnSync('terraform', ['version']).status === 0;
}

if (!hasTerraform()) {
  process.stderr.write('SKIPPED what Terraform refuses: there is no terraform here\n');
  test.skip('what Terraform refuses (there is no terraform here)');
} else
  describe('Terraform', () => {
    let folder: string;
    beforeAll(() => {
      // The variables alone: what is wrong with them is found before anything of AWS is asked.
      folder = mkdtempSync(join(tmpdir(), 'tempus-variables-'));
      copyFileSync(join(TERRAFORM, 'variables.tf'), join(folder, 'variables.tf'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    /** What is said of these variables, on one line; '' where nothing is wrong. */
    const complaint = (variables: Readonly<Record<string, string>>): string => {
      const given = Object.entries(variables).flatMap(([name, value]) => ['-var', `${name}=${value}`]);
      const { status, stdout, stderr } = spawnSync(
        'terraform',
        ['plan', '-no-color', '-input=false', '-lock=false', ...given],
        { cwd: folder, encoding: 'utf8' },
      );
      return status === 0 ? '' : `${stdout}${stderr}`.replace(/[\s│╷╵]+/g, ' ');
    };

    test.each(VARIANTS)('takes the variables of: $name', ({ variables }) => {
      expect(complaint(variables)).toBe('');
    });

    test.each(REFUSED)('refuses a wrong %s, and says the way out: %j', (name, variables, wayOut) => {
      const said = complaint(variables);
      const blamed = [...said.matchAll(/variable "(\w+)"|var\.(\w+)/g)].map(([, a, b]) => a ?? b);
      expect(blamed).toContain(name);
      expect(said).toMatch(wayOut);
    });

    test('tells of everything that is wrong at once', () => {
      const said = complaint({ ...DOMAIN, install: 'A', alb_count: '9', max_ttl_hours: '0' });
      for (const name of ['install', 'alb_count', 'max_ttl_hours'])
        expect(said).toContain(`variable "${name}"`);
    });

    test('finds every file as it would format it', () => {
      const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-recursive', TERRAFORM], {
        encoding: 'utf8',
      });
      expect([status, stdout]).toEqual([0, '']);
    });
  });

test('there are few variables, and each has a type, a description, and a value that is refused', () => {
  expect(declared.length).toBeLessThanOrEqual(18);
  const refused = new Set(REFUSED.map(([name]) => name));
  for (const { name, text } of declared) {
    expect(text, name).toMatch(/^ {2}type += (string|number|bool|list\(string\))$/m);
    expect(text, name).toMatch(/^ {2}description = ".{20,}"$/m);
    expect(text, name).toMatch(/^ {2}validation \{$/m);
    expect(refused, name).toContain(name);
  }
  expect(new Set(declared.map(({ name }) => name))).toEqual(refused);
});
