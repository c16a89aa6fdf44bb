import type { RewriteConfig, RuleTransform } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isHost } from './request-target.ts';

export interface Rewritable {
  /** Path and query. */
  url: string;
  host: string;
}

/**
 * What the target sees of a request that a rule took: routing comes first, transforms after it. What an expression
 * does not match passes unchanged. Undefined when a rewrite fails, which ALB answers with 500.
 */
export function rewrite(transforms: readonly RuleTransform[], request: Rewritable): Rewritable | undefined {
  let url: string | undefined = request.url;
  let host: string | undefined = request.host;
  for (const { Type, UrlRewriteConfig, HostHeaderRewriteConfig } of transforms) {
    if (Type === 'url-rewrite') url = apply(UrlRewriteConfig?.Rewrites, url);
    if (Type === 'host-header-rewrite') host = apply(HostHeaderRewriteConfig?.Rewrites, host);
  }
  if (url === undefined || !isUrl(url)) return undefined;
  if (host === undefined || !isHost(host)) return undefined;
  return { url, host };
}

function apply(rewrites: readonly RewriteConfig[] = [], text: string | undefined): string | undefined {
  return rewrites.reduce(
    (value, { Regex = '', Replace = '' }) => value && replaceMatch(Regex, Replace, value),
    text,
  );
}

/** Only `$0` to `$9` are special in a replacement; JavaScript's own `replace` would also read `$&` and `$$`. */
function replaceMatch(pattern: string, replacement: string, text: string): string | undefined {
  const regex = compile(pattern);
  if (!regex) return undefined;
  const match = regex.exec(text);
  if (!match) return text;
  const inserted = replacement.replaceAll(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? '');
  return text.slice(0, match.index) + inserted + text.slice(match.index + match[0].length);
}

function compile(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern);
  } catch {
    return undefined;
  }
}

function isUrl(url: string): boolean {
  return /^\/[\u0021-\u00ff]*$/.test(url);
}
