import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ECR } from '@aws-sdk/client-ecr';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Checkout } from './checkout.ts';
import { Account } from './world.ts';

const BUCKET = 'tempus-state-000000000000-us-east-1';
const BOTH = ['tempus-control-plane', 'tempus-hello'];
const WRITTEN = [
  'terraform/backend.tf',
  'terraform/bootstrap/backend.tf',
  'terraform/bootstrap/provider_override.tf',
  'terraform/install.auto.tfvars.json',
  'terraform/provider_override.tf',
  'terraform/terraform.tfvars',
];

let account: Account;
const checkouts: Checkout[] = [];

function clone(): Checkout {
  const checkout = new Checkout(account.env);
  checkouts.push(checkout);
  return checkout;
}

const applies = () => account.deeds().filter(({ what }) => what === 'apply').length;
const bucket = () => readdirSync(join(account.buckets, BUCKET));

beforeEach(async () => {
  account = await Account.open();
});

afterEach(async () => {
  for (const checkout of checkouts.splice(0)) checkout.dispose();
  await account.close();
});

test('setup makes bucket and repositories, moves what it knows of them into the bucket, and repeated makes nothing', async () => {
  const checkout = clone();
  const first = await checkout.make(['setup', 'ALLOWED_CIDRS=203.0.113.0/24,198.51.100.7/32']);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain(
    'AWS account 000000000000, region us-east-1, as arn:aws:iam::000000000000:root',
  );
  expect(account.ecr.names).toEqual(BOTH);
  expect(bucket()).toEqual(['bootstrap.tfstate']);
  expect(checkout.written()).toEqual(WRITTEN);
  expect(checkout.read('terraform/terraform.tfvars')).toContain(
    '\nallowed_cidrs = ["203.0.113.0/24", "198.51.100.7/32"]\n',
  );
  const backend = checkout.read('terraform/backend.tf');
  for (const line of [`bucket              = "${BUCKET}"`, 'use_lockfile        = true'])
    expect(backend).toContain(line);

  checkout.write('terraform/terraform.tfvars', 'allowed_cidrs = ["192.0.2.0/24"] # ours\n');
  expect(await checkout.make(['setup'])).toMatchObject({ code: 0 });
  expect(applies()).toBe(1);
  expect(checkout.read('terraform/backend.tf')).toBe(backend);
  expect(checkout.read('terraform/terraform.tfvars')).toContain('# ours');
});

test('a second person is given no terraform.tfvars of their own, which would undo what the team has chosen', async () => {
  const [one, two] = [clone(), clone()];
  await one.make(['setup', 'ALLOWED_CIDRS=203.0.113.0/24']);
  const { code, stdout } = await two.make(['setup', 'ALLOWED_CIDRS=198.51.100.0/24']);
  expect(code).toBe(0);
  expect(stdout).toContain('is what the whole install goes by, so this writes none');
  expect(stdout).toContain('Take over terraform/terraform.tfvars from where your team keeps it');
  expect(two.has('terraform/terraform.tfvars')).toBe(false);
  const deploy = await two.make(['deploy', 'YES=1']);
  expect(deploy.stderr).toContain(
    'error: terraform/terraform.tfvars does not say who may reach this install',
  );
  expect(deploy.stderr).toContain('next: take it over');
});

/** STS as it answers in another account. */
async function otherAccount(): Promise<{ server: Server; env: Record<string, string> }> {
  const body =
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
    '<Arn>arn:aws:iam::111111111111:user/deployer</Arn><UserId>AID</UserId><Account>111111111111</Account>' +
    '</GetCallerIdentityResult></GetCallerIdentityResponse>';
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/xml' }).end(body),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, env: { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}` } };
}

test.each(['STATE=s3', 'STATE=local'])(
  'with %s a checkout stays in its account: other credentials change nothing, whatever the target',
  async (state) => {
    const checkout = clone();
    await checkout.make(['setup', state, 'ALLOWED_CIDRS=203.0.113.0/24']);
    checkout.build();
    const before = checkout.written().map((file) => [file, checkout.read(file)]);
    const deeds = account.deeds().length;
    const { server, env } = await otherAccount();
    for (const args of [
      ['setup'],
      ['push'],
      ['deploy', 'YES=1'],
      ['token'],
      ['destroy', 'EVERYTHING=1', 'YES=1'],
    ]) {
      const { code, stderr } = await checkout.make(args, { env });
      expect(code).not.toBe(0);
      expect(stderr).toContain(
        'error: this checkout is set up in account 000000000000\n' +
          '  these credentials are of account 111111111111, as arn:aws:iam::111111111111:user/deployer\n' +
          '  next: take credentials of 000000000000 (AWS_PROFILE=…)',
      );
    }
    server.close();
    expect(checkout.written().map((file) => [file, checkout.read(file)])).toEqual(before);
    expect(account.deeds()).toHaveLength(deeds);
    for (const folder of ['terraform', 'terraform/bootstrap'])
      expect(checkout.read(`${folder}/provider_override.tf`)).toContain(
        'allowed_account_ids = ["000000000000"]',
      );
  },
);

