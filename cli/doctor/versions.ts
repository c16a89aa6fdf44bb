import { type Finding, ok, orElse, warn } from './finding.ts';

function parts(version: string): number[] {
  return version.split(/[.+-]/).slice(0, 3).map(Number);
}

/** Below 0 where `a` is the older of two versions like 1.2.3, above 0 where it is the newer one. */
export function compareVersions(a: string, b: string): number {
  const other = parts(b);
  return parts(a).reduce((order, part, n) => order || part - (other[n] ?? 0) || 0, 0);
}

export interface Versions {
  command: string;
  api: string;
  /** Undefined where none has ever led. */
  controller: string | undefined;
}

/** Whether this command, the API and the controller are of one version, and which of them to bring up to date. */
export function judgeVersions(versions: Versions, laptop: boolean): Finding[] {
  const { command, api, controller } = versions;
  const facts = { command, api, controller: controller ?? null };
  const upgrade = laptop ? 'git pull && npm ci && npm start' : 'git pull && npm ci && make build push deploy';
  const found: Finding[] = [];
  if (command !== api) {
    const [older, fix] =
      compareVersions(command, api) < 0 ? ['this command', 'git pull && npm ci'] : ['the API', upgrade];
    const means = `The older of the two, ${older}, may not know what the other asks of it.`;
    found.push(warn(`this command is ${command}, the API ${api}`, { means, fix, facts }));
  }
  if (controller !== undefined && controller !== api) {
    const older = compareVersions(controller, api) < 0 ? 'controller' : 'API';
    const means = `A deployment is under way, or that of the ${older} has failed and its old tasks go on.`;
    found.push(
      warn(`the API is ${api}, the leading controller ${controller}`, { means, fix: upgrade, facts }),
    );
  }
  return orElse(found, ok(`${api} everywhere`, facts));
}
