import { expect, test } from 'vitest';
import type { Plan } from './plan.ts';
import { containersOf } from './services.ts';

const SECRET_NAME = /SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE|ACCESS_KEY/;
/** Keys of AWS, private keys, addresses with a password, and tokens of Tempus. */
const SECRET_VALUE = /(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN|:\/\/[^/\s]*:[^/\s]*@|\btmp_(user|ci)_/;
const REFERENCE = /^arn:aws:(secretsmanager:[^:]+:\d+:secret:|ssm:[^:]+:\d+:parameter\/)/;

interface FunctionEnvironment {
  environment: { variables: Record<string, string> }[];
}

/** Why an environment variable looks like a secret in plain text; undefined where it does not. */
export function exposure(name: string, value = ''): string | undefined {
  if (SECRET_NAME.test(name)) return `${name} is named like a secret`;
  return SECRET_VALUE.test(value) ? `the value of ${name} looks like a secret` : undefined;
}

export function secrets(plan: Plan): void {
  const containers = Object.values(containersOf(plan));

  test('no secret stands in plain text in what a process is told', () => {
    const told = [
      ...containers.flatMap(({ environment }) => environment),
      ...plan.of('aws_lambda_function').flatMap(({ values }) => {
        const { environment } = values as unknown as FunctionEnvironment;
        const variables = environment.flatMap((one) => Object.entries(one.variables));
        return variables.map(([name, value]) => ({ name, value }));
      }),
    ];
    expect(told.length).toBeGreaterThan(30);
    expect(told.flatMap(({ name, value }) => exposure(name, value) ?? [])).toEqual([]);
  });

  test('a secret of a container is a reference', () => {
    for (const { valueFrom } of containers.flatMap((one) => one.secrets ?? []))
      expect(valueFrom).toMatch(REFERENCE);
  });
}
