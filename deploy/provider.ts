/**
 * An override of the AWS provider, which Terraform merges into the one of the folder
 * (https://developer.hashicorp.com/terraform/language/files/override): with credentials of any account but `account` it
 * refuses to begin, whichever of them it takes by itself.
 */
export function providerOverride(account: string): string {
  return `# Written by \`make setup\`.
provider "aws" {
  allowed_account_ids = ["${account}"]
}
`;
}

/** The account that `text`, which the above has written, says. */
export function readAccount(text: string): string | undefined {
  return /^ {2}allowed_account_ids = \["(\d{12})"\]$/m.exec(text)?.[1];
}
