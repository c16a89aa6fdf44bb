import { expect, test } from 'vitest';
import { apiSchema } from '../../api/config.ts';
import { controllerSchema } from '../../controller/config.ts';
import { configSchema as expireSchema } from '../../lambda/expire.ts';
import { configSchema as observeSchema } from '../../lambda/observe.ts';
import { parseConfig } from '../../platform/config.ts';
import type { Plan } from './plan.ts';
import { containersOf, PARTS } from './services.ts';
import type { Variant } from './variants.ts';

/** What each process of an install knows of its environment. */
export const SCHEMAS = {
  api: apiSchema,
  controller: controllerSchema,
  expire: expireSchema,
  observe: observeSchema,
} as const;

const LOCALCLOUD = 'AWS has its own addresses; this is for localcloud';
const LAMBDA_REGION = 'Lambda sets it, and refuses whoever else would';

/** What Terraform leaves out although the process knows it, and why. */
const LEFT_OUT: Readonly<Record<keyof typeof SCHEMAS, Readonly<Record<string, string>>>> = {
  api: { TEMPUS_AWS_ENDPOINT: LOCALCLOUD },
  controller: {
    TEMPUS_AWS_ENDPOINT: LOCALCLOUD,
    TEMPUS_RATE_SHARE: 'half of what the account may call is right until somebody has measured better',
    TEMPUS_STRICT_RATES:
      'for accounts which are limited as one sentence of the documentation says, if there are any',
  },
  expire: { TEMPUS_AWS_ENDPOINT: LOCALCLOUD, AWS_REGION: LAMBDA_REGION },
  observe: { TEMPUS_AWS_ENDPOINT: LOCALCLOUD, AWS_REGION: LAMBDA_REGION },
};

/** Addresses of previews that the API can tell by itself: those of one load balancer. With several the slot decides. */
function routingLeftOut({ domain, albs }: Variant): string[] {
  const wanted = domain ? 'TEMPUS_HOST_DOMAIN' : 'TEMPUS_PATH_AUTHORITY';
  return ['TEMPUS_HOST_DOMAIN', 'TEMPUS_PATH_AUTHORITY'].filter((name) => albs > 1 || name !== wanted);
}

/** A function's environment: nothing in it waits for apply. */
function functionEnvironment(plan: Plan, name: string): Record<string, string> {
  const { environment } = plan.at(`aws_lambda_function.${name}`).values as {
    environment: [{ variables: Record<string, string> }];
  };
  return environment[0].variables;
}

export function configuration(plan: Plan, variant: Variant): void {
  const containers = containersOf(plan);
  const set: Record<keyof typeof SCHEMAS, string[]> = {
    api: containers.api.environment.map(({ name }) => name),
    controller: containers.controller.environment.map(({ name }) => name),
    expire: Object.keys(functionEnvironment(plan, 'expire')),
    observe: Object.keys(functionEnvironment(plan, 'observe')),
  };

  test.each(Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[])(
    'Terraform tells %s nothing that it does not know, and all that it knows',
    (part) => {
      const known = Object.keys(SCHEMAS[part].shape);
      const leftOut = [...Object.keys(LEFT_OUT[part]), ...(part === 'api' ? routingLeftOut(variant) : [])];
      expect(known).toEqual(expect.arrayContaining(set[part]));
      expect(set[part].toSorted()).toEqual(known.filter((name) => !leftOut.includes(name)).toSorted());
      expect(known).toEqual(expect.arrayContaining(leftOut));
    },
  );

  test.each(['expire', 'observe'] as const)('what Terraform tells %s is what it takes', (part) => {
    const parsed = parseConfig(SCHEMAS[part], {
      AWS_REGION: 'us-east-1',
      ...functionEnvironment(plan, part),
    });
    expect(parsed).toMatchObject({ TEMPUS_TABLE_PREVIEWS: `${variant.install}-previews` });
  });

  test('each process is told of the tables that are made', () => {
    const tables = new Set(plan.of('aws_dynamodb_table').map(({ values }) => values['name']));
    for (const part of PARTS) {
      const named = containers[part].environment.filter(({ name }) => name.startsWith('TEMPUS_TABLE_'));
      expect(new Set(named.map(({ value }) => value))).toEqual(tables);
    }
  });
}
