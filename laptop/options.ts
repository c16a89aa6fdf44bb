import { Command, InvalidArgumentError } from 'commander';

export interface LaptopOptions {
  demo: boolean;
  fresh: boolean;
  /** true: all of AWS's delays; a number: that much of them. */
  realism?: number | true;
}

/** The flags of `npm start -- …`. Prints help or what is wrong, and exits, as command lines do. */
export function parseOptions(argv: readonly string[]): LaptopOptions {
  const command = new Command('npm start --')
    .description(
      'Tempus on this machine alone: API, controller, Lambda, load balancer and a small AWS in one process.',
    )
    .option('--no-demo', 'do not start the demo preview')
    .option('--fresh', 'first tear down everything that an earlier run left', false)
    .option(
      '--realism [factor]',
      "AWS's delays, rates and quotas; a factor below 1 shortens the delays",
      readFactor,
    )
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      [
        '',
        'Settings (environment):',
        '  TEMPUS_HOST          loopback address to listen on (127.0.0.1)',
        '  TEMPUS_API_PORT      the API (4000)',
        '  TEMPUS_ROUTER_PORT   the load balancer that serves previews (8080)',
        '  TEMPUS_AWS_PORT      the AWS endpoint (4566)',
        '  TEMPUS_ROUTING       host or path: which address is preview_url (host)',
        '  TEMPUS_RUNTIME       auto, process or docker: what previews run on (auto)',
        '  TEMPUS_REALISM       1, or a part of it: as --realism (0)',
        '  TEMPUS_HOME          folder of everything that outlives a run (.tempus)',
        '  TEMPUS_LOG_LEVEL     debug, info, warn or error, for the log file in TEMPUS_HOME (info)',
      ].join('\n'),
    );
  command.parse(argv, { from: 'user' });
  return command.opts<LaptopOptions>();
}

function readFactor(text: string): number {
  const factor = Number(text);
  if (!(factor > 0 && factor <= 1)) throw new InvalidArgumentError('It must be above 0 and at most 1.');
  return factor;
}
