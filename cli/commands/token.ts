import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TokenRequest } from '../../client/types.ts';
import { tokenIdOf } from '../../preview/token-text.ts';
import { type Context } from '../context.ts';

interface CreateOptions {
  owner: string;
  kind: 'user' | 'ci';
  scope: 'read' | 'write' | 'admin';
  days?: number;
}

export function addToken(program: Command, context: () => Context): void {
  const token = program.command('token').description('make and revoke tokens (takes one with scope admin)');
  token
    .command('create')
    .description('make a token and print it, this once')
    .requiredOption('--owner <name>', 'in whose name it creates and destroys')
    .addOption(new Option('--kind <kind>', 'whose it is').choices(['user', 'ci']).default('user'))
    .addOption(
      new Option('--scope <scope>', 'what it may: look, change previews, change the install')
        .choices(['read', 'write', 'admin'])
        .default('write'),
    )
    .option('--days <n>', 'how long it lasts (90, for ci 30)', wholeDays)
    .addHelpText(
      'after',
      '\nExample:\n  gh secret set TEMPUS_TOKEN --body "$(tempus token create --owner ci --kind ci)"',
    )
    .action((options: CreateOptions) => create(options, context()));
  token
    .command('revoke')
    .description('within 30 s it lets nobody in')
    .argument('<id>', 'the part of it between the second and the third underscore, or all of it')
    .action((id: string) => revoke(id, context()));
}

function wholeDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1) throw new InvalidArgumentError('must be a whole number of days');
  return days;
}

async function create({ owner, kind, scope, days }: CreateOptions, context: Context): Promise<void> {
  const { client, format, out, tell } = context;
  const request: TokenRequest = { owner, kind, scope, ...(days === undefined ? {} : { ttl_days: days }) };
  const made = await client.createToken(request);
  if (format === 'json') {
    out(JSON.stringify(made, undefined, 2));
    return;
  }
  tell(
    `A token of ${made.owner} with scope ${made.scope}, until ${made.expires_at}. It cannot be shown again:`,
  );
  out(made.token);
}

async function revoke(typed: string, { client, tell }: Context): Promise<void> {
  const id = tokenIdOf(typed);
  await client.revokeToken(id);
  tell(`Revoked ${id}.`);
}
