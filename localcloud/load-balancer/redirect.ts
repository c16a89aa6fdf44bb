import type { RedirectActionConfig } from '@aws-sdk/client-elastic-load-balancing-v2';
import { hostName } from './match.ts';
import type { OwnAnswer } from './own-answer.ts';
import type { RequestTarget } from './request-target.ts';

/** The answer of a redirect action; what it does not set stays as it was asked. ALB always names the port. */
export function redirect(
  config: RedirectActionConfig,
  { host, url, path }: RequestTarget,
  port: number,
): OwnAnswer {
  const asked: Readonly<Record<string, string>> = {
    protocol: 'http',
    host: hostName(host),
    port: String(port),
    path: path.slice(1),
    query: url.slice(path.length + 1),
  };
  const fill = (template: string) =>
    template.replaceAll(/#\{(\w+)\}/g, (all, name: string) => asked[name] ?? all);
  const query = fill(config.Query ?? '#{query}');
  const protocol = fill(config.Protocol ?? '#{protocol}').toLowerCase();
  const authority = `${fill(config.Host ?? '#{host}')}:${fill(config.Port ?? '#{port}')}`;
  const location = `${protocol}://${authority}${fill(config.Path ?? '/#{path}')}${query === '' ? '' : `?${query}`}`;
  return { status: config.StatusCode === 'HTTP_301' ? 301 : 302, headers: { location }, body: '' };
}
