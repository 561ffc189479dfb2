import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** browser: a real one with virtual authenticators, against `npm start`. Apart from the others, because a browser has to be there. */
export default defineConfig({
  test: {
    name: 'browser',
    root,
    include: ['test/browser/**/*.test.ts'],
    globalSetup: 'test/browser/stack.ts',
    testTimeout: 60_000,
    // One Chromium serves them all.
    fileParallelism: false,
    hookTimeout: 60_000,
  },
});
