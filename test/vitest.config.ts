import { defineConfig } from 'vitest/config';
import { secrets } from './support/secrets.ts';

const root = new URL('..', import.meta.url).pathname;

// workerd is to trust the tests' own authority; what starts it reads this when it is loaded.
process.env.NODE_EXTRA_CA_CERTS = `${root}test/fixtures/tls/ca.pem`;
const { cloudflareTest, readD1Migrations } = await import('@cloudflare/vitest-plugin');

/** core: plain and fast. worker: inside workerd, with its objects and clock in hand. contract: over HTTP, as a caller sees it. */
export default defineConfig({
  test: {
    root,
    onConsoleLog: (log) => !log.startsWith('{"requestId"'),
    projects: [
      {
        test: {
          name: 'core',
          root,
          include: ['test/core/**/*.test.ts', 'test/architecture.test.ts'],
          // Laws are tried thousands of times, on machines that do other things too.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'contract',
          root,
          include: ['test/contract/**/*.test.ts'],
          globalSetup: 'test/support/server.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              email: { send_email: [{ name: 'EMAIL' }] },
              ratelimits: { FIVE_A_MINUTE: { namespace_id: '1', simple: { limit: 5, period: 60 } } },
              bindings: {
                ...secrets,
                MIGRATIONS: await readD1Migrations({
                  projectPath: root,
                  migrationsDir: '.',
                  migrationsPattern: '{schema.sql,src/directory/migrations/*.sql}',
                }),
              },
            },
          })),
        ],
        test: {
          name: 'worker',
          root,
          include: ['test/worker/**/*.test.ts'],
          globalSetup: 'test/support/peers/control.ts',
          setupFiles: ['test/support/migrate.ts'],
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
