/** Terraform puts back whatever of an install is missing or was changed by hand. */
export const DEPLOY = 'make deploy';
