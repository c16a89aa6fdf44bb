import { type DockerCli, DockerError } from './docker-cli.ts';

const PROBE_MS = 5_000;

/** What matters here of the machine that containers run on. */
export interface Engine {
  /** As the kernel names it: x86_64, aarch64. */
  architecture: string;
  cpus: number;
}

interface Info {
  ID?: string;
  OSType?: string;
  Architecture?: string;
  NCPU?: number;
  ServerErrors?: string[];
}

/** Asks the engine who it is. Rejects with DockerError when none answers that runs Linux containers. */
export async function findEngine(docker: DockerCli): Promise<Engine> {
  const [info] = await docker.rows<Info>(['info'], { timeoutMs: PROBE_MS });
  // Some versions of the command exit with 0 where no engine answered, and say so in their answer only.
  if (!info?.ID) throw new DockerError('unreachable', info?.ServerErrors?.join('; ') ?? 'no engine answered');
  if (info.OSType !== 'linux') throw new DockerError('refused', 'the engine does not run Linux containers');
  return { architecture: info.Architecture ?? '', cpus: info.NCPU ?? 1 };
}
