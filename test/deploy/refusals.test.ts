import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { providerOverride } from '../../deploy/provider.ts';
import { Checkout, type MakeEnd } from './checkout.ts';
import { Account } from './world.ts';

let account: Account;
let checkout: Checkout;

beforeAll(async () => {
  account = await Account.open();
});

afterAll(() => account.close());

beforeEach(() => {
  checkout = new Checkout(account.env);
});

afterEach(() => checkout.dispose());

/** A failure is told on stderr as what, why and what next, and nothing of an install is written. */
function expectRefusal({ code, stderr }: MakeEnd, title: string, next: string): void {
  expect(code).not.toBe(0);
  expect(stderr).toContain(`error: ${title}`);
  expect(stderr).toMatch(new RegExp(`next: .*${next.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}`));
}

/** As make setup leaves a checkout. */
function asSetUp(choices = 'allowed_cidrs = ["127.0.0.0/8"]\n'): void {
  checkout.write('terraform/install.auto.tfvars.json', '{ "install": "tempus", "region": "us-east-1" }\n');
  checkout.write('terraform/terraform.tfvars', choices);
  checkout.write('terraform/backend.tf', 'terraform {\n  backend "local" {}\n}\n');
  checkout.write('terraform/provider_override.tf', providerOverride('000000000000'));
}

