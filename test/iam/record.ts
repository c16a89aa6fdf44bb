import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';

/** Where the tests leave what they asked of AWS. */
export const RECORD_FOLDER = resolve(import.meta.dirname, '../../.tempus/test-calls');
/** Says that the record is not that of the whole suite. */
export const PARTIAL = 'partial';

/** Before the first test: an empty record. A run that a test starts adds to the record of the run around it. */
export function setup({ vitest }: TestProject): void {
  if (process.env['TEMPUS_TEST_CALLS'] !== undefined) return;
  rmSync(RECORD_FOLDER, { recursive: true, force: true });
  mkdirSync(RECORD_FOLDER, { recursive: true });
  const { filenamePattern, config } = vitest as {
    filenamePattern?: string[];
    config: { testNamePattern?: RegExp };
  };
  if ((filenamePattern ?? []).length > 0 || config.testNamePattern)
    writeFileSync(join(RECORD_FOLDER, PARTIAL), '');
  process.env['TEMPUS_TEST_CALLS'] = RECORD_FOLDER;
}
