import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    // Real processes and sockets on two cores: more files at once only make each other late.
    maxWorkers: 2,
  },
});
