/** How an ALB's previews are addressed. At least one of `host_domain` and `path_origin` is set. */
export interface Routing {
  /** Which form is `preview_url`; the other one, when configured, works as well. */
  primary: 'host' | 'path';
  scheme: 'http' | 'https';
  /** Domain, with port where it is not the scheme's own, under which each preview has its own host. */
  host_domain?: string | undefined;
  /** Authority under which each preview has its own path prefix. */
  path_authority?: string | undefined;
}

/** What the waiting room calls itself in its answers: it answers in place of a preview, and is none. */
export const WAITING_ROOM = 'tempus-waiting-room';

/** The DNS label and the path segment of one of a preview's addresses; its own has no suffix. */
export function previewLabel(id: string, suffix = ''): string {
  return `preview-${id}${suffix && '-'}${suffix}`;
}

/** The host of an address without a port, as a listener rule matches it. */
export function previewHost(id: string, hostDomain: string, suffix = ''): string {
  return `${previewLabel(id, suffix)}.${hostDomain.replace(/:\d+$/, '')}`;
}

/** Every address of a preview; the first is its `preview_url`. All end in a slash, so that relative links work. */
export function previewUrls(id: string, routing: Routing, suffixes: readonly string[] = ['']): string[] {
  const { scheme, host_domain, path_authority } = routing;
  return suffixes.flatMap((suffix) => {
    const label = previewLabel(id, suffix);
    const host = host_domain ? [`${scheme}://${label}.${host_domain}/`] : [];
    const path = path_authority ? [`${scheme}://${path_authority}/${label}/`] : [];
    return routing.primary === 'host' ? [...host, ...path] : [...path, ...host];
  });
}
