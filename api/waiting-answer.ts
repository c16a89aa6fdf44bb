import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { WAITING_ROOM } from '../preview/urls.ts';
import type { Read } from './shared-records.ts';
import { type WaitingFacts, waitingFacts } from './waiting-facts.ts';
import { CONTENT_SECURITY_POLICY, plainPage, waitingPage } from './waiting-page.ts';

export interface WaitingAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What is said of a preview, before it is known to whom. */
export type Notice =
  { kind: 'nobody' } | { kind: 'unreadable'; retry_s: number } | { kind: 'preview'; facts: WaitingFacts };

const UNREADABLE_S = 5;
const NOBODY = 'no preview lives at this address';
const UNREADABLE = 'it cannot be told at the moment how far this preview is';

/** Every answer carries these: what browsers and search engines must not do with it, and who it is that answers. */
export const HEADERS: Readonly<Record<string, string>> = {
  server: WAITING_ROOM,
  'cache-control': 'no-store',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
};

export function noticeOf(read: Read, { showLogs = false } = {}): Notice {
  if (read === 'unreadable') return { kind: 'unreadable', retry_s: UNREADABLE_S };
  if (!read.row) return { kind: 'nobody' };
  return { kind: 'preview', facts: waitingFacts(read.row, { showLogs }) };
}

/** A page for whoever navigates there, a problem (RFC 9457) for every other client. */
export function answerNotice(
  notice: Notice,
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  now: Date,
): WaitingAnswer {
  const status = statusOf(notice);
  const retry_s = retryOf(notice);
  const page = wantsPage(request);
  const body = page ? pageOf(notice, now) : `${JSON.stringify(problemOf(notice, status))}\n`;
  return {
    status,
    headers: {
      ...HEADERS,
      'content-type': page ? 'text/html; charset=utf-8' : 'application/problem+json',
      ...(retry_s === undefined ? {} : { 'retry-after': String(retry_s) }),
    },
    body,
  };
}

/** As browsers say it: they name the mode where the origin is trustworthy, and what they take everywhere. */
function wantsPage({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  if ((headers['sec-fetch-mode'] ?? 'navigate') !== 'navigate') return false;
  return headers.accept?.includes('text/html') ?? false;
}

function statusOf(notice: Notice): number {
  switch (notice.kind) {
    case 'nobody':
      return 404;
    case 'unreadable':
      return 503;
    case 'preview':
      return notice.facts.retry_s === undefined ? 410 : 503;
  }
}

function retryOf(notice: Notice): number | undefined {
  switch (notice.kind) {
    case 'nobody':
      return undefined;
    case 'unreadable':
      return notice.retry_s;
    case 'preview':
      return notice.facts.retry_s;
  }
}

function pageOf(notice: Notice, now: Date): string {
  switch (notice.kind) {
    case 'nobody':
      return plainPage('No preview here', NOBODY);
    case 'unreadable':
      return plainPage('One moment', UNREADABLE, notice.retry_s);
    case 'preview':
      return waitingPage(notice.facts, now);
  }
}

function problemOf(notice: Notice, status: number): Record<string, unknown> {
  const about = (code: string, detail: string) => ({
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail,
    code,
    retryable: status === 503,
  });
  switch (notice.kind) {
    case 'nobody':
      return about('preview_not_found', NOBODY);
    case 'unreadable':
      return about('table_unavailable', UNREADABLE);
    case 'preview': {
      const { id, phase, reason, message } = notice.facts;
      const code = status === 410 ? 'preview_gone' : 'preview_not_ready';
      const found = { preview_id: id, phase, reason, status_path: `/preview/${id}` };
      return { ...about(code, `preview ${id} is ${phase}: ${message}`), ...found };
    }
  }
}
