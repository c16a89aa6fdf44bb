import type { PreviewEvent } from '../preview/events.ts';
import type { SweepReport, SweepRequest } from '../preview/sweep-board.ts';
import type { Scope } from '../preview/tokens.ts';
import type { PreviewView } from '../preview/view.ts';

/** One of several containers of a preview. */
export interface CreateContainer {
  name: string;
  image?: string;
  entrypoint?: string[];
  command?: string | string[];
  workdir?: string;
  port?: number;
  env?: Record<string, string>;
  cpu?: number;
  memory?: number;
  essential?: boolean;
  depends_on?: Record<string, 'started' | 'healthy'>;
  healthcheck?: {
    command: string[];
    interval_s?: number;
    timeout_s?: number;
    retries?: number;
    start_period_s?: number;
  };
  /** true: the preview's own address; a text: an address with that suffix. */
  public?: true | string;
  health_path?: string;
  health_codes?: string;
}

/** What `POST /preview/create` takes. Everything is optional; the API writes the defaults. */
export interface CreateRequest {
  ttl_hours?: number;
  name?: string;
  image?: string;
  /** One string, run under /bin/sh -c, or argv. */
  command?: string | string[];
  workdir?: string;
  port?: number;
  cpu?: number;
  memory?: number;
  arch?: 'X86_64' | 'ARM64';
  capacity?: 'on_demand' | 'spot';
  env?: Record<string, string>;
  health_path?: string;
  /** Several containers in one task, in place of the fields of one. */
  containers?: CreateContainer[];
  labels?: Record<string, string>;
}

export interface ListFilter {
  phase?: string;
  labels?: Record<string, string>;
}

export interface PreviewList {
  items: PreviewView[];
  next_cursor: string | null;
}

export interface HistoryQuery {
  /** 1 to 500. */
  limit?: number;
  /** `next_cursor` of the page before. */
  cursor?: string;
  order?: 'oldest' | 'newest';
}

export interface EventPage {
  items: PreviewEvent[];
  next_cursor: string | null;
}

/** A request for a sweep, with whether one may still use it. */
export interface SweepAsked extends Omit<SweepRequest, 'used_at'> {
  used_at: string | null;
  open: boolean;
}

/** What `GET /system` answers: how Tempus itself is doing. Instants are ISO 8601. */
export interface SystemStatus {
  version: string;
  /** Absent from an API that is older than this client. */
  caller?: { owner: string; scope: Scope };
  /** null before any controller has led. */
  controller: {
    leader: string;
    version: string;
    became_leader_at: string;
    at: string;
    age_s: number;
    /** Nobody leads any more. */
    stale: boolean;
    queue_depth: number;
    stream_lag_s: number | null;
    last_full_list_at: string | null;
    last_sweep_at: string | null;
  } | null;
  sweep: SweepReport | null;
}

export interface SweepStatus {
  report: SweepReport | null;
  request: SweepAsked | null;
}

/** An error of the API, as RFC 9457 words it. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  retryable: boolean;
  hint?: string;
  request_id?: string;
  errors?: { pointer: string; detail: string }[];
}

export interface TokenRequest {
  owner: string;
  kind?: 'user' | 'ci';
  scope?: 'read' | 'write' | 'admin';
  ttl_days?: number;
}

/** The one answer in which a token can be read. */
export interface CreatedToken {
  id: string;
  kind: 'user' | 'ci';
  owner: string;
  scope: 'read' | 'write' | 'admin';
  created_at: string;
  created_by: string;
  expires_at: string;
  token: string;
}
