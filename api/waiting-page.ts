import { createHash } from 'node:crypto';
import { findCondition } from '../preview/conditions.ts';
import type { Phase, PreviewRow } from '../preview/record.ts';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 34rem; margin: 15vh auto 0; padding: 0 1.25rem }
h1 { font-size: 1.35rem; margin: 0 0 .5rem }
p { margin: .5rem 0 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1.5rem 0 }
dt { opacity: .65 }
dd { margin: 0; overflow-wrap: anywhere }
code { font: .9em ui-monospace, monospace }
`;

/** The page runs nothing and loads nothing: it is a text with one style, and asks for itself again. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What is told of a preview to whoever has its address: no owner, no environment, no logs. */
export interface WaitingFacts {
  id: string;
  name: string | undefined;
  phase: Phase;
  /** Of the condition Ready. */
  reason: string;
  message: string;
  created_at: string;
  expires_at: string;
  /** After how many seconds it is worth to ask again; undefined when it never is. */
  retry_s: number | undefined;
}

const RETRY_S: Readonly<Partial<Record<Phase, number>>> = { Failed: 10, Ready: 1, Updating: 1, Degraded: 2 };

export function waitingFacts(row: PreviewRow): WaitingFacts {
  const { id, name, phase, created_at, expires_at, status } = row;
  const ready = findCondition(status.conditions, 'Ready');
  const over = phase === 'Deleting' || phase === 'Deleted';
  return {
    id,
    name,
    phase,
    reason: ready?.reason ?? phase,
    message: ready?.message ?? '',
    created_at,
    expires_at,
    retry_s: over ? undefined : (RETRY_S[phase] ?? 2),
  };
}

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
export function waitingPage(facts: WaitingFacts): string {
  const { id, name, phase, reason, message, created_at, expires_at, retry_s } = facts;
  const title = `Preview ${name ?? id} ${TITLES[phase]}`;
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="robots" content="noindex">',
    retry_s === undefined ? '' : escaped`<meta http-equiv="refresh" content="${retry_s}">`,
    escaped`<title>${title}</title>`,
    `<style>${STYLE}</style></head><body><main>`,
    escaped`<h1 role="status">${title}</h1><p>${message}</p><dl>`,
    escaped`<dt>Preview</dt><dd><code>${id}</code></dd>`,
    escaped`<dt>Phase</dt><dd>${phase}</dd>`,
    escaped`<dt>Reason</dt><dd>${reason}</dd>`,
    escaped`<dt>Asked for</dt><dd>${created_at}</dd>`,
    escaped`<dt>Ends</dt><dd>${expires_at}</dd></dl>`,
    phase === 'Failed'
      ? escaped`<p>See <code>tempus show ${id}</code>; once it is mended, <code>tempus retry ${id}</code>.</p>`
      : '',
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
