import { type Command, InvalidArgumentError } from 'commander';
import { processEnv } from '../../platform/config.ts';
import type { Context } from '../context.ts';
import { Exit } from '../exit-codes.ts';
import { INSTALL_NAME } from '../doctor/names.ts';

interface DoctorOptions {
  install?: string;
  region?: string;
  aws?: boolean;
}

export function addDoctor(program: Command, context: () => Context): void {
  program
    .command('doctor')
    .description('look at the API and at the AWS account behind it, and say what is wrong and how to mend it')
    .option('--install <name>', 'the install to look at (default: tempus)', installName)
    .option('--region <region>', "its AWS Region; by default AWS_REGION's, else the profile's")
    .option('--aws', 'look at the account also where the API is on this machine')
    .option('--no-aws', 'ask the API only')
    .addHelpText(
      'after',
      '\nIt changes nothing. AWS is asked with your own credentials (AWS_PROFILE, AWS_ENDPOINT_URL and all else that' +
        "\nthe SDK knows), which need read rights: AWS's policy ReadOnlyAccess, or the one in docs/doctor.md." +
        '\nExits with 0 when nothing has failed, also where there is something to look at, else with 1.' +
        '\n\nExamples:\n  tempus doctor\n  tempus doctor --install tempus-qa --region eu-central-1 -o json | jq ".checks[] | select(.state==\\"fail\\")"',
    )
    .action(async ({ install, region, aws }: DoctorOptions) => {
      const given = context();
      const { examine } = await import('../doctor/examination.ts');
      const { reportJson, reportLines } = await import('../doctor/report.ts');
      // Whoever names an install or a Region means an account.
      const asked = aws ?? (install !== undefined || region !== undefined ? true : undefined);
      const options = { install: install ?? 'tempus', region, aws: asked };
      const verdicts = await examine(options, given, processEnv());
      if (given.format === 'json') given.out(reportJson(verdicts));
      else reportLines(verdicts).forEach(given.out);
      const failed = verdicts.filter(({ state }) => state === 'fail').map(({ check }) => check);
      if (failed.length === 0) return;
      const title = `${failed.length} check${failed.length === 1 ? ' has' : 's have'} failed`;
      throw new Exit('failed', title, [...new Set(failed)].join(', '), 'what to do about each stands above');
    });
}

function installName(text: string): string {
  if (!INSTALL_NAME.test(text))
    throw new InvalidArgumentError(
      'it must be 1 to 16 of a-z, 0-9 and -, beginning with a letter, such as tempus-qa',
    );
  return text;
}
