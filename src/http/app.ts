import { type Context, Hono } from 'hono';
import { TrieRouter } from 'hono/router/trie-router';
import { invalid, type Problem } from '../core/problem.ts';
import { ok } from '../core/result.ts';
import { loginPages } from '../login/login.ts';
import { authenticationMethodOperations } from './authentication-methods.ts';
import { connectOf } from './connect.ts';
import { credentialOperations } from './credentials.ts';
import { crossOrigin } from './cross-origin.ts';
import { devMailbox } from './dev-mailbox.ts';
import { doctorOperations } from './doctor.ts';
import { type Env, inTime, passFence, refuse, refuseMethod } from './exchange.ts';
import { problemOfFault } from './faults.ts';
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
import { referenceOf } from './reference.ts';
import { reindexOperations } from './reindex.ts';
import { restOf } from './rest.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { sessionSearchOperations } from './session-search.ts';
import { sessionTrailOperations } from './session-trail.ts';
import { sessionOperations } from './sessions.ts';
import { settingsOperations } from './settings.ts';
import { userAddressOperations } from './user-addresses.ts';
import { userEventOperations } from './user-events.ts';
import { userExportOperations } from './user-export.ts';
import { userSessionOperations } from './user-sessions.ts';
import { userStateOperations } from './user-state.ts';
import { userTotpOperations } from './user-totp.ts';
import { userOperations } from './users.ts';
import { verifyAddressOperations } from './verify-addresses.ts';
import { watch } from './watch.ts';
import { wholeForm } from './whole-form.ts';

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
  ...settingsOperations,
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

const notFound: Problem = { kind: 'not-found', message: 'Not Found' };
const noHost = invalid('invalid Host: must be a host');

/** The whole HTTP surface: request id, security headers, access log and error boundary around the operations. */
export const app = new Hono<Env>({ router: new TrieRouter() });

app.use(async (context, next) => {
  const requestId = crypto.randomUUID();
  const began = Date.now();
  context.set('began', began);
  await next();
  // What is upgraded is no answer any more, and takes no headers. They are set where they are: Hono's own way makes a new answer for each.
  if (context.res.status !== 101) {
    const { headers } = context.res;
    headers.set('x-request-id', requestId);
    headers.set('cache-control', 'no-store');
    for (const [name, value] of SECURITY_HEADERS) if (!headers.has(name)) headers.set(name, value);
  }
  log(context, requestId, Date.now() - began);
});

app.use((context, next) => (URL.canParse(context.req.url) ? next() : Promise.resolve(refuse(context, noHost))));

app.use(crossOrigin);

app.get('/healthz', (context) => context.json({ status: 'ok' }));

app.get('/ready', async (context) => {
  const answered = await inTime(context, () => context.env.DB.prepare('SELECT 1 FROM cell LIMIT 1').run().then(ok));
  return answered.ok ? context.json({ status: 'ready' }) : refuse(context, answered.problem);
});

app.get('/dev/mailbox', (context) => answeredInTime(context, devMailbox));

app.route('/', referenceOf(operations));

app.on(['GET', 'POST'], '/idps/callback', wholeForm, async (context) => {
  context.set('route', '/idps/callback');
  return answeredInTime(context, async () => {
    const passed = await passFence(context);
    return passed.ok ? idpCallback(context) : refuse(context, passed.problem);
  });
});

app.all('/idps/callback', () => refuseMethod(['GET', 'POST']));

app.get('/v2/sessions/:sessionId/watch', watch);

/** Pages make sessions and look people up for whoever comes. */
app.use('/login/*', async (context, next) => {
  const passed = isDress(context.req.path) ? ok(undefined) : await passFence(context);
  if (passed.ok) return next();
  return context.text('Too many requests. Please try again in a minute.', 429, { 'retry-after': '60' });
});

app.use('/login/*', wholeForm);

app.route(
  '/login',
  loginPages((request, context) => app.fetch(request, context.env as Env['Bindings'], context.executionCtx)),
);

app.route('/', restOf(operations, notBuilt));
app.route('/', connectOf(operations));

app.notFound((context) => refuse(context, notFound));

app.onError((error, context) => refuse(context, problemOfFault(error)));

/** What pages are shown with. */
const isDress = (path: string): boolean => /\.(css|js)$/.test(path);

/** What makes its own answers has the deadline of the operations. */
async function answeredInTime(context: Context<Env>, answer: (context: Context<Env>) => Promise<Response>): Promise<Response> {
  const answered = await inTime(context, () => answer(context).then(ok));
  return answered.ok ? answered.value : refuse(context, answered.problem);
}

/** One line a request; never a body, a token or a login name. */
function log(context: Context<Env>, requestId: string, ms: number): void {
  const { status } = context.res;
  const [route, callerKind, problemId] = [context.get('route'), context.get('callerKind'), context.get('problemId')];
  console.log(JSON.stringify({ requestId, route, status, ms, callerKind, problemId }));
}
