import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { CreateRequest } from '../../client/types.ts';
import { type Context, show } from '../context.ts';
import { parseHours } from '../duration.ts';
import { Exit } from '../exit-codes.ts';
import { isThisMachine } from '../server-address.ts';
import { waitUntil } from '../waiting.ts';

interface CreateOptions {
  ttl?: number;
  image?: string;
  cmd?: string;
  port?: number;
  workdir?: string;
  name?: string;
  env?: Record<string, string>;
  cpu?: number;
  memory?: number;
  healthPath?: string;
  label?: Record<string, string>;
  wait?: boolean;
  timeout: number;
  idempotencyKey?: string;
}

export function hours(text: string): number {
  const parsed = parseHours(text);
  if (parsed === undefined)
    throw new InvalidArgumentError('give a time such as 4h, 90m, 45s, or a number of hours');
  return parsed;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('give a whole number');
  return Number(text);
}

export function pair(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('give KEY=VALUE');
  return { ...before, [key]: value };
}

export function addCreate(program: Command, context: () => Context): void {
  program
    .command('create')
    .alias('up')
    .description('create a preview, and print its URL')
    .option('--ttl <time>', 'how long it lives: 4h, 90m, 45s, or hours (24h)', hours)
    .option('--image <image>', 'container image to run')
    .option('--cmd <command>', 'command to run, in this folder in laptop mode')
    .option('--port <port>', 'port that it listens on; the command gets it as PORT (8080)', whole)
    .option('--workdir <folder>', 'folder to run the command in, instead of this one')
    .option('--name <name>', 'a name to find it by')
    .option('--env <KEY=VALUE>', 'environment variable; repeat it for more', pair)
    .option('--cpu <units>', 'CPU units: 256, 512, 1024 or 2048', whole)
    .option('--memory <MiB>', 'memory in MiB', whole)
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
      ].join('\n'),
    )
    .action((options: CreateOptions) => create(options, context()));
}

async function create(options: CreateOptions, context: Context): Promise<void> {
  const { client, tell, out } = context;
  const { idempotencyKey } = options;
  const created = await client.create(
    requestOf(options, context),
    idempotencyKey === undefined ? {} : { idempotencyKey },
  );
  tell(`Creating ${created.id} … accepted`);
  if (!options.wait) return show(created, context, ({ preview_url }) => out(preview_url));
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
  const { ttl, image, cmd, port, name, cpu, memory, healthPath, label } = options;
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
    health_path: healthPath,
    labels: label,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
