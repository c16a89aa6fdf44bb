import type { DoctorClients } from '../../aws/doctor-clients.ts';
import { type CredentialFault, credentialFault } from '../../aws/errors.ts';
import type { Env } from '../../platform/config.ts';
import { explainAws } from './aws-failure.ts';
import { fail, type Finding, ok } from './finding.ts';

/** Which Region, and who said so; undefined where nobody did. */
export interface RegionFacts {
  region: string | undefined;
  source: string;
}

export async function lookAtRegion(
  clients: Pick<DoctorClients, 'region'>,
  asked: string | undefined,
  env: Env,
): Promise<RegionFacts> {
  if (asked !== undefined) return { region: asked, source: '--region' };
  const source = env['AWS_REGION'] ? 'AWS_REGION' : `profile ${env['AWS_PROFILE'] || 'default'}`;
  try {
    return { region: await clients.region(), source };
  } catch (error) {
    // The SDK has no class for it.
    if (error instanceof Error && error.message === 'Region is missing') return { region: undefined, source };
    throw error;
  }
}

export function judgeRegion({ region, source }: RegionFacts, env: Env): Finding {
  if (region !== undefined) return ok(`${region}, from ${source}`, { region, source });
  const elsewhere = env['AWS_DEFAULT_REGION'];
  return fail('no Region is set', {
    means: elsewhere
      ? 'Without one no part of AWS can be asked. AWS_DEFAULT_REGION is read by the aws command and not by the SDK.'
      : 'Without one no part of AWS can be asked.',
    fix: `give --region, or export AWS_REGION=${elsewhere || 'us-east-1'}`,
  });
}

/** Whom AWS takes the caller for. Rejects where that cannot be told: see judgeStranger. */
export async function lookAtIdentity({ sts }: DoctorClients): Promise<Finding> {
  const { Account = '', Arn = '' } = await sts.getCallerIdentity({});
  return ok(`${Arn}, account ${Account}`, { account: Account, arn: Arn });
}

/** Why AWS does not know who asks. */
export function judgeStranger(
  clients: Pick<DoctorClients, 'actionOf'>,
  error: unknown,
  env: Env,
): Finding | undefined {
  const fault = credentialFault(error);
  if (fault === undefined) return explainAws(clients)(error);
  const profile = env['AWS_PROFILE'] ? ` --profile ${env['AWS_PROFILE']}` : '';
  const { name, message } = error as Error;
  const facts = { fault, error: name, message };
  const { finding, fix } = STRANGERS[fault];
  const means = `No call to AWS can be made: ${message}`;
  return fail(finding, { means, fix: fix.replaceAll('{profile}', profile), facts });
}

const STRANGERS: Readonly<Record<CredentialFault, { finding: string; fix: string }>> = {
  none: {
    finding: 'there are no AWS credentials',
    fix: 'aws sso login{profile}, or aws configure{profile}, or set AWS_PROFILE',
  },
  expired: {
    finding: 'the AWS credentials have expired',
    fix: 'aws sso login{profile}, or fetch new ones where these came from',
  },
  unknown: {
    finding: 'AWS does not know these credentials',
    fix: 'aws sts get-caller-identity{profile}; then aws configure{profile} with a key that exists',
  },
  clock: {
    finding: 'AWS refuses the signature, because this clock is wrong',
    fix: 'sudo timedatectl set-ntp true (macOS: sudo sntp -sS time.apple.com)',
  },
};