test('what the environment says to Terraform by chance decides nothing, and what it needs to work stays', async () => {
  const checkout = clone();
  const env = {
    TF_VAR_install: 'other',
    TF_WORKSPACE: 'other',
    TF_DATA_DIR: 'other',
    TF_CLI_ARGS: '-lock=false',
    TF_CLI_ARGS_apply: '-target=nothing',
    TF_CLI_CONFIG_FILE: '/dev/null',
    TF_LOG: 'WARN',
  };
  expect(await checkout.make(['setup'], { env })).toMatchObject({ code: 0 });
  expect(account.deeds().map(({ told }) => told)).toEqual([
    ['TF_CLI_CONFIG_FILE', 'TF_IN_AUTOMATION', 'TF_LOG'],
  ]);
});

test('a second person with a fresh clone gets the same install, and creates nothing', async () => {
  const [one, two] = [clone(), clone()];
  await one.make(['setup', 'INSTALL=tempus-qa']);
  const { code, stdout } = await two.make(['setup', 'INSTALL=tempus-qa']);
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('was set up before') as string,
  });
  expect(applies()).toBe(1);
  for (const file of WRITTEN.slice(0, 5)) expect(two.read(file)).toBe(one.read(file));
});

test('a first setup that broke off is not taken for a whole one elsewhere, and goes on where it began', async () => {
  const [one, two] = [clone(), clone()];
  const broken = await one.make(['setup'], { env: { STAND_IN_BREAKS_AT: 'hello' } });
  expect(broken.code).not.toBe(0);
  expect(broken.stderr).toContain('terraform apply did not get to its end');
  expect(account.ecr.names).toEqual(['tempus-control-plane']);
  expect(one.has('terraform/backend.tf')).toBe(false);

  const elsewhere = await two.make(['setup']);
  expect(elsewhere.code).not.toBe(0);
  expect(elsewhere.stderr).toContain('next: repeat make setup in that checkout');
  expect(two.written()).toEqual([]);

  expect(await one.make(['setup'])).toMatchObject({ code: 0 });
  expect(account.ecr.names).toEqual(BOTH);
  expect(bucket()).toEqual(['bootstrap.tfstate']);
  expect(await two.make(['setup'])).toMatchObject({ code: 0 });
});

test('a first setup that broke off before its state was in the bucket goes on from the one in the checkout', async () => {
  const checkout = clone();
  const broken = await checkout.make(['setup'], { env: { STAND_IN_BREAKS_AT: 'migration' } });
  expect(broken.stderr).toContain('terraform init did not get to its end');
  expect(checkout.has('terraform/backend.tf')).toBe(false);
  expect(bucket()).toEqual([]);
  const other = clone();
  const elsewhere = await other.make(['setup']);
  expect(elsewhere.stderr).toContain('error: a first make setup of this install has not got to its end');
  expect(other.written()).toEqual([]);
  expect(await checkout.make(['setup'])).toMatchObject({ code: 0 });
  expect(bucket()).toEqual(['bootstrap.tfstate']);
  expect(checkout.has('terraform/bootstrap/terraform.tfstate')).toBe(false);
});

test('a bucket of the right name that the account does not own is not taken', async () => {
  mkdirSync(join(account.buckets, BUCKET));
  const checkout = clone();
  const { code, stderr } = await checkout.make(['setup']);
  expect(code).not.toBe(0);
  expect(stderr).toContain('BucketAlreadyExists');
  expect(bucket()).toEqual([]);
  expect(checkout.has('terraform/backend.tf')).toBe(false);
  expect(checkout.has('terraform/bootstrap/backend.tf')).toBe(false);
});

test('repositories of somebody else are left alone', async () => {
  const ecr = new ECR({
    region: 'us-east-1',
    endpoint: account.ecr.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await ecr.createRepository({ repositoryName: 'tempus-hello' });
  ecr.destroy();
  const checkout = clone();
  const { code, stderr } = await checkout.make(['setup']);
  expect(code).not.toBe(0);
  expect(stderr).toContain('error: the repository tempus-hello is not of this install');
  expect(stderr).toContain('next: choose another name: make setup INSTALL=…');
  expect(applies()).toBe(0);
  expect(checkout.written()).toEqual([]);
});

test('with STATE=local there is no bucket, and another checkout is told where the state is', async () => {
  const checkout = clone();
  expect(await checkout.make(['setup', 'STATE=local'])).toMatchObject({ code: 0 });
  expect(account.ecr.names).toEqual(BOTH);
  expect(account.bucketNames()).toEqual([]);
  expect(checkout.has('terraform/bootstrap/terraform.tfstate')).toBe(true);
  expect(checkout.read('terraform/backend.tf')).toContain('backend "local" {}');
  expect(await checkout.make(['setup'])).toMatchObject({ code: 0 });
  const other = await checkout.make(['setup', 'STATE=s3']);
  expect(other.stderr).toContain('error: this checkout was set up with STATE=local');
  const elsewhere = await clone().make(['setup']);
  expect(elsewhere.stderr).toContain('error: this install was set up with STATE=local in another checkout');
});

test('a checkout is for one install, and says so when it is asked for another', async () => {
  const checkout = clone();
  await checkout.make(['setup']);
  const { code, stderr } = await checkout.make(['setup', 'INSTALL=other']);
  expect(code).not.toBe(0);
  expect(stderr).toContain('error: this checkout is set up for tempus in us-east-1');
  expect(account.ecr.names).toEqual(BOTH);
});
