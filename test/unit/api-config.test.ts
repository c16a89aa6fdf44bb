import { describe, expect, test } from 'vitest';
import { apiConfig, apiSchema } from '../../api/config.ts';
import { type Env, parseConfig } from '../../platform/config.ts';

const LEAST = { AWS_REGION: 'us-east-1', TEMPUS_LOG_GROUP: '/previews', TEMPUS_DEFAULT_IMAGE: 'hello' };
const read = (env: Env) => parseConfig(apiSchema, { ...LEAST, ...env });
const config = (env: Env) => apiConfig(read(env), '1.2.3');

describe('an API that asks for no token', () => {
  test.each(['127.0.0.1', 'localhost', '::1'])('may listen on %s', (host) => {
    expect(config({ TEMPUS_AUTH: 'none', TEMPUS_HOST: host })).toMatchObject({
      auth: 'none',
      behind_load_balancer: false,
    });
  });

  test.each(['0.0.0.0', '::', '10.0.0.7', 'tempus.acme.dev'])('may not listen on %s', (host) => {
    expect(() => read({ TEMPUS_AUTH: 'none', TEMPUS_HOST: host })).toThrow(
      /TEMPUS_AUTH: must be token where TEMPUS_HOST is not a loopback address/,
    );
    expect(config({ TEMPUS_HOST: host })).toMatchObject({ auth: 'token', behind_load_balancer: true });
  });

  test('is told so together with whatever else is wrong', () => {
    const wrong = { TEMPUS_AUTH: 'none', TEMPUS_HOST: '0.0.0.0', TEMPUS_API_PORT: 'x' };
    expect(() => read(wrong)).toThrow(/TEMPUS_API_PORT.*TEMPUS_AUTH|TEMPUS_AUTH.*TEMPUS_API_PORT/s);
  });
});

test.each([
  ['336', 24],
  ['8', 8],
])('a preview that says nothing lives a day, or as long as an install of %s hours allows', (most, hours) => {
  expect(config({ TEMPUS_MAX_TTL_HOURS: most }).default_ttl_hours).toBe(hours);
});

test('an address in brackets, which nothing can listen on, is refused with the way out', () => {
  expect(() => read({ TEMPUS_HOST: '[::1]' })).toThrow(
    /TEMPUS_HOST: must be an address without brackets: ::1/,
  );
});

test('the names under which it may be asked are those of loopback, and those that it was given', () => {
  expect(config({ TEMPUS_API_HOSTS: 'Tempus.acme.dev, ,api.acme.dev' }).allowed_hosts).toEqual([
    '127.0.0.1',
    'localhost',
    '[::1]',
    'tempus.acme.dev',
    'api.acme.dev',
  ]);
});
