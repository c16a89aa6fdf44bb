import type { CreateContainer } from '../../client/types.ts';
import { type Arch, envSchema, specFields } from '../../preview/spec-fields.ts';
import { healthcheckOf } from './healthcheck.ts';
import { type Fields, isFields } from './fields.ts';
import { IGNORED, REFUSED } from './refused.ts';
import type { ComposeSource, Path } from './source.ts';
import { mebibytesOf, textOf, wordsOf } from './units.ts';

/** A service as a container, and what else its file says of it. */
export interface Mapped {
  container: CreateContainer;
  /** Whether it is to be reached from outside: said in x-tempus, else by its ports. */
  open: boolean;
  /** What its image is built for, where the file says it. */
  arch?: Arch;
}

const ARCH_OF: Readonly<Record<string, Arch>> = {
  'linux/amd64': 'X86_64',
  'linux/arm64': 'ARM64',
  'linux/arm64/v8': 'ARM64',
};

const KNOWN = new Set([
  'command',
  'cpus',
  'depends_on',
  'deploy',
  'entrypoint',
  'environment',
  'expose',
  'healthcheck',
  'image',
  'mem_limit',
  'platform',
  'ports',
  'profiles',
  'tmpfs',
  'volumes',
  'working_dir',
  'x-tempus',
]);
const X_TEMPUS = new Set(['public', 'health_path', 'health_codes']);

/** The name of a container for a service: Compose also allows capitals, dots and underscores. */
export function containerName(service: string): string {
  const plain = service.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-');
  return (/^[a-z]/.test(plain) ? plain : `s-${plain}`).slice(0, 31);
}

/** Maps one service; what it cannot map is a fault at its place. */
export function mapService(name: string, fields: Fields, source: ComposeSource): Mapped {
  const path: Path = ['services', name];
  judgeKeys(fields, path, source);
  const ports = portsOf(fields, path, source);
  const extra = extrasOf(fields, path, source);
  const limits = limitsOf(fields, path, source);
  const healthcheck = healthcheckOf(fields['healthcheck'], [...path, 'healthcheck'], source);
  const env = environmentOf(fields['environment'], [...path, 'environment'], source);
  const entrypoint = argvOf(fields['entrypoint'], [...path, 'entrypoint'], source);
  const command = argvOf(fields['command'], [...path, 'command'], source);
  const before = dependenciesOf(fields['depends_on'], [...path, 'depends_on'], source);
  judgeVolumes(fields['volumes'], [...path, 'volumes'], source);
  const container: CreateContainer = {
    name: containerName(name),
    ...imageOf(fields['image'], path, source),
    ...(entrypoint ? { entrypoint } : {}),
    ...(command ? { command } : {}),
    ...(typeof fields['working_dir'] === 'string' ? { workdir: fields['working_dir'] } : {}),
    ...(ports[0] === undefined ? {} : { port: ports[0] }),
    ...(env ? { env } : {}),
    ...limits,
    ...(before ? { depends_on: before } : {}),
    ...(healthcheck ? { healthcheck } : {}),
    ...extra,
  };
  const open = extra.public !== undefined || (isListed(fields['ports']) && !hides(fields));
  const arch = archOf(fields['platform'], [...path, 'platform'], source);
  return { container, open, ...(arch === undefined ? {} : { arch }) };
}

function archOf(platform: unknown, path: Path, source: ComposeSource): Arch | undefined {
  if (platform === undefined) return undefined;
  const arch = ARCH_OF[textOf(platform)];
  if (arch === undefined) source.fault(path, 'Fargate has linux/amd64 and linux/arm64: give one of them');
  return arch;
}

const isListed = (value: unknown) => Array.isArray(value) && value.length > 0;
const hides = (fields: Fields) => isFields(fields['x-tempus']) && fields['x-tempus']['public'] === false;

function judgeKeys(fields: Fields, path: Path, source: ComposeSource): void {
  for (const key of Object.keys(fields)) {
    if (KNOWN.has(key)) continue;
    const refused = REFUSED[key];
    const ignored = IGNORED[key];
    if (refused !== undefined) {
      const harmless = key === 'privileged' && fields[key] === false;
      if (!harmless) source.fault([...path, key], refused);
    } else if (ignored !== undefined) {
      if (ignored !== '') source.note([...path, key], ignored);
    } else if (!key.startsWith('x-')) {
      source.fault([...path, key], 'is not known here, and nothing is left out without a word: remove it');
    }
  }
}

function imageOf(image: unknown, path: Path, source: ComposeSource): { image?: string } {
  if (image === undefined) {
    source.fault(path, 'needs an image; nothing is built here');
    return {};
  }
  const parsed = specFields.image.safeParse(image);
  if (parsed.success) return { image: parsed.data };
  source.fault([...path, 'image'], parsed.error.issues[0]?.message ?? 'is no image reference');
  return {};
}

/** The container ports, the first of which is the container's own. */
function portsOf(fields: Fields, path: Path, source: ComposeSource): number[] {
  const found: number[] = [];
  for (const key of ['ports', 'expose']) {
    const listed = fields[key];
    if (listed === undefined) continue;
    if (!Array.isArray(listed)) {
      source.fault([...path, key], 'must be a list');
      continue;
    }
    for (const [i, entry] of listed.entries()) {
      const port = portOf(entry);
      if (typeof port === 'string') source.fault([...path, key, i], port);
      else found.push(port);
    }
  }
  const [first, ...more] = [...new Set(found)];
  if (more.length > 0)
    source.note(
      [...path, 'ports'],
      `only ${first} is public; ${more.join(', ')} can be reached by the other containers`,
    );
  return found;
}

