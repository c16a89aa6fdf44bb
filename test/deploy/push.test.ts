import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test as plain } from 'vitest';
import { describeDocker, docker } from '../docker/engine.ts';
import { slimImage } from '../docker/images.ts';
import { FakeEcr } from '../fakes/ecr.ts';
import { Checkout } from './checkout.ts';
import { hasRegistry, PASSWORD, Registry } from './registry.ts';
import { Account } from './world.ts';

const describeRegistry: typeof describeDocker = (name, define) => {
  if (hasRegistry()) describeDocker(name, define);
  else {
    process.stderr.write(`there is no docker-registry: its tests were skipped (${name})\n`);
    plain.skip(name, () => undefined);
  }
};

/** Node's slim image for both processors, under one name, as a registry has it. Here both hold this machine's program. */
function publishBase(registry: Registry): string {
  const name = `${registry.host}/node:24-slim`;
  const context = mkdtempSync(join(tmpdir(), 'tempus-base-'));
  const members = ['amd64', 'arm64'].map((architecture) => {
    // The legacy builder takes a layer of the same content for the same, whatever it is for: so the programs differ.
    copyFileSync(process.execPath, join(context, 'node'));
    appendFileSync(join(context, 'node'), architecture);
    writeFileSync(
      join(context, 'Dockerfile'),
      `FROM ${slimImage()} AS slim\nFROM scratch\nCOPY node /usr/local/bin/\nCOPY --from=slim /usr/lib /usr/lib\n`,
    );
    const member = `${name}-${architecture}`;
    execFileSync(
      'docker',
      ['build', '--quiet', '--platform', `linux/${architecture}`, '--tag', member, context],
      {
        env: { ...process.env, DOCKER_BUILDKIT: '0' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    docker('push', '--quiet', member);
    return member;
  });
  docker('manifest', 'create', '--insecure', '--amend', name, ...members);
  docker('manifest', 'push', '--insecure', '--purge', name);
  rmSync(context, { recursive: true });
  return name;
}

describeRegistry('images on their way to the account', (test) => {
  let account: Account;
  let base: Registry;
  let registry: Registry;
  let checkout: Checkout;
  let given: string;
  /** What `make build` leaves on the engine. */
  const built: string[] = [];

  beforeAll(async () => {
    [base, registry] = await Promise.all([Registry.start({ asks: false }), Registry.start({ asks: true })]);
    account = await Account.open({ registry: registry.host, password: PASSWORD });
    checkout = new Checkout(account.env);
    given = `NODE_IMAGE=${publishBase(base)}`;
    expect(await checkout.make(['setup', 'ALLOWED_CIDRS=127.0.0.0/8'])).toMatchObject({ code: 0 });
  }, 120_000);

  afterAll(async () => {
    checkout.dispose();
    await account.close();
    await Promise.all([base.stop(), registry.stop()]);
    const mine = docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}').split('\n');
    const names = mine.filter((name) => [base.host, registry.host].some((host) => name.startsWith(host)));
    if (names.length + built.length > 0) docker('image', 'rm', ...names, ...built);
  });

  test('push before build says make build, and pushes nothing', async () => {
    const { code, stderr } = await checkout.make(['push', given]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('error: nothing is built');
    expect(stderr).toContain('next: make build');
  });

  test('build makes each image for every processor that it runs on', async () => {
    const { code, stdout, stderr } = await checkout.make(['build', given]);
    expect(code, stderr).toBe(0);
    const lines = [...stdout.matchAll(/(\d+) MB {2}(tempus\/\S+)/g)].map(([, megabytes, name]) => ({
      megabytes: Number(megabytes),
      name,
    }));
    built.push(...lines.map(({ name = '' }) => name));
    expect(lines.map(({ name }) => name?.replace(/:.*-/, ' '))).toEqual([
      'tempus/control-plane arm64',
      'tempus/hello amd64',
      'tempus/hello arm64',
    ]);
    for (const { name = '', megabytes } of lines) {
      expect(megabytes).toBeLessThan(200);
      expect(docker('image', 'inspect', '--format', '{{.Architecture}}', name)).toBe(name.split('-').at(-1));
    }
  }, 300_000);

  test('a login that the registry refuses is told, and nothing is noted for deploy', async () => {
    const other = await FakeEcr.start({ registry: registry.host, password: PASSWORD, handsOut: 'expired' });
    for (const part of ['control-plane', 'hello']) other.put(`tempus-${part}`, 'tempus', 'local');
    const { code, stderr } = await checkout.make(['push', given], {
      env: { AWS_ENDPOINT_URL_ECR: other.endpoint },
    });
    await other.stop();
    expect(code).not.toBe(0);
    expect(stderr).toContain('error: docker login failed');
    expect(stderr).toContain('next: see that these credentials may ecr:GetAuthorizationToken');
    expect(checkout.has('terraform/images.auto.tfvars.json')).toBe(false);
  });

  test('push puts both into the registry, the sample app for two processors, and repeated pushes nothing', async () => {
    const first = await checkout.make(['push', given]);
    expect(first.code, first.stderr).toBe(0);
    const images = JSON.parse(checkout.read('terraform/images.auto.tfvars.json')) as Record<string, string>;
    const tag = images['default_image']?.split(':').at(-1) ?? '';
    expect(tag).toMatch(/^0\.1\.0-[0-9a-f]{12}$/);
    expect(checkout.read('dist/tag')).toBe(tag);
    expect(images).toEqual({
      control_plane_image: `${registry.host}/tempus-control-plane:${tag}`,
      default_image: `${registry.host}/tempus-hello:${tag}`,
    });
    const control = await registry.manifest('tempus-control-plane', tag);
    expect(control?.mediaType).toContain('manifest.v2+json');
    const hello = await registry.manifest('tempus-hello', tag);
    expect(hello?.manifests?.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);

    const second = await checkout.make(['push', given]);
    expect(second.code).toBe(0);
    expect(second.stdout.match(/is there already/g)).toHaveLength(2);
    expect(await registry.manifest('tempus-control-plane', tag)).toEqual(control);
    expect(await registry.manifest('tempus-hello', tag)).toEqual(hello);
  }, 120_000);

  test('what differs in one byte gets another tag, and a tag that is taken keeps its image', async () => {
    const before = JSON.parse(checkout.read('terraform/images.auto.tfvars.json')) as Record<string, string>;
    const tag = before['default_image']?.split(':').at(-1) ?? '';
    const hello = await registry.manifest('tempus-hello', tag);
    checkout.write('examples/hello/server.mjs', `${checkout.read('examples/hello/server.mjs')}\n`);
    const unbuilt = await checkout.make(['push', given]);
    expect(unbuilt.code).not.toBe(0);
    expect(unbuilt.stderr).toMatch(
      /error: there is no image tempus\/control-plane:0\.1\.0-[0-9a-f]{12}-arm64 on this machine/,
    );
    expect(unbuilt.stderr).not.toContain(tag);
    const back = await checkout.make(['push', `TAG=${tag}`, given]);
    expect(back.code).toBe(0);
    expect(await registry.manifest('tempus-hello', tag)).toEqual(hello);
    expect(JSON.parse(checkout.read('terraform/images.auto.tfvars.json'))).toEqual(before);
  });
});
