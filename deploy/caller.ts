import { STS } from '@aws-sdk/client-sts';
import { print } from '../platform/terminal.ts';

export interface Caller {
  account: string;
  arn: string;
  /** The last part of the ARN: a user's name, or that of a session. */
  name: string;
}

/** Whom AWS takes us for. It says so, because the profile that one has in mind is not always the one that counts. */
export async function announceCaller(region: string): Promise<Caller> {
  const sts = new STS({ region });
  try {
    const { Account: account = '', Arn: arn = '' } = await sts.getCallerIdentity({});
    print(`AWS account ${account}, region ${region}, as ${arn}`);
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
