import { describe, expect, test } from 'vitest';
import { localBackend, readPlace, s3Backend } from '../../deploy/backend.ts';
import { judgeSetup } from '../../deploy/bootstrap.ts';
import { nameOf } from '../../deploy/caller.ts';
import { letsSomebodyIn, writeChoices } from '../../deploy/choices.ts';
import { readDeployed } from '../../deploy/deployed.ts';
import { Refusal, refusalOf } from '../../deploy/refusal.ts';
import type { ImageRepository, Part } from '../../deploy/repositories.ts';
import { SETTINGS } from '../../deploy/settings.ts';

function repository(part: Part, state: string): ImageRepository {
  return { part, name: `tempus-${part}`, uri: `registry/tempus-${part}`, state };
}

const both = (state: string) => [repository('control-plane', state), repository('hello', state)];

describe('what setup does', () => {
  test('an account without repositories gets them, and so does a checkout that has begun', () => {
    expect(judgeSetup([], 's3', false)).toBe('make');
    expect(judgeSetup(both('a-bucket'), 's3', true)).toBe('make');
  });

  test('an install is joined with the bucket that its repositories name', () => {
    expect(judgeSetup(both('a-bucket'), 's3', false)).toEqual({ join: 'a-bucket' });
  });

  test.for([
    ['half of it', [repository('hello', 'a-bucket')], 's3'],
    ['a state in another checkout', both('local'), 's3'],
    ['a state in a bucket where a local one is asked for', both('a-bucket'), 'local'],
  ] as const)('%s is refused', ([, found, state]) => {
    expect(() => judgeSetup(found, state, false)).toThrow(Refusal);
  });
});

test('a backend that is written is read as the same place', () => {
  const s3 = s3Backend({ bucket: 'a-bucket', key: 'k', region: 'us-east-1', account: '123456789012' });
  expect(readPlace(s3)).toEqual({ bucket: 'a-bucket' });
  expect(readPlace(localBackend())).toBe('local');
});

test('whoever AWS takes us for has a name that owners may have', () => {
  expect(nameOf('arn:aws:iam::123456789012:user/deployer')).toBe('deployer');
  expect(nameOf('arn:aws:sts::123456789012:assumed-role/Admin/deployer+ops=1@example.com')).toBe(
    'deployer-ops-1@example.com',
  );
  expect(nameOf('arn:aws:iam::123456789012:root')).toBe('root');
});

test('choices let somebody in where ranges or a domain were given, and a comment lets in nobody', () => {
  expect(
    letsSomebodyIn(
      writeChoices({
        ALLOWED_CIDRS: undefined,
        DOMAIN: undefined,
        API_DOMAIN: undefined,
        ZONE_ID: undefined,
      }),
    ),
  ).toBe(false);
  const domain = { DOMAIN: 'preview.example.com', API_DOMAIN: 'tempus.example.com', ZONE_ID: 'Z1' };
  expect(letsSomebodyIn(writeChoices({ ALLOWED_CIDRS: undefined, ...domain }))).toBe(true);
  expect(letsSomebodyIn('  # allowed_cidrs = []\n')).toBe(false);
});

test('outputs of another version are refused, and none mean that nothing is deployed', () => {
  expect(readDeployed({})).toBeUndefined();
  expect(() => readDeployed({ api_url: 'here', containers: {} })).toThrow(Refusal);
});

test('an error of AWS becomes a refusal with a way out, and a defect stays one', () => {
  const expired = Object.assign(new Error('too late'), { name: 'ExpiredToken' });
  expect(refusalOf(expired)).toMatchObject({
    message: 'the AWS credentials have expired',
    detail: 'too late',
  });
  const other = Object.assign(new Error('busy'), { name: 'ServerException', $fault: 'server' });
  expect(refusalOf(other)).toMatchObject({ message: 'AWS answers with ServerException' });
  expect(refusalOf(new TypeError('x is not a function'))).toBeUndefined();
});

test('a domain comes with its zone and the name of the API, or not at all', () => {
  const domain = {
    DOMAIN: 'preview.example.com',
    API_DOMAIN: 'tempus.example.com',
    ZONE_ID: 'Z0123456789ABCDEFGHIJ',
  };
  expect(SETTINGS.setup.safeParse(domain).success).toBe(true);
  expect(SETTINGS.setup.safeParse({ ZONE_ID: domain.ZONE_ID }).success).toBe(false);
});
