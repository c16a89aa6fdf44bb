import * as z from 'zod';

const LONGEST_NAME = 16;
const EVERYBODY = '0.0.0.0/0';
const HOST_NAME = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/;

const install = z
  .string()
  .max(LONGEST_NAME)
  .regex(
    /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
    'must be lower-case letters, digits and hyphens, such as tempus or tempus-qa',
  );
const region = z
  .string()
  .regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/, 'must be the code of a region, such as us-east-1');
const host = z.string().regex(HOST_NAME, 'must be a lower-case name, such as preview.example.com');
const tag = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}$/, 'must be a tag of an image, such as 0.1.0-3f2a');
const flag = z.stringbool({ error: 'must be 1 or 0' }).default(false);
const owner = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, dashes, _ or @');
const timeout = z.coerce.number().int().min(1).max(7_200).default(900);
const ranges = z
  .string()
  .transform((text) => text.split(',').map((range) => range.trim()))
  .refine(
    (all) => all.every(isRange),
    'must be IPv4 ranges by their first address, such as 203.0.113.0/24,198.51.100.7/32',
  );

/** AWS takes no range in which bits behind the prefix are set. */
function isRange(text: string): boolean {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text)?.slice(1).map(Number);
  if (!parts) return false;
  const [prefix = 0, ...octets] = parts.toReversed();
  if (prefix > 32 || octets.some((octet) => octet > 255)) return false;
  const address = octets.reduceRight((sum, octet) => sum * 256 + octet, 0);
  return address % 2 ** (32 - prefix) === 0;
}

/** What each target may be given: `make setup INSTALL=tempus`. Everything else about an install is in terraform.tfvars. */
export const SETTINGS = {
  setup: z
    .object({
      INSTALL: install.optional(),
      REGION: region.optional(),
      /** What the SDK and Terraform go by where nobody says. */
      AWS_REGION: region.optional(),
      ALLOWED_CIDRS: ranges.optional(),
      DOMAIN: host.optional(),
      API_DOMAIN: host.optional(),
      ZONE_ID: z
        .string()
        .regex(/^Z[A-Z0-9]+$/, 'must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ')
        .optional(),
      STATE: z.enum(['s3', 'local'], { error: 'must be s3 or local' }).optional(),
    })
    .refine(
      ({ DOMAIN, API_DOMAIN, ZONE_ID }) =>
        (DOMAIN === undefined) === (API_DOMAIN === undefined) &&
        (DOMAIN === undefined) === (ZONE_ID === undefined),
      {
        path: ['DOMAIN'],
        when: () => true,
        error: 'DOMAIN, API_DOMAIN and ZONE_ID go together: all three, or none',
      },
    )
    .refine(({ ALLOWED_CIDRS = [], DOMAIN }) => DOMAIN !== undefined || !ALLOWED_CIDRS.includes(EVERYBODY), {
      path: ['ALLOWED_CIDRS'],
      when: () => true,
      error: `${EVERYBODY} lets everybody read and change what travels as plain HTTP, tokens too: name your networks, or a DOMAIN`,
    }),
  images: z.object({ TAG: tag.optional(), NODE_IMAGE: z.string().default('node:24-slim') }),
  push: z.object({ TAG: tag.optional(), NODE_IMAGE: z.string().default('node:24-slim') }),
  deploy: z.object({ TAG: tag.optional(), OWNER: owner.optional(), YES: flag, TIMEOUT_S: timeout }),
  token: z.object({ OWNER: owner.optional() }),
  destroy: z.object({ YES: flag, FORCE: flag, EVERYTHING: flag, TIMEOUT_S: timeout }),
} as const;

export type Target = keyof typeof SETTINGS;
export type Given<T extends Target> = Readonly<z.output<(typeof SETTINGS)[T]>>;
