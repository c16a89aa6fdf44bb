import { Command, CommanderError, Option } from 'commander';
import { exitWhenUnread, printError } from '../platform/terminal.ts';
import { addCreate } from './commands/create.ts';
import { addDoctor } from './commands/doctor.ts';
import { addGc } from './commands/gc.ts';
import { addEvents } from './commands/events.ts';
import { addLogs } from './commands/logs.ts';
import { addLs } from './commands/ls.ts';
import { addOpen } from './commands/open.ts';
import { addRetry } from './commands/retry.ts';
import { addRm } from './commands/rm.ts';
import { addShow } from './commands/show.ts';
import { addToken } from './commands/token.ts';
import { type Context, createContext, type GlobalOptions } from './context.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { failureLines, failureOf } from './failure.ts';
import { VERSION } from './version.ts';

/** The `tempus` command: data on stdout, everything else on stderr, and an exit code that scripts can rely on. */
function createProgram(): Command {
  const program = new Command('tempus')
    .description('Preview environments that always go away.')
    .version(VERSION)
    .addOption(
      new Option('-o, --output <format>', 'what to print')
        .choices(['table', 'json', 'id', 'url'])
        .default('table'),
    )
    .option(
      '--server <url>',
      'the API (TEMPUS_SERVER, else the one that runs on this checkout); its token is read from TEMPUS_TOKEN',
    )
    .option('-q, --quiet', 'tell nothing on stderr but errors')
    .showHelpAfterError('(tempus --help shows every command)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 not allowed, 5 conflict, 6 wait timed out, 7 no server, 130 interrupted.',
    );
  const context = (): Context => createContext(program.opts<GlobalOptions>());
  for (const add of [
    addCreate,
    addLs,
    addShow,
    addLogs,
    addEvents,
    addRetry,
    addRm,
    addOpen,
    addGc,
    addToken,
    addDoctor,
  ])
    add(program, context);
  const settle = (command: Command): void => {
    command.exitOverride().copyInheritedSettings(program);
    command.commands.forEach(settle);
  };
  program.commands.forEach(settle);
  return program;
}

async function main(argv: readonly string[]): Promise<number> {
  exitWhenUnread();
  const program = createProgram();
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(error);
    if (program.opts<GlobalOptions>().output === 'json') printError(JSON.stringify(failure));
    else failureLines(failure).forEach(printError);
    return exitCodeOf(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
