import { canonicalInstant } from '../preview/expiry.ts';
import { findCondition } from '../preview/conditions.ts';
import { type Phase, PHASES, type PreviewRow } from '../preview/record.ts';

/**
 * What is told of a preview to whoever has its address, which may be anybody: no owner, no labels, no environment, and
 * nothing in AWS's own words, which name accounts, roles and registries.
 */
export interface WaitingFacts {
  id: string;
  name: string | undefined;
  phase: Phase;
  /** Of the condition Ready. */
  reason: string;
  /** In plain words. */
  message: string;
  /** Since when it has been on its way, canonical UTC seconds. */
  since: string;
  /** Absent where the record says nothing that is a time. */
  expires_at: string | undefined;
  /** After how many seconds it is worth to ask again; undefined when it never is. */
  retry_s: number | undefined;
  /** What a preview that could not start wrote last; empty unless the install shows it. */
  logs: readonly string[];
}

const RETRY_S: Readonly<Partial<Record<Phase, number>>> = { Failed: 10, Ready: 1, Updating: 1 };
const SOON_S = 2;
const LAST_LINES = 10;
const LINE_CHARS = 160;
const TEXT_CHARS = 300;

/** Reasons whose message is a sentence of our own; any other may be what AWS said, and is put in words of ours. */
const OUR_WORDS = new Set([
  'ArchMismatch',
  'ContainerExited',
  'FuseFired',
  'HealthCheckFailed',
  'NoContainerEngine',
  'OutOfMemory',
  'PortNotOpen',
  'RolloutInProgress',
  'Serving',
]);
const WORDS: ReadonlyMap<string, string> = new Map([
  ['AccessDenied', 'the install lacks a permission'],
  ['CapacityExhausted', 'there is no room for it at the moment'],
  ['ContainerNotStarted', 'its container could not be started'],
  ['Deleted', 'its time is over'],
  ['ImageNotFound', 'its image was not found in the registry'],
  ['ImagePullFailed', 'its image could not be pulled'],
  ['InvalidExpiry', 'what was asked for is not valid'],
  ['InvalidSpec', 'what was asked for is not valid'],
  ['InvalidTtl', 'what was asked for is not valid'],
  ['NameConflict', 'something else holds its name'],
  ['RolledBack', 'its last update was rejected'],
  ['UrlNotReady', 'it runs; its address is about to lead there'],
]);
const OTHERWISE: Readonly<Record<Phase, string>> = {
  Pending: 'it is about to be started',
  Provisioning: 'it is being made',
  Ready: 'it takes this place in a moment',
  Updating: 'its update is being rolled out',
  Degraded: 'it is being looked after',
  Failed: 'it did not start',
  Deleting: 'its time is over',
  Deleted: 'its time is over',
};

/** Never throws: a hand may have put anything into any field, and who waits still has to be told something. */
export function waitingFacts(row: PreviewRow, { showLogs = false } = {}): WaitingFacts {
  const { id, name, created_at, status } = row;
  const phase = PHASES.find((known) => known === row.phase) ?? 'Pending';
  const ready = findCondition(status.conditions, 'Ready');
  const over = phase === 'Deleting' || phase === 'Deleted';
  return {
    id,
    name: textOf(name),
    phase,
    reason: textOf(ready?.reason) ?? phase,
    message: wordsOf(phase, ready),
    since: canonicalInstant(status.rollout?.since) ?? created_at,
    expires_at: canonicalInstant(row.expires_at) ?? canonicalInstant(status.accepted?.expires_at),
    retry_s: over ? undefined : (RETRY_S[phase] ?? SOON_S),
    logs: showLogs && phase === 'Failed' ? lastLines(status.last_error?.logs) : [],
  };
}

function wordsOf(phase: Phase, ready: { reason: string; message: string } | undefined): string {
  if (ready === undefined) return OTHERWISE[phase];
  const ours = OUR_WORDS.has(ready.reason) ? textOf(ready.message) : WORDS.get(ready.reason);
  return ours ?? OTHERWISE[phase];
}

function lastLines(logs: unknown): string[] {
  if (!Array.isArray(logs)) return [];
  return logs.slice(-LAST_LINES).map((line) => String(line).slice(0, LINE_CHARS));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, TEXT_CHARS) : undefined;
}
