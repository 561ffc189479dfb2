import type { TestProject } from 'vitest/node';
import { createTestHarness } from 'wrangler';
import { startIssuers, trusting } from './issuer.ts';
import { secrets } from './secrets.ts';

declare module 'vitest' {
  interface ProvidedContext {
    baseUrl: string;
    adminToken: string;
    /** Where the issuers are that the Worker trusts; a deployment elsewhere trusts none of ours. */
    issuers: string | undefined;
  }
}

/** Starts the whole Worker in workerd with an empty D1, once a run; or takes the deployment that BASE_URL and ADMIN_TOKEN name. */
export default async function serve(project: TestProject): Promise<() => Promise<void>> {
  const { BASE_URL, ADMIN_TOKEN } = process.env;
  if (BASE_URL !== undefined) {
    project.provide('baseUrl', BASE_URL);
    project.provide('adminToken', ADMIN_TOKEN ?? '');
    return async () => {};
  }
  const issuers = await startIssuers();
  const vars = { JWT_ISSUERS: trusting(issuers.origin), DEV_MAILBOX: 'true' };
  const server = createTestHarness({ root: project.config.root, workers: [{ configPath: 'wrangler.toml', vars, secrets }] });
  const { url } = await server.listen();
  await server.getWorker().applyD1Migrations('DB');
  project.provide('baseUrl', url.origin);
  project.provide('adminToken', secrets.ADMIN_TOKEN);
  project.provide('issuers', issuers.origin);
  return async () => {
    issuers.close();
    await server.close();
  };
}
