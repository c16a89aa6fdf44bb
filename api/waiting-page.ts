import { createHash } from 'node:crypto';
import { formatSpan } from '../platform/span.ts';
import type { Phase } from '../preview/record.ts';
import type { WaitingFacts } from './waiting-facts.ts';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 34rem; margin: 15vh auto 0; padding: 0 1.25rem }
h1 { font-size: 1.35rem; margin: 0 0 .5rem }
p { margin: .5rem 0 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1.5rem 0 }
dt { opacity: .75 }
dd { margin: 0; overflow-wrap: anywhere }
code, pre { font: .9em ui-monospace, monospace }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
`;

/** The page runs nothing and loads nothing: it is a text with one style, and asks for itself again. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TITLES: Readonly<Record<Phase, string>> = {
  Pending: 'waits for its turn',
  Provisioning: 'is starting',
  Ready: 'is ready',
  Updating: 'is being updated',
  Degraded: 'does not answer at the moment',
  Failed: 'could not start',
  Deleting: 'is being destroyed',
  Deleted: 'is gone',
};

/** A small page that asks for itself again until the preview takes its place. */
export function waitingPage(facts: WaitingFacts, now: Date): string {
  const { id, name = id, phase, reason, message, since, expires_at, retry_s, logs } = facts;
  const waits = retry_s !== undefined && phase !== 'Failed';
  return document({
    title: `Preview ${name} ${TITLES[phase]}`,
    message,
    retry_s,
    rest: [
      '<dl>',
      escaped`<dt>Preview</dt><dd><code>${id}</code></dd>`,
      escaped`<dt>Phase</dt><dd>${phase}</dd>`,
      escaped`<dt>Reason</dt><dd>${reason}</dd>`,
      waits ? escaped`<dt>Under way for</dt><dd>${formatSpan(now.getTime() - Date.parse(since))}</dd>` : '',
      retry_s === undefined || expires_at === undefined ? '' : endOf(expires_at, now),
      '</dl>',
      phase === 'Failed'
        ? escaped`<p>See <code>tempus show ${id}</code>; once it is mended, <code>tempus retry ${id}</code>.</p>`
        : '',
      logs.length === 0 ? '' : escaped`<h2>What it wrote last</h2><pre>${logs.join('\n')}</pre>`,
    ],
  });
}

/** The page of an address that leads to no preview, or to one whose record cannot be read. */
export function plainPage(title: string, message: string, retry_s?: number): string {
  return document({ title, message, retry_s, rest: [] });
}

function endOf(expires_at: string, now: Date): string {
  const left = formatSpan(Date.parse(expires_at) - now.getTime());
  return escaped`<dt>Ends</dt><dd>in ${left}, <time datetime="${expires_at}">${expires_at}</time></dd>`;
}

interface Document {
  title: string;
  message: string;
  retry_s: number | undefined;
  /** Markup, escaped already. */
  rest: readonly string[];
}

function document({ title, message, retry_s, rest }: Document): string {
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="robots" content="noindex">',
    retry_s === undefined ? '' : escaped`<meta http-equiv="refresh" content="${retry_s}">`,
    escaped`<title>${title}</title>`,
    `<style>${STYLE}</style></head><body><main>`,
    escaped`<h1>${title}</h1><p role="status">${message}</p>`,
    ...rest,
    retry_s === undefined ? '' : '<p>This page looks again by itself.</p>',
    '</main></body></html>\n',
  ].join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup whose values are text, whoever wrote them. */
function escaped(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return String.raw(
    { raw: parts },
    ...values.map((value) => String(value).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char)),
  );
}
