import { existsSync, readFileSync } from 'node:fs';

import { NormalizedSchema } from '@smithy/core/schema';
import { describe, expect, test } from 'vitest';

import { requiredMembers } from '../../localcloud/wire/required.ts';
import { IS_LOCAL, useContract } from './endpoint.ts';
import {
  NEVER_REFUSED,
  OPERATIONS,
  sdkOperations,
  type SdkOperation,
  SERVICES,
  type ServiceName,
} from './operations.ts';
import { callRaw } from './raw-call.ts';

const contract = useContract();
const call = (service: ServiceName, operation: SdkOperation) =>
  callRaw(contract.endpoint, service, operation);
const schemaOf = (ref: unknown) => {
  const resolved: unknown = typeof ref === 'function' ? ref() : ref;
  return NormalizedSchema.of(resolved as Parameters<typeof NormalizedSchema.of>[0]);
};

/** Whether an empty body lacks something; what the path carries is there in any call. */
function demands(schema: NormalizedSchema): boolean {
  const members = new Map(schema.structIterator());
  return requiredMembers(schema).some((name) => !members.get(name)?.getMergedTraits().httpLabel);
}

describe.each(SERVICES)('%s', (service) => {
  test.runIf(IS_LOCAL)('models what the list says, and refuses every other operation by name', async () => {
    const modelled: string[] = [];
    for (const operation of sdkOperations(service)) {
      const { status, body } = await call(service, operation);
      const refusedByName = /UnknownOperationException|InvalidAction/.test(body);
      if (!refusedByName) modelled.push(operation.name);
      else expect([operation.name, status]).toEqual([operation.name, service === 'scheduler' ? 404 : 400]);
    }
    expect(modelled.toSorted()).toEqual(OPERATIONS[service].toSorted());
  });

  test('is documented with exactly the operations that it has', () => {
    const page = readFileSync(new URL('../../docs/localcloud.md', import.meta.url), 'utf8');
    const section = page.slice(page.indexOf('## The contract'));
    const row = section.split('\n').find((line) => line.startsWith(`| ${TITLES[service]} `));
    expect([...row!.split('|')[2]!.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(
      OPERATIONS[service],
    );
  });

  test('has a suite that is held to the model', () => {
    const suite = new URL(`${service}.contract.test.ts`, import.meta.url);
    expect(existsSync(suite), suite.pathname).toBe(true);
    expect(readFileSync(suite, 'utf8')).toContain(`describeCoverage('${service}', contract)`);
  });

  const demanding = sdkOperations(service).filter(
    ({ name, input }) => OPERATIONS[service].includes(name) && demands(schemaOf(input)),
  );
  test.runIf(IS_LOCAL)('refuses a call without the members that AWS requires, as AWS words it', async () => {
    for (const operation of demanding) {
      const { status, body } = await call(service, operation);
      const code = /"__type":"(?:[^"#]*#)?(\w+)"|<Code>(\w+)<\/Code>/.exec(body)?.slice(1).join('');
      expect([operation.name, status, code]).toEqual([operation.name, 400, MISSING_MEMBER[service]]);
    }
    const refusing = OPERATIONS[service].filter((name) => !NEVER_REFUSED.includes(name));
    expect(demanding.length > 0).toBe(refusing.length > 0);
  });
});

const TITLES: Readonly<Record<ServiceName, string>> = {
  dynamodb: 'DynamoDB',
  streams: 'DynamoDB Streams',
  ecs: 'ECS',
  elbv2: 'Elastic Load Balancing v2',
  scheduler: 'EventBridge Scheduler',
  logs: 'CloudWatch Logs',
  sts: 'STS',
  quotas: 'Service Quotas',
};

const MISSING_MEMBER: Readonly<Record<ServiceName, string>> = {
  dynamodb: 'ValidationException',
  streams: 'ValidationException',
  ecs: 'InvalidParameterException',
  elbv2: 'ValidationError',
  scheduler: 'ValidationException',
  logs: 'InvalidParameterException',
  sts: 'ValidationError',
  quotas: 'InvalidParameterException',
};
