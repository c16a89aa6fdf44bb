import { expect, test } from 'vitest';
import { compare } from '../iam/comparison.ts';
import type { Statement } from '../iam/policy.ts';
import { requestsOf } from '../iam/requests.ts';

const READ = {
  action: 'dynamodb:GetItem',
  resources: ['arn:aws:dynamodb:us-east-1:1:table/a'],
  context: {},
  role: 'api',
};
const GRANT: Statement = {
  Effect: 'Allow',
  Action: 'dynamodb:GetItem',
  Resource: 'arn:aws:dynamodb:us-east-1:1:table/a',
};

const compared = (statements: Statement[], recorded = [READ]) =>
  compare({ api: { Statement: statements } }, recorded);

test('a call with its right, and a right with its call, are in order', async () => {
  expect(await compared([GRANT])).toEqual({ denied: [], unused: [], defects: [], actions: { api: 1 } });
});

test('a call without a right is found', async () => {
  expect((await compared([])).denied).toHaveLength(1);
  expect(
    (await compared([{ ...GRANT, Resource: 'arn:aws:dynamodb:us-east-1:1:table/b' }])).denied,
  ).toHaveLength(1);
});

test('a right whose condition does not hold is none', async () => {
  const conditional = {
    ...GRANT,
    Condition: { StringEquals: { 'aws:ResourceTag/tempus:install': 'tempus' } },
  };
  expect((await compared([conditional])).denied).toHaveLength(1);
  const own = { ...READ, context: { 'aws:ResourceTag/tempus:install': 'tempus' } };
  expect((await compared([conditional], [own])).denied).toEqual([]);
});

test('a right without a call is found, also where another statement gives the same one elsewhere', async () => {
  const elsewhere = { ...GRANT, Resource: 'arn:aws:dynamodb:us-east-1:1:table/b' };
  expect((await compared([GRANT, elsewhere])).unused).toEqual([
    'api: dynamodb:GetItem on arn:aws:dynamodb:us-east-1:1:table/b',
  ]);
});

test.each<[string, Partial<Statement>]>([
  ['dynamodb:GetItems does not exist', { Action: 'dynamodb:GetItems' }],
  ['dynamodb:Get* is more than one right: name each', { Action: 'dynamodb:Get*' }],
  ['scheduler:ListSchedules takes no resource but *', { Action: 'scheduler:ListSchedules' }],
  ['dynamodb:GetItem does not know ecs:cluster', { Condition: { ArnEquals: { 'ecs:cluster': 'a' } } }],
])('what AWS would not honour is found: %s', async (defect, changes) => {
  expect((await compared([{ ...GRANT, ...changes }])).defects).toEqual([`api: ${defect}`]);
});

test('a call that nobody has thought of is an error', () => {
  expect(() => requestsOf('ecs', 'RunTask', {})).toThrow(/ecs RunTask/);
});

test('a role that a call hands over is the one that it names', () => {
  const role = 'arn:aws:iam::000000000000:role/of-another';
  const passed = (requests: ReturnType<typeof requestsOf>) =>
    requests.filter(({ action }) => action === 'iam:PassRole').flatMap(({ resources }) => resources);
  const named = 'arn:aws:iam::123456789012:role/of-another';
  expect(passed(requestsOf('ecs', 'RegisterTaskDefinition', { executionRoleArn: role }))).toEqual([named]);
  expect(passed(requestsOf('ecs', 'RegisterTaskDefinition', { taskRoleArn: role }))).toEqual([named]);
  expect(passed(requestsOf('scheduler', 'UpdateSchedule', { Target: { RoleArn: role } }))).toEqual([named]);
  expect(passed(requestsOf('ecs', 'RegisterTaskDefinition', {}))).toEqual([]);
});

test('a call that names no cluster is one about the default cluster', () => {
  const clusters = (input: object) =>
    requestsOf('ecs', 'DeleteService', input).map(({ context }) => context['ecs:cluster']);
  expect(clusters({ cluster: 'tempus' })).toEqual(['arn:aws:ecs:us-east-1:123456789012:cluster/tempus']);
  expect(clusters({})).toEqual(['arn:aws:ecs:us-east-1:123456789012:cluster/default']);
});

test.each<[string, Record<string, string | string[]>, boolean, boolean, boolean]>([
  ['StringEquals', { key: 'a' }, true, false, false],
  ['StringEqualsIfExists', { key: 'a' }, true, false, true],
  ['ArnLikeIfExists', { key: 'a*' }, true, false, true],
  ['ForAllValues:StringEquals', { key: ['a', 'c'] }, true, false, true],
  ['ForAnyValue:StringEquals', { key: ['a'] }, true, false, false],
  ['Null', { key: 'false' }, true, true, false],
])(
  '%s holds for what it wants, for something else, and for a key that is not there, as IAM says',
  async (operator, wanted, ...holds) => {
    const contexts = [{ key: 'a' }, { key: 'b' }, {}];
    for (const [n, context] of contexts.entries()) {
      const { denied } = await compared(
        [{ ...GRANT, Condition: { [operator]: wanted } }],
        [{ ...READ, context }],
      );
      expect(denied.length === 0, JSON.stringify(context)).toBe(holds[n]);
    }
  },
);

test('of several values ForAllValues wants each', async () => {
  const statement = { ...GRANT, Condition: { 'ForAllValues:StringEquals': { key: ['a', 'c'] } } };
  const deniedWith = async (key: string[]) =>
    (await compared([statement], [{ ...READ, context: { key } }])).denied;
  expect(await deniedWith(['a', 'c'])).toEqual([]);
  expect(await deniedWith(['a', 'b'])).toHaveLength(1);
});
