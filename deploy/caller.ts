import { STS } from '@aws-sdk/client-sts';
import { type Env, processEnv } from '../platform/config.ts';
import { print } from '../platform/terminal.ts';
import { Refusal } from './refusal.ts';

export interface Caller {
  account: string;
  arn: string;
  /** The last part of the ARN: a user's name, or that of a session. */
  name: string;
}

/**
 * Whom AWS takes us for. It says so, because the profile that one has in mind is not always the one that counts. Throws
 * Refusal where `account` is another one than theirs.
 */
export async function announceCaller(region: string, account: string | undefined): Promise<Caller> {
  requireOneSource(processEnv());
  const caller = await askCaller(region);
  print(`AWS account ${caller.account}, region ${region}, as ${caller.arn}`);
  if (account === undefined || account === caller.account) return caller;
  throw new Refusal(
    `this checkout is set up in account ${account}`,
    `these credentials are of account ${caller.account}, as ${caller.arn}`,
    `take credentials of ${account} (AWS_PROFILE=…); for an install in ${caller.account} take another checkout`,
  );
}

/** Throws Refusal where the SDK for JavaScript would take the profile, and Terraform's for Go the keys. */
function requireOneSource({ AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }: Env): void {
  if (!AWS_PROFILE || !AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return;
  throw new Refusal(
    'AWS_PROFILE and AWS_ACCESS_KEY_ID are both set',
    `Tempus would take the profile ${AWS_PROFILE}, and Terraform the keys: perhaps another account`,
    'unset AWS_PROFILE, or unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN',
  );
}

async function askCaller(region: string): Promise<Caller> {
  const sts = new STS({ region });
  try {
    const { Account: account = '', Arn: arn = '' } = await sts.getCallerIdentity({});
    return { account, arn, name: nameOf(arn) };
  } finally {
    sts.destroy();
  }
}

/** In the form that an owner of tokens and previews has. */
export function nameOf(arn: string): string {
  const last = arn.split(/[:/]/).at(-1) ?? '';
  const name = last.replaceAll(/[^A-Za-z0-9._@-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name.slice(0, 64) || 'deployer';
}
