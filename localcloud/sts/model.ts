import type { GetCallerIdentityCommandInput, GetCallerIdentityCommandOutput } from '@aws-sdk/client-sts';

const ACCOUNT = '000000000000';

/**
 * STS, as far as a program asks it whom it acts for. Everybody is the account's root: signatures are not verified, so
 * nobody else can be told apart. Nobody is refused. Not modelled: roles, sessions and tokens.
 */
export class StsModel {
  async getCallerIdentity(
    _input: GetCallerIdentityCommandInput,
  ): Promise<Omit<GetCallerIdentityCommandOutput, '$metadata'>> {
    return { Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:root`, UserId: ACCOUNT };
  }
}
