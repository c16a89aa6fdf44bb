import type { RuleTransform } from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from 'vitest';
import { chooseTarget, type Target } from '../../localcloud/load-balancer/choose-target.ts';
import { forwardedHeaders } from '../../localcloud/load-balancer/forwarded-headers.ts';
import { matchesCodes } from '../../localcloud/load-balancer/health-check.ts';
import { matches } from '../../localcloud/load-balancer/match.ts';
import { errorPage, rawAnswer } from '../../localcloud/load-balancer/own-answer.ts';
import { redirect } from '../../localcloud/load-balancer/redirect.ts';
import { requestTarget } from '../../localcloud/load-balancer/request-target.ts';
import { rewrite } from '../../localcloud/load-balancer/rewrite.ts';

const request = { method: 'GET', host: 'a.test', path: '/' };

describe('a host condition', () => {
  test.each([
    ['pr-1.preview.test', 'pr-1.preview.test', true],
    ['pr-1.preview.test', 'PR-1.Preview.TEST', true],
    ['PR-1.preview.test', 'pr-1.preview.test', true],
    ['pr-1.preview.test', 'pr-1.preview.test:8080', true],
    ['pr-1.preview.test', 'pr-1.preview.test.', true],
    ['pr-1.preview.test', 'pr-1.preview.test.:8080', true],
    ['pr-1.preview.test', 'pr-10.preview.test', false],
    ['pr-1.preview.test', 'x.pr-1.preview.test', false],
    ['*.preview.test', 'pr-1.preview.test', true],
    ['*.preview.test', 'preview.test', false],
    ['pr-?.preview.test', 'pr-1.preview.test', true],
    ['pr-?.preview.test', 'pr-12.preview.test', false],
    ['pr.1.test', 'prx1.test', false],
  ])('%s and the host %s: %s', (pattern, host, expected) => {
    const condition = { Field: 'host-header', HostHeaderConfig: { Values: [pattern] } };
    expect(matches([condition], { ...request, host })).toBe(expected);
  });
});

describe('a path condition', () => {
  test.each([
    ['/preview-1', '/preview-1', true],
    ['/preview-1', '/preview-1/', false],
    ['/preview-1', '/Preview-1', false],
    ['/preview-1/*', '/preview-1/', true],
    ['/preview-1/*', '/preview-1/a/b', true],
    ['/preview-1/*', '/preview-1', false],
    ['/preview-1/*', '/preview-12/a', false],
    ['/a?c', '/abc', true],
    ['/a?c', '/ac', false],
    ['*', '/anything', true],
    ['/*/x/*z', '/a/x/b/x/yz', true],
    ['/*/x/*z', '/a/x/b/x/y', false],
    [`/${'*a'.repeat(20)}b`, `/${'a'.repeat(2000)}`, false],
  ])('%s and the path %s: %s', (pattern, path, expected) => {
    const condition = { Field: 'path-pattern', PathPatternConfig: { Values: ['/other', pattern] } };
    expect(matches([condition], { ...request, path })).toBe(expected);
  });
});

test('all conditions of a rule must hold, any value of one suffices, and no condition takes all', () => {
  const host = { Field: 'host-header', Values: ['b.test', 'a.test'] };
  const method = (...Values: string[]) => ({
    Field: 'http-request-method',
    HttpRequestMethodConfig: { Values },
  });
  expect(matches([], request)).toBe(true);
  expect(matches([host, method('POST', 'GET')], request)).toBe(true);
  expect(matches([host, method('POST')], request)).toBe(false);
  expect(matches([host, method('get')], request)).toBe(false);
  expect(matches([{ Field: 'source-ip', SourceIpConfig: { Values: ['0.0.0.0/0'] } }], request)).toBe(false);
});

const urlRewrite = (Regex: string, Replace: string): RuleTransform => ({
  Type: 'url-rewrite',
  UrlRewriteConfig: { Rewrites: [{ Regex, Replace }] },
});

describe('a URL rewrite', () => {
  test.each([
    ['^/preview-1/?(.*)$', '/$1', '/preview-1', '/'],
    ['^/preview-1/?(.*)$', '/$1', '/preview-1/', '/'],
    ['^/preview-1/?(.*)$', '/$1', '/preview-1/a/b?c=d&e=/preview-1/', '/a/b?c=d&e=/preview-1/'],
    ['^/preview-1/?(.*)$', '/$1', '/other?x', '/other?x'],
    ['a', 'b', '/aa', '/ba'],
    ['^/(\\w+)/(\\w+)$', '/$2/$1/$3', '/x/y', '/y/x/'],
    ['x', '$&$$', '/x', '/$&$$'],
    ['^/preview-1/(.*)$', '$1', '/preview-1/a', undefined],
    ['^.*$', '', '/a', undefined],
    ['a', ' ', '/a', undefined],
    ['(', '/', '/a', undefined],
  ])('%s -> %s makes of %s: %s', (regex, replace, url, expected) => {
    expect(rewrite([urlRewrite(regex, replace)], { url, host: 'a.test' })?.url).toBe(expected);
  });

  test('leaves the host alone, and a host rewrite leaves the URL alone', () => {
    const hostRewrite = (Replace: string): RuleTransform => ({
      Type: 'host-header-rewrite',
      HostHeaderRewriteConfig: { Rewrites: [{ Regex: '^([^.]+)\\.preview\\.test', Replace }] },
    });
    const asked = { url: '/x', host: 'pr-1.preview.test:80' };
    expect(rewrite([], asked)).toEqual(asked);
    expect(rewrite([urlRewrite('x', 'y')], asked)).toEqual({ ...asked, url: '/y' });
    expect(rewrite([hostRewrite('$1.internal')], asked)).toEqual({ url: '/x', host: 'pr-1.internal:80' });
    expect(rewrite([hostRewrite('a\r\nx-evil: 1')], asked)).toBeUndefined();
  });
});

