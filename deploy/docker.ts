import { runProgram } from './program.ts';
import { Refusal } from './refusal.ts';

/** A build and a push of plain images: with attestations what is pushed would be an index, and no part of another. */
const env = { BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };

/** Runs the docker command. Throws Refusal with what it says where it fails. */
async function docker(
  args: readonly string[],
  hint: string,
  options: { input?: string; show?: boolean } = {},
): Promise<string> {
  const { input, show = false } = options;
  const { code, stdout, stderr } = await runProgram('docker', args, {
    env,
    quiet: !show,
    ...(input === undefined ? {} : { input }),
  });
  if (code === 0) return stdout.trim();
  const why = show ? 'it says above why' : stderr.trim().split('\n').slice(-3).join(' ');
  throw new Refusal(`docker ${args[0]} failed`, why || `exit code ${code}`, hint);
}

/** undefined where an engine answers. */
export async function whyNoEngine(): Promise<string | undefined> {
  try {
    await docker(['version', '--format', '{{.Server.Version}}'], 'start Docker');
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.detail;
    throw error;
  }
}

/** Throws Refusal where no engine answers. */
export async function requireEngine(): Promise<void> {
  const why = await whyNoEngine();
  if (why !== undefined)
    throw new Refusal('no Docker engine answers', why, 'install or start Docker, then repeat');
}

export interface ImageBuild {
  folder: string;
  target: string;
  platform: string;
  name: string;
  nodeImage: string;
}

/** Builds one image for one platform, whatever this machine is: nothing of it runs while it is built. */
export async function buildImage({ folder, target, platform, name, nodeImage }: ImageBuild): Promise<void> {
  // The builder of older engines takes a base image that is there already for any platform: so it is pulled for this one.
  const base = ['--pull', '--platform', platform, '--build-arg', `NODE_IMAGE=${nodeImage}`];
  await docker(
    ['build', ...base, '--target', target, '--tag', name, folder],
    `see that ${nodeImage} can be pulled for ${platform}; NODE_IMAGE=… names another place for it`,
    { show: true },
  );
  const { architecture } = await inspectImage(name);
  if (`linux/${architecture}` === platform) return;
  throw new Refusal(
    `${name} is for ${architecture} and not for ${platform}`,
    `${nodeImage} has no image for ${platform}, or the builder has kept another`,
    'docker builder prune, or NODE_IMAGE=… with an image for both platforms',
  );
}

export async function hasImage(name: string): Promise<boolean> {
  return (await runProgram('docker', ['image', 'inspect', name], { quiet: true })).code === 0;
}

export async function inspectImage(name: string): Promise<{ architecture: string; bytes: number }> {
  const format = '{{.Architecture}} {{.Size}}';
  const text = await docker(['image', 'inspect', '--format', format, name], 'make build');
  const [architecture = '', bytes] = text.split(' ');
  return { architecture, bytes: Number(bytes) };
}

/** The password is on stdin alone: no list of processes and no history shows it. */
export async function logIn(registry: string, password: string): Promise<void> {
  const args = ['login', '--username', 'AWS', '--password-stdin', registry];
  await docker(args, 'see that these credentials may ecr:GetAuthorizationToken, then repeat', {
    input: password,
  });
}

export async function pushImage(name: string, reference: string): Promise<void> {
  await docker(['tag', name, reference], 'make build');
  await docker(['push', reference], 'repeat make push: what is there already is not pushed again', {
    show: true,
  });
}

/** One reference for several platforms: each machine pulls the one that it can run. */
export async function pushManifest(reference: string, members: readonly string[]): Promise<void> {
  // An engine takes a registry of this machine without TLS by itself; this command has to be told.
  const insecure = reference.startsWith('127.0.0.1:') ? ['--insecure'] : [];
  const hint = 'repeat make push: what is there already is not pushed again';
  await docker(['manifest', 'create', ...insecure, '--amend', reference, ...members], hint);
  await docker(['manifest', 'push', ...insecure, '--purge', reference], hint);
}
