import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { ConfigurationError, configOf } from '../config.ts';
import { misconfigured, type Problem, unavailable } from '../core/problem.ts';
import { ok } from '../core/result.ts';
import { authenticationMethodOperations } from './authentication-methods.ts';
import { credentialOperations } from './credentials.ts';
import { devMailbox } from './dev-mailbox.ts';
import { doctorOperations } from './doctor.ts';
import { idpCallback } from './idp-callback.ts';
import { intentOperations } from './idp-intents.ts';
import { userLinkOperations } from './idp-links.ts';
import { identityProviderOperations } from './idps.ts';
import { listCredentialOperations } from './list-credentials.ts';
import { listUsersOperations } from './list-users.ts';
import { machineUserOperations } from './machine-users.ts';
import { memberOperations } from './members.ts';
import { notBuilt } from './not-built.ts';
import type { Operation } from './operation.ts';
import { organizationOperations } from './organizations.ts';
import { otpFactorOperations } from './otp-factors.ts';
import { passkeyCodeOperations } from './passkey-codes.ts';
import { passwordOperations } from './password.ts';
import { passwordResetOperations } from './password-reset.ts';
import { personalAccessTokenOperations } from './personal-access-tokens.ts';
import { recoveryCodeOperations } from './recovery-codes.ts';
import { reindexOperations } from './reindex.ts';
import { beforeDeadline, type Env, refuse, refuseMethod, restOf, tooLarge } from './rest.ts';
import { sessionSearchOperations } from './session-search.ts';
import { sessionTrailOperations } from './session-trail.ts';
import { sessionOperations } from './sessions.ts';
import { userAddressOperations } from './user-addresses.ts';
import { userEventOperations } from './user-events.ts';
import { userExportOperations } from './user-export.ts';
import { userSessionOperations } from './user-sessions.ts';
import { userStateOperations } from './user-state.ts';
import { userTotpOperations } from './user-totp.ts';
import { userOperations } from './users.ts';
import { verifyAddressOperations } from './verify-addresses.ts';
import { watch } from './watch.ts';

/** Every operation that is built. */
export const operations: readonly Operation[] = [
  ...sessionSearchOperations,
  ...sessionTrailOperations,
  ...sessionOperations,
  ...machineUserOperations,
  ...userOperations,
  ...listUsersOperations,
  ...userSessionOperations,
  ...userExportOperations,
  ...userStateOperations,
  ...userAddressOperations,
  ...verifyAddressOperations,
  ...passwordOperations,
  ...passwordResetOperations,
  ...userTotpOperations,
  ...otpFactorOperations,
  ...recoveryCodeOperations,
  // Ahead of those that take any word for an id.
  ...passkeyCodeOperations,
  ...listCredentialOperations,
  ...credentialOperations,
  ...userEventOperations,
  ...identityProviderOperations,
  ...intentOperations,
  ...userLinkOperations,
  ...authenticationMethodOperations,
  ...personalAccessTokenOperations,
  ...memberOperations,
  ...organizationOperations,
  ...doctorOperations,
  ...reindexOperations,
];

/** What a browser brings back from a provider. */
const CALLBACK_LIMIT_BYTES = 64 * 1024;

const notFound: Problem = { kind: 'not-found', message: 'Not Found' };
const internal: Problem = { kind: 'internal', id: 'SALLY-Internal', message: 'An internal error occurred' };

/** The whole HTTP surface: request id, access log and error boundary around the operations. */
export const app = new Hono<Env>();

app.use(async (context, next) => {
  const requestId = crypto.randomUUID();
  const began = Date.now();
  await next();
  // What is upgraded is no answer any more, and takes no headers.
  if (context.res.status !== 101) {
    context.header('x-request-id', requestId);
    context.header('cache-control', 'no-store');
  }
  log(context, requestId, Date.now() - began);
});

app.get('/healthz', (context) => context.json({ status: 'ok' }));

app.get('/ready', async (context) => {
  const { deadlineMs } = configOf(context.env);
  const asked = context.env.DB.prepare('SELECT 1 FROM cell LIMIT 1').run().then(ok);
  const answered = await beforeDeadline(asked, deadlineMs);
  return answered.ok ? context.json({ status: 'ready' }) : refuse(context, answered.problem);
});

app.get('/dev/mailbox', devMailbox);

app.on(
  ['GET', 'POST'],
  '/idps/callback',
  bodyLimit({ maxSize: CALLBACK_LIMIT_BYTES, onError: (context) => refuse(context as Context<Env>, tooLarge) }),
  async (context) => {
    context.set('route', '/idps/callback');
    const answer = idpCallback(context);
    context.executionCtx.waitUntil(answer.catch(() => undefined));
    const answered = await beforeDeadline(answer.then(ok), configOf(context.env).deadlineMs);
    return answered.ok ? answered.value : refuse(context, answered.problem);
  },
);

app.all('/idps/callback', (context) => refuseMethod(context, ['GET', 'POST']));

app.get('/v2/sessions/:sessionId/watch', watch);

app.route('/', restOf(operations, notBuilt));

app.notFound((context) => refuse(context, notFound));

app.onError((error, context) => {
  if (error instanceof ConfigurationError) return refuse(context, misconfigured(error.message));
  console.error(error);
  return refuse(context, isOutage(error) ? unavailable('A store could not be reached') : internal);
});

/** D1 and Durable Objects say by these marks that they could not do their work; anything else is a defect of ours. */
function isOutage(error: Error & { retryable?: boolean; overloaded?: boolean; remote?: boolean }): boolean {
  return error.message.startsWith('D1_') || error.retryable === true || error.overloaded === true || error.remote === true;
}

/** One line a request; never a body, a token or a login name. */
function log(context: Context<Env>, requestId: string, ms: number): void {
  const { route, callerKind, problemId } = context.var;
  console.log(JSON.stringify({ requestId, route, status: context.res.status, ms, callerKind, problemId }));
}
