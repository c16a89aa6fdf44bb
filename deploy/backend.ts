/** Where the states of an install are: in a bucket of its own, or in the checkout that it was set up in. */
export type StatePlace = { bucket: string } | 'local';

const WRITTEN = '# Written by `make setup`.';

export interface S3Backend {
  bucket: string;
  key: string;
  region: string;
  /** With credentials of any other account Terraform refuses to begin. */
  account: string;
}

/** A backend in S3 as Terraform reads it, with a lock beside the state: two deploys never run at once. */
export function s3Backend({ bucket, key, region, account }: S3Backend): string {
  return `${WRITTEN}
terraform {
  backend "s3" {
    bucket              = "${bucket}"
    key                 = "${key}"
    region              = "${region}"
    encrypt             = true
    use_lockfile        = true
    allowed_account_ids = ["${account}"]
  }
}
`;
}

export function localBackend(): string {
  return `${WRITTEN}
terraform {
  backend "local" {}
}
`;
}

/** Where `text`, a file that one of those above has written, says that the state is. */
export function readPlace(text: string): StatePlace {
  const [, bucket] = /^ {4}bucket +?= "([^"]+)"$/m.exec(text) ?? [];
  return bucket === undefined ? 'local' : { bucket };
}
