import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import type { CreateRequest } from '../../client/types.ts';
import { processEnv } from '../../platform/config.ts';
import { CAPACITIES } from '../../preview/spec-fields.ts';
import { compose } from '../compose/compose.ts';
import { type Context, show } from '../context.ts';
import { archOf, hours, pair, whole } from '../arguments.ts';
import { Exit } from '../exit-codes.ts';
import { isThisMachine } from '../server-address.ts';
import { waitUntil } from '../waiting.ts';

interface CreateOptions {
  file?: string;
  dryRun?: boolean;
  ttl?: number;
  image?: string;
  cmd?: string;
  port?: number;
  workdir?: string;
  name?: string;
  env?: Record<string, string>;
  cpu?: number;
  memory?: number;
  arch?: 'X86_64' | 'ARM64';
  capacity?: 'on_demand' | 'spot';
  healthPath?: string;
  label?: Record<string, string>;
  wait?: boolean;
  timeout: number;
  idempotencyKey?: string;
}

export function addCreate(program: Command, context: () => Context): void {
  program
    .command('create')
    .alias('up')
    .description('create a preview, and print its URL')
    .option('--ttl <time>', 'how long it lives: 4h, 90m, 45s, or hours (24h)', hours)
    .option('-f, --file <file>', 'Compose file of the containers to run; - for standard input')
    .option('--dry-run', 'with -f: print the request, and create nothing')
    .option('--image <image>', 'container image to run')
    .option('--cmd <command>', 'command to run, in this folder in laptop mode')
    .option('--port <port>', 'port that it listens on; the command gets it as PORT (8080)', whole)
    .option('--workdir <folder>', 'folder to run the command in, instead of this one')
    .option('--name <name>', 'a name to find it by')
    .option('--env <KEY=VALUE>', 'environment variable; repeat it for more', pair)
    .option('--cpu <units>', 'CPU units: 256, 512, 1024 or 2048', whole)
    .option('--memory <MiB>', 'memory in MiB', whole)
    .option('--arch <arch>', 'processor that the image is built for: X86_64 or ARM64', archOf)
    .addOption(
      new Option('--capacity <capacity>', 'spot costs about a third, and AWS may take it back').choices([
        ...CAPACITIES,
      ]),
    )
    .option('--health-path <path>', 'path that answers 2xx or 3xx when the app is well')
    .option('--label <key=value>', 'label; repeat it for more', pair)
    .option('--wait', 'wait until it is Ready; exit 1 when it fails')
    .option('--timeout <time>', 'how long to wait', hours, 5 / 60)
    .option('--idempotency-key <key>', 'asking again with the same key creates no second preview')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  tempus create --cmd "node server.js" --port 3000 --ttl 1h --wait',
        '  tempus create --image ghcr.io/acme/web:pr-12 --name pr-12 --ttl 4h',
        '  URL=$(tempus create --cmd "npm run preview" --wait)',
        '  tempus create -f compose.yaml --ttl 4h --wait',
      ].join('\n'),
    )
    .action((options: CreateOptions) => create(options, context()));
}

async function create(options: CreateOptions, context: Context): Promise<void> {
  if (options.dryRun && options.file === undefined)
    throw new Exit('usage', '--dry-run goes with -f', 'it shows what a Compose file becomes');
  const { client, tell, out } = context;
  const { idempotencyKey, dryRun } = options;
  const request =
    options.file === undefined
      ? requestOf(options, context)
      : await requestOfFile(options.file, options, context);
  if (dryRun) return out(JSON.stringify(request, undefined, 2));
  const created = await client.create(request, idempotencyKey === undefined ? {} : { idempotencyKey });
  tell(`Creating ${created.id} … accepted`);
  if (!options.wait) {
    if (created.preview_url === '')
      tell(`It gets its address with a place on one of several load balancers: tempus show ${created.id}`);
    return show(created, context, ({ preview_url }) => preview_url && out(preview_url));
  }
  const view = await waitUntil(
    created.preview_id,
    ({ phase }) => phase === 'Ready' || phase === 'Failed' || phase === 'Deleted' || phase === 'Deleting',
    options.timeout * 3_600_000,
    context,
  );
  if (view.phase !== 'Ready') {
    for (const line of view.last_error?.logs ?? []) tell(`  | ${line}`);
    show(view, context, () => undefined);
    throw new Exit('failed', `preview ${view.id} is ${view.phase}`, reasonOf(view), `tempus logs ${view.id}`);
  }
  show(view, context, ({ preview_url }) => out(preview_url));
}

/** Options that say of one container what a Compose file says of each. */
const OF_ONE = ['image', 'cmd', 'port', 'workdir', 'env', 'healthPath'] as const;

async function requestOfFile(
  file: string,
  options: CreateOptions,
  { tell }: Context,
): Promise<CreateRequest> {
  const doubled = OF_ONE.filter((name) => options[name] !== undefined);
  if (doubled.length > 0) {
    const flags = doubled.map((name) => `--${name.replaceAll(/[A-Z]/g, (char) => `-${char.toLowerCase()}`)}`);
    throw new Exit(
      'usage',
      `-f does not go with ${flags.join(', ')}`,
      'the file says it for each of its services',
    );
  }
  const composed = compose(await readCompose(file), file === '-' ? 'stdin' : file, processEnv());
  if ('faults' in composed)
    throw new Exit(
      'usage',
      `${file} cannot be a preview`,
      composed.faults.join('\n  '),
      'docs/compose.md has what can be said',
    );
  for (const note of composed.notes) tell(`note: ${note}`);
  const { ttl, name, cpu, memory, arch, capacity, label } = options;
  const said = { ttl_hours: ttl, name, cpu, memory, arch, capacity, labels: label };
  return {
    ...composed.request,
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)),
  };
}

async function readCompose(file: string): Promise<string> {
  try {
    return file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new Exit('usage', `${file} cannot be read`, error instanceof Error ? error.message : String(error));
  }
}

function reasonOf({
  last_error,
  deletion,
}: {
  last_error: { reason: string } | null;
  deletion: { reason: string } | null;
}) {
  return last_error?.reason ?? deletion?.reason ?? 'no reason was given';
}

function requestOf(options: CreateOptions, { client }: Context): CreateRequest {
  const { ttl, image, cmd, port, name, cpu, memory, arch, capacity, healthPath, label } = options;
  // npx stays in the folder it is called from, --prefix or not; INIT_CWD would be that of an npm run around it.
  const here = process.cwd();
  const local = cmd !== undefined && image === undefined && isThisMachine(client.server);
  const workdir = options.workdir === undefined ? (local ? here : undefined) : resolve(here, options.workdir);
  const fields = {
    ttl_hours: ttl,
    image,
    command: cmd,
    workdir,
    port,
    name,
    env: options.env,
    cpu,
    memory,
    arch,
    capacity,
    health_path: healthPath,
    labels: label,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