describe('a target is chosen', () => {
  const target = (id: string, state: Target['state'], everHealthy = state === 'healthy'): Target => ({
    id,
    port: 80,
    state,
    everHealthy,
  });
  const ids = (targets: Target[]) => [0, 1, 2, 3].map((turn) => chooseTarget(targets, turn)?.id);

  test.each<[string, Target[], (string | undefined)[]]>([
    ['healthy ones in turn', [target('a', 'healthy'), target('b', 'healthy')], ['a', 'b', 'a', 'b']],
    [
      'never an unhealthy one beside a healthy one',
      [target('a', 'unhealthy', true), target('b', 'healthy')],
      ['b', 'b', 'b', 'b'],
    ],
    [
      'all of them when all were healthy once and are not now',
      [target('a', 'unhealthy', true), target('b', 'unhealthy', true)],
      ['a', 'b', 'a', 'b'],
    ],
    [
      'never one that was not healthy yet, never one that drains',
      [
        target('a', 'initial'),
        target('b', 'unhealthy'),
        target('c', 'draining', true),
        target('d', 'unused', true),
      ],
      [undefined, undefined, undefined, undefined],
    ],
    ['none of none', [], [undefined, undefined, undefined, undefined]],
  ])('%s', (_, targets, expected) => expect(ids(targets)).toEqual(expected));
});

describe('a request is read', () => {
  const read = (url: string, ...host: string[]) =>
    requestTarget({ url, headersDistinct: host.length > 0 ? { host } : {} });

  test.each([
    ['/', '/'],
    ['/a?b=/c?d', '/a'],
    ['//a//b', '//a//b'],
    ['/?', '/'],
  ])('%s has the path %s', (url, path) => {
    expect(read(url, 'a.test:80')).toEqual({ host: 'a.test:80', url, path });
  });

  test('a whole URL names the host', () => {
    expect(read('http://b.test:81/x?y', 'a.test')).toEqual({ host: 'b.test:81', url: '/x?y', path: '/x' });
    expect(read('http://b.test?y', 'b.test')).toEqual({ host: 'b.test', url: '/?y', path: '/' });
  });

  test('none, two, or a malformed host is refused, and so is what is no path', () => {
    expect(read('/')).toBeUndefined();
    expect(read('/', 'a.test', 'a.test')).toBeUndefined();
    for (const host of ['', 'a b', 'a/b', 'a@b', 'a:b', 'a:', ':80', 'a.test:123456', '[::1'])
      expect(read('/', host), host).toBeUndefined();
    for (const host of ['[::1]:80', '127.0.0.1:8080', 'under_score.test'])
      expect(read('/', host)).toBeDefined();
    expect(read('*', 'a.test')).toBeUndefined();
  });
});

describe('what a target learns of the way', () => {
  const hop = {
    headers: {},
    clientAddress: '::ffff:192.0.2.1',
    port: 8080,
    now: new Date('2026-01-01T00:00:00Z'),
    uuid: '01234567-89ab-4cde-8f01-23456789abcd',
  };
  const id = '1-6955b900-0123456789ab4cde8f012345';

  test('a request without a history begins one', () => {
    expect(forwardedHeaders(hop)).toEqual({
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '8080',
      'x-amzn-trace-id': `Root=${id}`,
    });
  });

  test('a history is continued, and what only this hop can know is replaced', () => {
    const headers = {
      'x-forwarded-for': '203.0.113.7, 198.51.100.2',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '1',
      'x-amzn-trace-id': 'Self=1-0-1;Root=1-0-2;CalledFrom=app',
    };
    expect(forwardedHeaders({ ...hop, headers })).toEqual({
      'x-forwarded-for': '203.0.113.7, 198.51.100.2, 192.0.2.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '8080',
      'x-amzn-trace-id': `Self=${id};Root=1-0-2;CalledFrom=app`,
    });
  });
});

test.each([
  ['200', 200, true],
  ['200', 201, false],
  ['200,302', 302, true],
  ['200-299', 299, true],
  ['200-299,404', 300, false],
])('the matcher %s takes %i: %s', (codes, status, expected) => {
  expect(matchesCodes(codes, status)).toBe(expected);
});

test.each([
  [{}, 'http://a.test:8080/x?y=1'],
  [{ Protocol: 'HTTPS', Port: '443' }, 'https://a.test:443/x?y=1'],
  [{ Host: 'new.#{host}', Path: '/p/#{path}', Query: '' }, 'http://new.a.test:8080/p/x'],
])('a redirect with %o leads to %s', (config, location) => {
  const answer = redirect(
    { StatusCode: 'HTTP_302', ...config },
    { host: 'A.test', url: '/x?y=1', path: '/x' },
    8080,
  );
  expect(answer).toMatchObject({ status: 302, headers: { location } });
});

test("an error page is AWS's, and as text it ends its connection", () => {
  const page = errorPage(503);
  expect(page.body).toContain('<head><title>503 Service Temporarily Unavailable</title></head>');
  expect(page.headers).toMatchObject({ 'retry-after': '1', 'content-type': 'text/html' });
  expect(errorPage(502).headers).not.toHaveProperty('retry-after');
  const text = rawAnswer(page);
  expect(text).toMatch(/^HTTP\/1\.1 503 Service Temporarily Unavailable\r\nserver: awselb\/2\.0\r\n/);
  expect(text).toContain('connection: close\r\n');
  expect(text.split('\r\n\r\n')[1]).toBe(page.body);
});
