import type { Variables } from './plan.ts';

/** What every install has to say. */
const REQUIRED = {
  control_plane_image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/tempus-control-plane:1',
  default_image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/tempus-hello:1',
  alarm_actions: '["arn:aws:sns:us-east-1:123456789012:on-call"]',
};
export const ALLOWED = '192.0.2.0/24';
const WITHOUT_DOMAIN = { allowed_cidrs: JSON.stringify([ALLOWED]) };
/** Where nobody asks AWS, every zone is that of example.com. */
const WITH_DOMAIN = {
  domain: 'preview.example.com',
  zone_id: 'Z0123456789ABCDEFGHIJ',
  api_domain: 'tempus.example.com',
};
const OWN_VPC = {
  vpc_id: 'vpc-0123456789abcdef0',
  public_subnet_ids: '["subnet-0123456789abcdef1","subnet-0123456789abcdef2"]',
  private_subnet_ids: '["subnet-0123456789abcdef3","subnet-0123456789abcdef4"]',
};

export interface Variant {
  name: string;
  install: string;
  albs: number;
  domain: boolean;
  /** Whether tasks are in subnets that nobody reaches from outside. */
  isPrivate: boolean;
  standby: boolean;
  variables: Variables;
}

function variant(choice: Partial<Omit<Variant, 'variables' | 'name'>>, name?: string): Variant {
  const all = { install: 'tempus', albs: 1, domain: false, isPrivate: false, standby: false, ...choice };
  return {
    ...all,
    name:
      name ??
      [
        all.isPrivate ? 'own VPC' : 'default VPC',
        all.domain ? 'with a domain' : 'without a domain',
        all.albs === 1 ? 'one load balancer' : `${all.albs} load balancers`,
      ].join(', '),
    variables: {
      ...REQUIRED,
      ...(all.domain ? WITH_DOMAIN : WITHOUT_DOMAIN),
      ...(all.isPrivate ? OWN_VPC : {}),
      install: all.install,
      alb_count: String(all.albs),
      standby: String(all.standby),
    },
  };
}

/** The install that says nothing but what it has to. */
export const PLAIN = variant({});

/** Which choices change what an install consists of. */
export const VARIANTS: readonly Variant[] = [
  ...[false, true].flatMap((isPrivate) =>
    [false, true].flatMap((domain) => [1, 3].map((albs) => variant({ isPrivate, domain, albs }))),
  ),
  variant({ standby: true, install: 'longest-name-yet' }, 'a standby, and the longest name'),
];
