import { isDeepStrictEqual } from 'node:util';

export interface FieldChange {
  /** The names on the way to the field, joined by dots. */
  path: string;
  /** Absent where the field was absent, and of every field that may hold a secret. */
  from?: string;
  to?: string;
}

export type StringMap = Record<string, unknown>;

/** The fields whose values may be told: everybody may know them, and none of them can hold what is secret. */
const OPEN = ['image', 'port', 'cpu', 'memory', 'arch', 'capacity'];
const MOST_PATHS = 50;
const LONGEST = 200;

export function isMap(value: unknown): value is StringMap {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}

/** A value as a person sees it. Never what is in a map or in a list. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > LONGEST ? `${value.slice(0, LONGEST - 1)}…` : value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === undefined || value === null) return 'none';
  return isMap(value) ? 'a map' : 'a list';
}

/** Whether two stored values are equal, whatever the order of their keys. What is absent equals null. */
export function isSame(one: unknown, other: unknown): boolean {
  return one === other || isDeepStrictEqual(one ?? null, other ?? null);
}

/** The names at which two maps differ, sorted. */
export function differing(before: StringMap, after: StringMap): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isSame(before[name], after[name])).toSorted();
}

/**
 * Where two desired states differ: the names on the way to each field, and within a map, such as env, to each name in it
 * and no further. Values are told only of fields that hold no secret: a command can carry what should have been in env.
 */
export function changedPaths(before: unknown, after: unknown): FieldChange[] {
  if (isSame(before, after)) return [];
  if (!isMap(before) || !isMap(after)) return [{ path: 'spec' }];
  const changes = differing(before, after).flatMap((name) => fieldChanges(name, before[name], after[name]));
  if (changes.length <= MOST_PATHS) return changes;
  return [...changes.slice(0, MOST_PATHS), { path: `${changes.length - MOST_PATHS} more` }];
}

function fieldChanges(name: string, was: unknown, is: unknown): FieldChange[] {
  const path = `spec.${shown(name)}`;
  if (OPEN.includes(name) && isScalar(was) && isScalar(is)) return [valueChange(path, was, is)];
  if (!isMap(was) || !isMap(is)) return [{ path }];
  return differing(was, is).map((inner) => ({ path: `${path}.${shown(inner)}` }));
}

export function valueChange(path: string, was: unknown, is: unknown): FieldChange {
  return {
    path,
    ...(was === undefined ? {} : { from: shown(was) }),
    ...(is === undefined ? {} : { to: shown(is) }),
  };
}

function isScalar(value: unknown): boolean {
  return value === undefined || typeof value === 'string' || typeof value === 'number';
}
