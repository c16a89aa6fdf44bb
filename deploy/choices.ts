import type { Given } from './settings.ts';

type Choices = Pick<Given<'setup'>, 'ALLOWED_CIDRS' | 'DOMAIN' | 'API_DOMAIN' | 'ZONE_ID'>;

/** The first terraform.tfvars of an install: what was given, and every other choice as a comment. */
export function writeChoices({ ALLOWED_CIDRS, DOMAIN, API_DOMAIN, ZONE_ID }: Choices): string {
  const cidrs = `allowed_cidrs = ${JSON.stringify(ALLOWED_CIDRS ?? ['203.0.113.0/24']).replaceAll(',', ', ')}`;
  const given = DOMAIN === undefined ? '# ' : '';
  return `# What this install decides for itself. \`make setup\` wrote it once; from now on it is yours, and \`make deploy\` applies it.
# Each choice is explained in terraform/variables.tf. The name and the region are in install.auto.tfvars.json, the images
# in images.auto.tfvars.json.

# Who may reach the previews and the API, as IPv4 ranges. Without a domain everything travels as plain HTTP, and this has
# to be set; with one everybody may, unless it is.
${ALLOWED_CIDRS ? '' : '# '}${cidrs}

# HTTPS, and a host name for each preview. All three, or none.
${given}domain     = "${DOMAIN ?? 'preview.example.com'}"
${given}api_domain = "${API_DOMAIN ?? 'tempus.example.com'}"
${given}zone_id    = "${ZONE_ID ?? 'Z0123456789ABCDEFGHIJ'}"

# vpc_id             = "vpc-0123456789abcdef0"
# public_subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
# private_subnet_ids = []

# alb_count          = 1
# standby            = false
# default_arch       = "X86_64"
# default_capacity   = "on_demand"
# max_ttl_hours      = 336
# log_retention_days = 14
# alarm_actions      = []
`;
}

/** Whether a terraform.tfvars says who may come in, as Terraform will ask of it before it makes anything. */
export function letsSomebodyIn(text: string): boolean {
  return /^[ \t]*(allowed_cidrs|domain)[ \t]*=/m.test(text);
}
