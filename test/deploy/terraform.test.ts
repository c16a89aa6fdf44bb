import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Checkout } from './checkout.ts';
import { ProviderMirror, whyNoTerraform } from './real-terraform.ts';
import { Account } from './world.ts';

const missing = whyNoTerraform();
if (missing !== undefined) process.stderr.write(`make with the real Terraform is not tested: ${missing}\n`);

describe.skipIf(missing !== undefined)(
  'make with the real Terraform, whose provider invents what AWS would answer',
  () => {
    let account: Account;
    let mirror: ProviderMirror;
    let checkout: Checkout;

    beforeAll(async () => {
      account = await Account.open();
      mirror = new ProviderMirror();
      checkout = new Checkout({ ...account.env, ...mirror.env }, { terraform: 'real' });
    });

    afterAll(async () => {
      checkout.dispose();
      mirror.dispose();
      await account.close();
    });

    test('setup applies bootstrap, repeated changes nothing, and its end is complete', async () => {
      const first = await checkout.make(['setup', 'STATE=local', 'ALLOWED_CIDRS=203.0.113.0/24']);
      expect(first.code, first.stderr).toBe(0);
      expect(first.stdout).toContain('Apply complete! Resources: 4 added, 0 changed, 0 destroyed.');
      const format = spawnSync('terraform', ['fmt', '-check', '-diff', '-recursive', 'terraform'], {
        cwd: checkout.folder,
      });
      expect({ status: format.status, diff: format.stdout.toString() }).toEqual({ status: 0, diff: '' });
      const second = await checkout.make(['setup']);
      expect(second.code, second.stderr).toBe(0);
      expect(second.stdout).toContain('Resources: 0 added, 0 changed, 0 destroyed.');
      const end = await checkout.make(['destroy', 'EVERYTHING=1', 'YES=1']);
      expect(end.code, end.stderr).toBe(0);
      expect(end.stdout).toContain('Apply complete! Resources: 0 added, 2 changed, 0 destroyed.');
      expect(end.stdout).toContain('Destroy complete! Resources: 4 destroyed.');
      expect(checkout.written().filter((file) => !file.endsWith('.terraform.lock.hcl'))).toEqual([
        'terraform/terraform.tfvars',
      ]);
    });

    test('deploy applies the install, and believes neither Terraform nor its provider that it runs', async () => {
      expect(await checkout.make(['setup', 'STATE=local'])).toMatchObject({ code: 0 });
      await account.prepare();
      for (const part of ['control-plane', 'hello']) {
        account.ecr.put(`tempus-${part}`, 'tempus', 'local');
        account.ecr.addImage(`tempus-${part}`, '0.1.0-test');
      }
      checkout.build();
      const { code, stdout, stderr } = await checkout.make([
        'deploy',
        'YES=1',
        'TAG=0.1.0-test',
        'TIMEOUT_S=1',
      ]);
      expect(stdout, stderr).toMatch(/Apply complete! Resources: \d+ added, 0 changed, 0 destroyed/);
      // What the provider has invented is nowhere: ECS knows no such service.
      expect(code).not.toBe(0);
      expect(stderr).toContain(
        'error: the api does not run what was deployed\n  its service runs nothing and not ',
      );
      expect(stderr).toContain('the events of the ECS service tempus-api');
    });
  },
);
