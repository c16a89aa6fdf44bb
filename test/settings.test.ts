import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ROOT } from './e2e/laptop-process.ts';

interface Case {
  /** What node is told to run. */
  args: string[];
  env: Record<string, string>;
  wrong: string[];
}

const program = (file: string) => [file];
const handler = (file: string) => ['--input-type=module', '-e', `(await import('./${file}')).handler({})`];

const CASES: Readonly<Record<string, Case>> = {
  api: {
    args: program('api/main.ts'),
    env: {
      TEMPUS_HOST: '0.0.0.0',
      TEMPUS_AUTH: 'none',
      TEMPUS_API_PORT: 'none',
      TEMPUS_SCHEME: 'ftp',
      TEMPUS_WAITING_LOGS: 'perhaps',
      TEMPUS_MAX_TTL_HOURS: '0',
      TEMPUS_LOG_LEVEL: 'loud',
    },
    wrong: [
      'AWS_REGION',
      'TEMPUS_LOG_GROUP',
      'TEMPUS_DEFAULT_IMAGE',
      'TEMPUS_AUTH',
      'TEMPUS_API_PORT',
      'TEMPUS_SCHEME',
      'TEMPUS_WAITING_LOGS',
      'TEMPUS_MAX_TTL_HOURS',
      'TEMPUS_LOG_LEVEL',
    ],
  },
  controller: {
    args: program('controller/main.ts'),
    env: {
      TEMPUS_INSTALL: 'QA',
      TEMPUS_SUBNETS: ' , ',
      TEMPUS_ALBS: '[{',
      TEMPUS_PROBE: 'often',
      TEMPUS_RATE_SHARE: '2',
      TEMPUS_LOG_LEVEL: 'loud',
    },
    wrong: [
      'AWS_REGION',
      'TEMPUS_INSTALL',
      'TEMPUS_CLUSTER',
      'TEMPUS_VPC_ID',
      'TEMPUS_SUBNETS',
      'TEMPUS_SECURITY_GROUPS',
      'TEMPUS_LOG_GROUP',
      'TEMPUS_SCHEDULE_GROUP',
      'TEMPUS_FUSE_ROLE_ARN',
      'TEMPUS_ALBS',
      'TEMPUS_PROBE',
      'TEMPUS_RATE_SHARE',
      'TEMPUS_LOG_LEVEL',
    ],
  },
  'lambda/expire': {
    args: handler('lambda/expire.ts'),
    env: { TEMPUS_AWS_ENDPOINT: 'nowhere', TEMPUS_LOG_LEVEL: 'loud' },
    wrong: ['AWS_REGION', 'TEMPUS_AWS_ENDPOINT', 'TEMPUS_LOG_LEVEL'],
  },
  'lambda/observe': {
    args: handler('lambda/observe.ts'),
    env: { TEMPUS_AWS_ENDPOINT: 'nowhere', TEMPUS_LOG_LEVEL: 'loud' },
    wrong: ['AWS_REGION', 'TEMPUS_CLUSTER', 'TEMPUS_AWS_ENDPOINT', 'TEMPUS_LOG_LEVEL'],
  },
};

test.each(Object.entries(CASES))('%s names every setting that is wrong, and does not start', (_, one) => {
  const { status, stderr, signal } = spawnSync(process.execPath, one.args, {
    cwd: ROOT,
    env: one.env,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect([status, signal]).toEqual([1, null]);
  const named = [...stderr.matchAll(/^ {2}([A-Z_]+)(?:\.\S+)?: ./gm)].map(([, name = '']) => name);
  expect([...new Set(named)].toSorted()).toEqual(one.wrong.toSorted());
});