/** STS as it answers whose keys are wrong. */
async function stsThatRefuses(code: string): Promise<{ server: Server; endpoint: string }> {
  const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no good</Message></Error></ErrorResponse>`;
  const server = createServer((_request, response) =>
    response.writeHead(403, { 'content-type': 'text/xml' }).end(body),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('make alone tells each target on one line, and an unknown setting is refused by name', async () => {
  const { code, stdout } = await checkout.make([]);
  expect(code).toBe(0);
  for (const target of ['setup', 'build', 'push', 'deploy', 'token', 'destroy'])
    expect(stdout).toMatch(new RegExp(`^  make ${target} +[A-Z].{20,}$`, 'm'));
  const unknown = await checkout.make(['setup', 'ALLOWED_CIDR=203.0.113.0/24']);
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain('there is no setting ALLOWED_CIDR');
  expect(checkout.written()).toEqual([]);
});

test('a checkout without node_modules says npm ci', async () => {
  const bare = new Checkout(account.env, { installed: false });
  try {
    expectRefusal(await bare.make(['setup']), 'Tempus is not installed in this checkout', 'npm ci');
  } finally {
    bare.dispose();
  }
});

test('settings that are wrong are all named, and what lies in the environment by chance is no setting', async () => {
  const wrong = await checkout.make([
    'setup',
    'INSTALL=Tempus',
    'ALLOWED_CIDRS=anywhere',
    'DOMAIN=a.example.com',
  ]);
  expect(wrong.code).not.toBe(0);
  for (const name of ['INSTALL:', 'ALLOWED_CIDRS:', 'DOMAIN:']) expect(wrong.stderr).toContain(name);
  expect(checkout.written()).toEqual([]);
  expect(await checkout.make([], { env: { FORCE: '1', INSTALL: 'Tempus' } })).toMatchObject({ code: 0 });
  asSetUp();
  const chance = await checkout.make(['destroy'], { env: { EVERYTHING: 'perhaps' } });
  expect(chance).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing is deployed') as string });
});

test('make -j keeps the targets in their order: one that fails ends it', async () => {
  const { stderr } = await checkout.make(['-j4', 'push', 'token', 'deploy']);
  expect(stderr.match(/error: /g)).toHaveLength(1);
});

test('without Terraform, or with an old one, setup says where to get it', async () => {
  const tools = checkout.path('.tools');
  mkdirSync(tools);
  for (const tool of ['make', 'sh']) {
    const found = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(found, join(tools, tool));
  }
  const none = await checkout.make(['setup'], { env: { PATH: tools } });
  expectRefusal(none, 'there is no terraform on this machine', 'install Terraform 1.11 or newer');
  const old = await checkout.make(['setup'], { env: { STAND_IN_VERSION: '1.10.5' } });
  expectRefusal(old, 'Terraform 1.10.5 is too old', 'https://developer.hashicorp.com/terraform/install');
  expect(checkout.written()).toEqual([]);
});

test('without credentials, or with ones that AWS does not take, setup says how to log in', async () => {
  const none = await checkout.make(['setup'], { env: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' } });
  expectRefusal(none, 'there are no AWS credentials', 'AWS_PROFILE');
  for (const [error, title] of [
    ['ExpiredToken', 'the AWS credentials have expired'],
    ['InvalidClientTokenId', 'AWS does not know these credentials'],
  ] as const) {
    const { server, endpoint } = await stsThatRefuses(error);
    expectRefusal(
      await checkout.make(['setup'], { env: { AWS_ENDPOINT_URL_STS: endpoint } }),
      title,
      'aws sso login',
    );
    server.close();
  }
  const unreachable = await checkout.make(['setup'], { env: { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9' } });
  expectRefusal(unreachable, 'AWS does not answer', 'look at the network');
  expect(checkout.written()).toEqual([]);
});

test('a profile beside keys is refused, because Tempus and Terraform would take different ones', async () => {
  const both = await checkout.make(['setup'], { env: { AWS_PROFILE: 'staging' } });
  expectRefusal(both, 'AWS_PROFILE and AWS_ACCESS_KEY_ID are both set', 'unset AWS_PROFILE, or unset');
  expect(both.stderr).toContain('the profile staging');
  expect(checkout.written()).toEqual([]);
});

test('ranges that AWS or plain HTTP cannot bear are refused before anything is made', async () => {
  for (const [given, why] of [
    ['203.0.113.7/24', 'by their first address'],
    ['300.0.113.0/24', 'by their first address'],
    ['203.0.113.0/33', 'by their first address'],
    ['0.0.0.0/0', 'plain HTTP'],
  ] as const) {
    const { code, stderr } = await checkout.make(['setup', `ALLOWED_CIDRS=198.51.100.7/32,${given}`]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(new RegExp(`ALLOWED_CIDRS: .*${why}`));
  }
  expect(checkout.written()).toEqual([]);
});

test('a state that Terraform could not store is not passed over', async () => {
  asSetUp();
  checkout.write('terraform/errored.tfstate', '{}');
  const { stdout, ...end } = await checkout.make(['destroy', 'YES=1', 'FORCE=1']);
  expectRefusal(
    { stdout, ...end },
    'there is a terraform/errored.tfstate',
    'terraform state push errored.tfstate',
  );
  expect(stdout).not.toContain('nothing is deployed');
});

test('push, deploy, token and destroy before setup say make setup', async () => {
  checkout.write('dist/image/package.json', '{}');
  for (const target of ['push', 'deploy', 'token', 'destroy'])
    expectRefusal(await checkout.make([target]), 'this checkout is not set up for an install', 'make setup');
});

test('deploy looks for all that it needs before Terraform begins', async () => {
  asSetUp('# allowed_cidrs = []\n');
  const deploy = (...given: string[]) => checkout.make(['deploy', 'YES=1', ...given]);
  const open = await deploy();
  expectRefusal(
    open,
    'terraform/terraform.tfvars does not say who may reach this install',
    'set allowed_cidrs in it',
  );
  asSetUp();
  expectRefusal(await deploy(), 'nothing is built', 'make build');
  checkout.build();
  checkout.write('preview/phases.ts', `${checkout.read('preview/phases.ts')}\n`);
  expectRefusal(await deploy('TAG=1'), 'what is built is not of these sources', 'make build push deploy');
  checkout.build();
  expectRefusal(await deploy(), 'no images are pushed from this checkout', 'make build push');
  expectRefusal(await deploy('TAG=1'), 'there is no repository tempus-control-plane', 'make setup');
  expect(account.deeds()).toEqual([]);
  expect(checkout.has('terraform/images.auto.tfvars.json')).toBe(false);
  const noted = 'registry.example/tempus-control-plane:2';
  checkout.write('terraform/images.auto.tfvars.json', JSON.stringify({ control_plane_image: noted }));
  checkout.write('dist/tag', '3');
  expectRefusal(
    await deploy(),
    'what was built last, 3, is not what',
    'make push deploy; or make deploy TAG=2',
  );
  expect(account.deeds()).toEqual([]);
});

test('deploy does not begin with an image that nobody has pushed, and says what an API that does not answer may lack', async () => {
  await account.prepare();
  await checkout.make(['setup', 'ALLOWED_CIDRS=127.0.0.0/8']);
  checkout.build();
  const missing = await checkout.make(['deploy', 'YES=1', 'TAG=1']);
  expectRefusal(missing, 'the image tempus-control-plane:1 is not there', 'make build push');
  expect(checkout.has('terraform/images.auto.tfvars.json')).toBe(false);
  for (const name of account.ecr.names) account.ecr.addImage(name, '1');
  const silent = await checkout.make(['deploy', 'YES=1', 'TAG=1', 'TIMEOUT_S=1']);
  expectRefusal(silent, 'the API does not answer at http://127.0.0.1:', 'allowed_cidrs');
  expect(silent.stderr).toContain('ECONNREFUSED');
});
