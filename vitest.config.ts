import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/iam/record.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    // Real processes and sockets on two cores: more files at once only make each other late.
    maxWorkers: 2,
    // What decides whether work lands tells of a test that needs a second try, and does not stop for it.
    retry: process.env['TEMPUS_TEST_RETRY'] === '1' ? 1 : 0,
  },
});
