import type { CreateContainer, CreateRequest } from '../../client/types.ts';
import { findContainerFaults, MAX_CONTAINERS, MAX_PUBLIC } from '../../preview/containers.ts';
import { MEMORY_BY_CPU } from '../../preview/spec-fields.ts';
import { parseHours } from '../duration.ts';
import { interpolate } from './interpolate.ts';
import { isFields } from './fields.ts';
import { containerName, type Mapped, mapService } from './service.ts';
import { onLocalhost } from './siblings.ts';
import { ComposeSource } from './source.ts';
import { textOf } from './units.ts';

/** A Compose file as a request, or everything that is wrong with it; with a note for each thing that means less here. */
export type Composed = { request: CreateRequest; notes: string[] } | { faults: string[] };

/** Without limits of its own a container is taken to need so much of the task: MiB. */
const USUAL_MEMORY = 256;
const SEVERAL = { cpu: 512, memory: 1024 } as const;
const TOP = new Set(['services', 'version', 'name', 'volumes', 'networks', 'x-tempus']);
const X_TEMPUS = ['cpu', 'memory', 'ttl', 'name'];

/** Pure: the same text and environment give the same request. Never throws for what a file holds. */
export function compose(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Composed {
  const source = new ComposeSource(text, file);
  if (source.faults.length > 0) return { faults: source.faults };
  const root = interpolate(source.value, env, source);
  if (!isFields(root) || !isFields(root['services']) || Object.keys(root['services']).length === 0) {
    source.fault([], 'has no services');
    return { faults: source.faults };
  }
  judgeTop(root, source);
  const mapped = new Map<string, Mapped>();
  for (const [name, fields] of Object.entries(root['services'])) {
    if (!isFields(fields)) source.fault(['services', name], 'must be a map');
    else if (Array.isArray(fields['profiles']) && fields['profiles'].length > 0)
      source.note(['services', name], 'left out: it has a profile');
    else mapped.set(name, mapService(name, fields, source));
  }
  const arch = archOf(mapped, source);
  const containers = publish(mapped, source);
  const size = sizeOf(root, containers, source);
  judgeTogether([...mapped.keys()], containers, size, source);
  if (source.faults.length > 0) return { faults: source.faults };
  return { request: { ...topOf(root), ...size, ...arch, containers }, notes: source.notes };
}

/** One task has one processor. */
function archOf(mapped: ReadonlyMap<string, Mapped>, source: ComposeSource): Pick<CreateRequest, 'arch'> {
  const said = [...mapped].flatMap(([name, { arch }]) => (arch === undefined ? [] : [{ name, arch }]));
  const [first] = said;
  if (!first) return {};
  const other = said.find(({ arch }) => arch !== first.arch);
  if (other)
    source.fault(
      ['services', other.name, 'platform'],
      `is not that of ${first.name}: all containers of a preview run on one processor`,
    );
  return { arch: first.arch };
}

function judgeTop(root: Readonly<Record<string, unknown>>, source: ComposeSource): void {
  for (const key of Object.keys(root)) {
    if (TOP.has(key) || (key.startsWith('x-') && key !== 'x-tempus')) continue;
    const advice: Readonly<Record<string, string>> = {
      include: 'other files are not read: write their services here',
      secrets: 'there are no files to mount: pass values under environment',
      configs: 'there are no files to mount: put the content into the image or into environment',
    };
    source.fault(
      [key],
      advice[key] ?? 'is not known here, and nothing is left out without a word: remove it',
    );
  }
  const extra = root['x-tempus'];
  if (extra === undefined) return;
  if (!isFields(extra)) return (source.fault(['x-tempus'], 'must be a map'), undefined);
  for (const key of Object.keys(extra))
    if (!X_TEMPUS.includes(key)) source.fault(['x-tempus', key], `is not known; use ${X_TEMPUS.join(', ')}`);
  if (extra['ttl'] !== undefined && parseHours(textOf(extra['ttl'])) === undefined)
    source.fault(['x-tempus', 'ttl'], 'must be a time such as 4h or 90m');
}

function topOf(root: Readonly<Record<string, unknown>>): CreateRequest {
  const extra = isFields(root['x-tempus']) ? root['x-tempus'] : {};
  const hours = extra['ttl'] === undefined ? undefined : parseHours(textOf(extra['ttl']));
  return {
    ...(hours === undefined ? {} : { ttl_hours: hours }),
    ...(typeof extra['name'] === 'string' ? { name: extra['name'] } : {}),
  };
}

/** Gives the first service that is open the preview's own address, and each other one an address by its name. */
function publish(mapped: ReadonlyMap<string, Mapped>, source: ComposeSource): CreateContainer[] {
  const open = [...mapped].filter(([, { open: is }]) => is);
  const said = open.find(([, { container }]) => container.public === true);
  const main = said ?? open.find(([, { container }]) => container.public === undefined) ?? open[0];
  if (!main) source.fault(['services'], 'none has ports: a preview needs one that can be reached');
  const tooMany = open[MAX_PUBLIC];
  if (tooMany)
    source.fault(
      ['services', tooMany[0]],
      `at most ${MAX_PUBLIC} can be public; set x-tempus: {public: false}`,
    );
  return [...mapped].map(([name, { container, open: is }]) => {
    const siblings = [...mapped.keys()].filter((other) => other !== name);
    const local = onLocalhost(name, container, siblings, source);
    if (!is) return local;
    if (main?.[0] === name) return { ...local, public: true };
    return {
      ...local,
      public: local.public ?? containerName(name).slice(0, 16).replace(/-+$/, '').replaceAll(/--+/g, '-'),
    };
  });
}

/** The smallest task that holds what the containers ask for. */
function sizeOf(
  root: Readonly<Record<string, unknown>>,
  containers: readonly CreateContainer[],
  source: ComposeSource,
): { cpu: number; memory: number } {
  const extra = isFields(root['x-tempus']) ? root['x-tempus'] : {};
  const several = containers.length > 1;
  const sum = (of: (container: CreateContainer) => number) =>
    containers.reduce((all, one) => all + of(one), 0);
  const cpu = Number(
    extra['cpu'] ??
      Math.max(
        sum((one) => one.cpu ?? 0),
        several ? SEVERAL.cpu : 0,
      ),
  );
  const memory = Number(
    extra['memory'] ??
      Math.max(
        sum((one) => one.memory ?? USUAL_MEMORY),
        several ? SEVERAL.memory : 0,
      ),
  );
  for (const [units, sizes] of Object.entries(MEMORY_BY_CPU)) {
    const fitting = sizes.find((size) => size >= memory);
    if (Number(units) >= cpu && fitting !== undefined) return { cpu: Number(units), memory: fitting };
  }
  source.fault(
    ['services'],
    `want ${cpu} CPU units and ${memory} MiB in all; a preview has 2048 and 4096 at most`,
  );
  return { cpu, memory };
}

function judgeTogether(
  services: readonly string[],
  containers: readonly CreateContainer[],
  size: { cpu: number; memory: number },
  source: ComposeSource,
): void {
  if (containers.length > MAX_CONTAINERS)
    source.fault(['services'], `are ${containers.length}; a task has ${MAX_CONTAINERS} containers at most`);
  const checked = containers.map((one) => ({
    ...one,
    essential: true,
    depends_on: one.depends_on ?? {},
    healthcheck: one.healthcheck as never,
  }));
  // Who is public has been judged before, in the words of a Compose file.
  for (const {
    path: [at, ...rest],
    message,
  } of findContainerFaults(checked, size)) {
    if (rest[0] === 'public') continue;
    source.fault(['services', services[Number(at)] ?? '', ...rest], message);
  }
}
