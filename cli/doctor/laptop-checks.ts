import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Check } from './check.ts';
import { type Finding, ok, warn } from './finding.ts';

const DOCKER_MS = 5_000;
/** What package.json installs, and what runs TypeScript without a build. */
const NODE = 24;

/** What matters on a machine that runs laptop mode, besides its API. */
export function laptopChecks(): Check[] {
  return [
    { name: 'node', look: async () => [judgeNode(process.versions.node)] },
    { name: 'docker', look: async () => [judgeEngine(await lookAtEngine())] },
  ];
}

export function judgeNode(version: string): Finding {
  if (Number(version.split('.')[0]) >= NODE) return ok(version, { version });
  const means = `Tempus runs on Node ${NODE}, which npm ci brings along.`;
  return warn(`this command runs on Node ${version}`, { means, fix: 'npm ci', facts: { version } });
}

/** What the engine says of itself, or what the docker command says in its place. */
export type Engine = { version: string } | { trouble: string };

async function lookAtEngine(): Promise<Engine> {
  const asked = ['version', '--format', '{{.Server.Version}}'];
  try {
    const { stdout } = await promisify(execFile)('docker', asked, { timeout: DOCKER_MS });
    return { version: stdout.trim() };
  } catch (error) {
    const { code, killed, stderr, message } = error as NodeJS.ErrnoException & {
      killed?: boolean;
      stderr?: string;
    };
    if (code === 'ENOENT') return { trouble: 'there is no docker command' };
    if (killed) return { trouble: `docker did not answer within ${DOCKER_MS / 1000} s` };
    return { trouble: stderr?.trim().split('\n').at(-1) || message };
  }
}

export function judgeEngine(engine: Engine): Finding {
  if ('version' in engine) return ok(`engine ${engine.version}`, engine);
  const means = 'Previews of images end as Failed/NoContainerEngine; commands (--cmd) run.';
  const fix = 'start Docker, and check it with: docker version';
  return warn(`no engine answers: ${engine.trouble}`, { means, fix, facts: engine });
}
