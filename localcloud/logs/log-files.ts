import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { StoredEvent } from './stream-events.ts';

export interface GroupRecord {
  name: string;
  created_at: number;
  retention_days?: number;
}

export interface StreamRecord {
  name: string;
  created_at: number;
}

export interface SavedStream {
  stream: StreamRecord;
  events: StoredEvent[];
}

/** Where log groups are kept. */
export interface LogStore {
  load(): { group: GroupRecord; streams: SavedStream[] }[];
  saveGroup(group: GroupRecord): void;
  /** Writes the stream whole: for a new one, and when its oldest events are dropped. */
  rewrite(group: string, stream: StreamRecord, events: readonly StoredEvent[]): void;
  append(group: string, stream: string, events: readonly StoredEvent[]): void;
  deleteStream(group: string, stream: string): void;
}

/** Keeps nothing beyond the process. */
export const noLogFiles: LogStore = {
  load: () => [],
  saveGroup: () => undefined,
  rewrite: () => undefined,
  append: () => undefined,
  deleteStream: () => undefined,
};

/**
 * A folder for each group, in it a file for each stream: a line of JSON that names it, then one line an event. Files
 * are named by hash, because log stream names may hold any character and be longer than a file name.
 */
export function logFiles(path: string): LogStore {
  const folderOf = (group: string) => join(path, hash(group));
  const fileOf = (group: string, stream: string) => join(folderOf(group), `${hash(stream)}.jsonl`);
  return {
    load: () => (existsSync(path) ? readdirSync(path).flatMap((name) => loadGroup(join(path, name))) : []),
    saveGroup(group) {
      mkdirSync(folderOf(group.name), { recursive: true });
      replace(join(folderOf(group.name), 'group.json'), JSON.stringify(group));
    },
    rewrite(group, stream, events) {
      replace(fileOf(group, stream.name), jsonLines([stream, ...events]));
    },
    append(group, stream, events) {
      appendFileSync(fileOf(group, stream), jsonLines(events));
    },
    deleteStream(group, stream) {
      rmSync(fileOf(group, stream), { force: true });
    },
  };
}

function loadGroup(folder: string): { group: GroupRecord; streams: SavedStream[] }[] {
  const file = join(folder, 'group.json');
  if (!existsSync(file)) return []; // killed between making the folder and writing the file
  const group = JSON.parse(readFileSync(file, 'utf8')) as GroupRecord;
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return [{ group, streams: names.map((name) => loadStream(join(folder, name))) }];
}

function loadStream(file: string): SavedStream {
  const text = readFileSync(file, 'utf8');
  // A kill in the middle of an append leaves half a line, which the next append would be glued to.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) replace(file, whole);
  const [stream, ...events] = whole
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
  return { stream: stream as StreamRecord, events: events as StoredEvent[] };
}

function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.next`, text);
  renameSync(`${file}.next`, file);
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}