/** A container port, or what is wrong with it. What it is published at is the load balancer's business. */
function portOf(entry: unknown): number | string {
  const target = isFields(entry) ? entry['target'] : entry;
  const protocol = isFields(entry) ? entry['protocol'] : undefined;
  const [, port, suffix = protocol ?? 'tcp'] = /^(?:.*:)?(\d{1,5})(?:\/(\w+))?$/.exec(textOf(target)) ?? [];
  if (suffix !== 'tcp') return `${textOf(suffix)} cannot go through an HTTP load balancer; only tcp can`;
  if (port === undefined) return 'must be one port, such as "8080:80"; ranges have no place to go';
  const number = Number(port);
  return number >= 1 && number <= 65_535 ? number : 'must be from 1 to 65535';
}

function argvOf(value: unknown, path: Path, source: ComposeSource): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map(textOf);
  const words = typeof value === 'string' ? wordsOf(value) : undefined;
  if (words && words.length > 0) return words;
  source.fault(path, 'must be a list of arguments, or one line whose quotes are closed');
  return undefined;
}

function environmentOf(
  value: unknown,
  path: Path,
  source: ComposeSource,
): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  const env: Record<string, string> = {};
  const add = (name: string, given: unknown, at: Path) => {
    if (given === undefined || given === null)
      return source.fault(
        at,
        `takes ${name} from the environment of whoever calls: write ${name}: \${${name}}`,
      );
    env[name] = textOf(given);
    return undefined;
  };
  if (Array.isArray(value)) {
    for (const [i, entry] of value.entries()) {
      const [, name = textOf(entry), given] = /^([^=]+)=(.*)$/s.exec(textOf(entry)) ?? [];
      add(name, given, [...path, i]);
    }
  } else if (isFields(value)) {
    for (const [name, given] of Object.entries(value)) add(name, given, [...path, name]);
  } else source.fault(path, 'must be a map, or a list of NAME=value');
  const parsed = envSchema.safeParse(env);
  for (const issue of parsed.error?.issues ?? []) {
    const inner =
      issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message).join(', ') : issue.message;
    source.fault([...path, ...issue.path.map(String)], inner);
  }
  return env;
}

function dependenciesOf(
  value: unknown,
  path: Path,
  source: ComposeSource,
): Record<string, 'started' | 'healthy'> | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value))
    return Object.fromEntries(value.map((name) => [containerName(textOf(name)), 'started'] as const));
  if (!isFields(value)) {
    source.fault(path, 'must be a list of services, or a map of them');
    return undefined;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, how]) => {
      const condition = isFields(how) ? how['condition'] : undefined;
      if (condition === 'service_completed_successfully')
        source.fault(
          [...path, name],
          'waits for the end of a container, which a preview has none of: do its work in the image or in command',
        );
      else if (condition !== undefined && condition !== 'service_started' && condition !== 'service_healthy')
        source.fault([...path, name], `${textOf(condition)} is no condition`);
      return [
        containerName(name),
        condition === 'service_healthy' ? ('healthy' as const) : ('started' as const),
      ];
    }),
  );
}

function limitsOf(fields: Fields, path: Path, source: ComposeSource): { cpu?: number; memory?: number } {
  const deploy = isFields(fields['deploy']) ? fields['deploy'] : {};
  const resources = isFields(deploy['resources']) ? deploy['resources'] : {};
  const limits = isFields(resources['limits']) ? resources['limits'] : {};
  const cpus = limits['cpus'] ?? fields['cpus'];
  const size = limits['memory'] ?? fields['mem_limit'];
  const memory = size === undefined ? undefined : mebibytesOf(size);
  if (size !== undefined && memory === undefined)
    source.fault(path, `${textOf(size)} is no size of memory; write 512M`);
  if (cpus !== undefined && !(Number(cpus) > 0)) source.fault(path, `${textOf(cpus)} is no number of CPUs`);
  for (const key of Object.keys(deploy))
    if (key !== 'resources') source.note([...path, 'deploy', key], 'ignored: a preview runs one task');
  return {
    ...(Number(cpus) > 0 ? { cpu: Math.ceil(Number(cpus) * 1024) } : {}),
    ...(memory === undefined ? {} : { memory }),
  };
}

/** A container has a disk of its own that goes with it: a named volume is as good as that, a folder of the host is not. */
function judgeVolumes(value: unknown, path: Path, source: ComposeSource): void {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value)) return (source.fault(path, 'must be a list'), undefined);
  for (const [i, entry] of value.entries()) {
    const from = isFields(entry)
      ? entry['type'] === 'bind'
        ? '/'
        : ''
      : textOf(entry).split(':').slice(0, -1).join(':');
    const host = /^(\.|\/|~|\w:\\|\$)/.test(from);
    if (host)
      source.fault(
        [...path, i],
        'mounts a folder of the host, which Fargate has not: put the files into the image',
      );
    else source.note([...path, i], "is the container's own disk, and empty at each start");
  }
}

function extrasOf(
  fields: Fields,
  path: Path,
  source: ComposeSource,
): Pick<CreateContainer, 'public' | 'health_path' | 'health_codes'> {
  const extra = fields['x-tempus'];
  if (extra === undefined) return {};
  const at = [...path, 'x-tempus'];
  if (!isFields(extra)) return (source.fault(at, 'must be a map'), {});
  for (const key of Object.keys(extra))
    if (!X_TEMPUS.has(key)) source.fault([...at, key], `is not known; use ${[...X_TEMPUS].join(', ')}`);
  const { public: open, health_path, health_codes } = extra;
  return {
    ...(open === true || typeof open === 'string' ? { public: open } : {}),
    ...(typeof health_path === 'string' ? { health_path } : {}),
    ...(typeof health_codes === 'string' ? { health_codes } : {}),
  };
}
