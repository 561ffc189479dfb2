import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { authenticator } from '../support/authenticator.ts';
import { aTotpUser, SECRET } from './billed-session.ts';
import { type Fate, withFault } from './d1-fault.ts';
import { newProvider, returnedUser } from './idp-user.ts';
import { newOtpUser } from './otp-user.ts';
import { newPasskeyUser, ORIGIN, Passkey, RP_ID } from './passkey-user.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { cells, newSession, newUser, PASSWORD } from './world.ts';

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they know
  readonly body: any;
  readonly retryAfter: string | null;
}

async function send(method: string, path: string, body?: object, settings: object = {}): Promise<Answer> {
  const context = createExecutionContext();
  const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
  const request = new Request(`http://sallyport.test${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const response = await app.fetch(request, { ...env, RETURN_ORIGINS: 'https://login.example.com', ...settings } as typeof env, context);
  const answer = { status: response.status, body: await response.json(), retryAfter: response.headers.get('retry-after') };
  // What hangs is never done with.
  await Promise.race([waitOnExecutionContext(context), scheduler.wait(200)]);
  return answer;
}

/** One request, with what it is about, ready to be sent more than once. */
interface Prepared {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** What it changes, in a form that is the same for whomever it is done to. */
  readonly look?: () => Promise<unknown>;
}

interface Case {
  readonly what: string;
  readonly prepare: () => Promise<Prepared>;
  /** What the same request is answered when it was carried out before and nobody heard of it; beside a success. */
  readonly repeated?: readonly string[];
  /** Whether it is tried with a query that hangs, too: that takes a second for each. */
  readonly hangs?: true;
}

const forUser =
  (path: string) =>
  async (user: User, body: object = {}) =>
    send('POST', `/v2/users/${user.id}/${path}`, body);
const organizationId = 'org';
const session = (login: { sessionId: string; token: string | undefined }, body: object): Omit<Prepared, 'look'> => ({
  method: 'PATCH',
  path: `/v2/sessions/${login.sessionId}`,
  body: { sessionToken: login.token, ...body },
});

/** A login whose user’s cell knows nothing of them yet, and what shows of it. */
async function login(user: User, body: (user: User) => object | Promise<object>): Promise<Prepared> {
  const begun = await newSession(user);
  const asked = await body(user);
  await cells.user(user.cell).forget(user.id);
  return { ...session(begun, asked), look: () => factorsOf(begun.sessionId) };
}

async function factorsOf(sessionId: string): Promise<unknown> {
  const { body } = await send('GET', `/v2/sessions/${sessionId}`);
  return [Object.keys(body.session.factors ?? {}), Object.keys(body.session.metadata ?? {}), body.session.sequence];
}

/** A user as others see them, without what is theirs alone. */
const looksOf = (userId: string) => async () => {
  const [{ status, body }, methods, factors] = [
    await send('GET', `/v2/users/${userId}`),
    await send('GET', `/v2/users/${userId}/authentication_methods`),
    await send('POST', `/v2/users/${userId}/authentication_factors/_search`, {}),
  ];
  const { state, human, username } = body.user ?? {};
  const anonymous = username?.replace(/.*@/, '@');
  return {
    status,
    state,
    profile: human?.profile?.givenName,
    email: human?.email?.isVerified,
    phone: human?.phone?.isVerified,
    anonymous,
    methods: methods.body.authMethodTypes,
    factors: factors.body.result?.length,
  };
};

async function onUser(make: (user: User) => Promise<Pick<Prepared, 'method' | 'path' | 'body'>>, user?: User): Promise<Prepared> {
  const subject = user ?? (await newUser());
  const request = await make(subject);
  await cells.user(subject.cell).forget(subject.id);
  return { ...request, path: `/v2/users/${subject.id}${request.path}`, look: looksOf(subject.id) };
}

const post =
  (path: string, body: object = {}) =>
  async () => ({ method: 'POST', path, body });
const del = (path: string) => async () => ({ method: 'DELETE', path });

const CASES: readonly Case[] = [
  {
    what: 'a Create with a login name and a password',
    hangs: true,
    prepare: async () => {
      const { username, cell, id } = await newUser();
      await cells.user(cell).forget(id);
      return { method: 'POST', path: '/v2/sessions', body: { checks: { user: { loginName: username }, password: { password: PASSWORD } } } };
    },
  },
  {
    what: 'a PATCH with a user and a password',
    hangs: true,
    prepare: async () => {
      const [user, begun] = [await newUser(), await newSession()];
      return {
        ...session(begun, { checks: { user: { userId: user.id }, password: { password: PASSWORD } } }),
        look: () => factorsOf(begun.sessionId),
      };
    },
  },
  {
    what: 'a PATCH with a password',
    hangs: true,
    prepare: async () => login(await newUser(), () => ({ checks: { password: { password: PASSWORD } } })),
  },
  {
    what: 'a PATCH with a TOTP',
    prepare: async () => login(await aTotpUser(), () => ({ checks: { totp: { code: authenticator(SECRET).code() } } })),
  },
  {
    what: 'a PATCH with a recovery code',
    prepare: async () => login(await newUser(), async (user) => ({ checks: { recoveryCode: { code: (await newRecoveryCodes(user, 1))[0] } } })),
  },
  { what: 'a PATCH that asks for a code', prepare: async () => login(await newOtpUser(), () => ({ challenges: { otpEmail: { returnCode: {} } } })) },
  {
    what: 'a PATCH that asks for a passkey',
    prepare: async () =>
      login((await newPasskeyUser()).user, () => ({ challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 1 } } })),
  },
  {
    what: 'a PATCH with a passkey',
    hangs: true,
    prepare: async () => {
      const { user, passkey } = await newPasskeyUser();
      const begun = await newSession(user);
      const asked = session(begun, { challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 1 } } });
      const { sessionToken, challenges } = (await send(asked.method, asked.path, asked.body)).body;
      const { id, ...response } = await passkey.get(challenges.webAuthN.publicKeyCredentialRequestOptions.publicKey.challenge, {
        signCount: 7,
        clientData: { origin: ORIGIN },
      });
      const credentialAssertionData = { id, rawId: id, type: 'public-key', response };
      await cells.user(user.cell).forget(user.id);
      return {
        ...session({ ...begun, token: sessionToken }, { checks: { webAuthN: { credentialAssertionData } } }),
        look: () => factorsOf(begun.sessionId),
      };
    },
  },
  {
    what: 'a PATCH with an intent',
    hangs: true,
    prepare: async () => {
      const { user, intent } = await returnedUser();
      return login(user, () => ({ checks: { idpIntent: { idpIntentId: intent.intentId, idpIntentToken: intent.token } } }));
    },
  },
  {
    what: 'a search for sessions',
    hangs: true,
    prepare: async () => ({ method: 'POST', path: '/v2/sessions/search', body: { query: { limit: 1 } } }),
  },
  { what: 'a search for users', prepare: async () => ({ method: 'POST', path: '/v2/users', body: { query: { limit: 1 } } }) },
  {
    what: 'the making of an organisation',
    prepare: async () => ({ method: 'POST', path: '/v2/organizations', body: { name: crypto.randomUUID() } }),
    repeated: ['409'],
  },
  {
    what: 'the making of a user',
    prepare: async () => {
      const name = `${crypto.randomUUID()}@mouse.com`;
      const body = {
        organization: { orgId: organizationId },
        userId: crypto.randomUUID(),
        username: name,
        profile: { givenName: 'Minnie', familyName: 'Mouse' },
        email: { email: name, isVerified: true },
        password: { password: PASSWORD },
      };
      return { method: 'POST', path: '/v2/users/human', body, look: looksOf(body.userId) };
    },
    repeated: ['409'],
  },
  { what: 'a new password', prepare: () => onUser(post('/password', { newPassword: { password: 'An0ther!password' } })) },
  { what: 'a new e-mail address', prepare: () => onUser(post('/email', { email: 'new@mouse.com', isVerified: true })), repeated: ['400'] },
  { what: 'a new phone number', prepare: () => onUser(post('/phone', { phone: '+41791234567', isVerified: true })), repeated: ['400'] },
  { what: 'the end of a phone number', prepare: async () => onUser(del('/phone'), await newOtpUser()), repeated: ['404', '400'] },
  { what: 'a TOTP that is set up', prepare: () => onUser(post('/totp')) },
  {
    what: 'a TOTP that is verified',
    prepare: () =>
      onUser(async (user) => {
        const { uri } = (await forUser('totp')(user)).body;
        return { method: 'POST', path: '/totp/verify', body: { code: authenticator(uri).code() } };
      }),
    repeated: ['400'],
  },
  { what: 'a TOTP that is removed', prepare: async () => onUser(del('/totp'), await aTotpUser()), repeated: ['404', '400'] },
  {
    what: 'codes by e-mail that become a factor',
    prepare: async () => {
      const user = await newOtpUser();
      await send('DELETE', `/v2/users/${user.id}/otp_email`);
      return onUser(post('/otp_email'), user);
    },
    repeated: ['409', '400'],
  },
  { what: 'codes by SMS that are a factor no more', prepare: async () => onUser(del('/otp_sms'), await newOtpUser()), repeated: ['404', '400'] },
  { what: 'recovery codes', prepare: () => onUser(post('/recovery_codes', { count: 2 })) },
  {
    what: 'recovery codes that are removed',
    prepare: () =>
      onUser(async (user) => {
        await newRecoveryCodes(user, 1);
        return { method: 'DELETE', path: '/recovery_codes' };
      }),
    repeated: ['404', '400'],
  },
  { what: 'a passkey that is begun', prepare: () => onUser(post('/passkeys', { domain: RP_ID })) },
  {
    what: 'a passkey that is finished',
    prepare: () =>
      onUser(async (user) => {
        const passkey = await Passkey.for(user.id);
        const { passkeyId, publicKeyCredentialCreationOptions } = (await forUser('passkeys')(user, { domain: RP_ID })).body;
        const publicKeyCredential = await passkey.create(publicKeyCredentialCreationOptions.publicKey.challenge);
        return { method: 'POST', path: `/passkeys/${passkeyId}`, body: { publicKeyCredential, passkeyName: 'A key' } };
      }),
    repeated: ['404', '400'],
  },
  {
    what: 'a passkey that is removed',
    prepare: async () => {
      const { user, id } = await newPasskeyUser();
      return onUser(del(`/passkeys/${id}`), user);
    },
    repeated: ['404', '400'],
  },
  ...['lock', 'deactivate'].map((how): Case => ({ what: `a user whom one does ${how}`, prepare: () => onUser(post(`/${how}`)), repeated: ['400'] })),
  ...['lock unlock', 'deactivate reactivate'].map((both): Case => {
    const [first = '', then = ''] = both.split(' ');
    return {
      what: `a user whom one does ${then}`,
      prepare: () =>
        onUser(async (user) => {
          await forUser(first)(user);
          return { method: 'POST', path: `/${then}`, body: {} };
        }),
      repeated: ['400'],
    };
  }),
  { what: 'a user who is deleted', prepare: () => onUser(del('')), repeated: ['404'] },
  {
    what: 'the end of all of a user’s sessions',
    prepare: () =>
      onUser(async (user) => {
        await newSession(user);
        return { method: 'DELETE', path: '/sessions' };
      }),
  },
  { what: 'what is kept of a user', prepare: () => onUser(async () => ({ method: 'GET', path: '/export' })) },
  {
    what: 'a machine user',
    prepare: async () => ({
      method: 'POST',
      path: '/v2/users/new',
      body: { organizationId, username: crypto.randomUUID(), machine: { name: 'CI' } },
    }),
    repeated: ['409'],
  },
  {
    what: 'a personal access token',
    prepare: async () => {
      const { id } = (await send('POST', '/v2/users/new', { organizationId, username: crypto.randomUUID(), machine: { name: 'CI' } })).body;
      return { method: 'POST', path: `/v2/users/${id}/pats`, body: { expirationDate: new Date(Date.now() + 3_600_000).toISOString() } };
    },
  },
  {
    what: 'an identity provider',
    prepare: async () => ({
      method: 'POST',
      path: '/admin/v1/idps/generic_oidc',
      body: { name: 'House', issuer: 'https://id.example', clientId: 'a', clientSecret: 'b' },
    }),
  },
  {
    what: 'a log-in by a provider that is begun',
    prepare: async () => ({
      method: 'POST',
      path: '/v2/idp_intents',
      body: { idpId: await newProvider(), urls: { successUrl: 'https://login.example.com/a', failureUrl: 'https://login.example.com/b' } },
    }),
  },
  {
    what: 'a log-in by a provider that is read',
    prepare: async () => {
      const { intent } = await returnedUser();
      return { method: 'POST', path: `/v2/idp_intents/${intent.intentId}`, body: { idpIntentToken: intent.token } };
    },
  },
  {
    what: 'a link to a provider',
    prepare: async () => {
      const idpId = await newProvider();
      return onUser(post('/links', { idpLink: { idpId, userId: crypto.randomUUID(), userName: 'minnie' } }));
    },
    repeated: ['409'],
  },
];

/** The alarms of other cells may ask meanwhile; no request asks more often. */
const MOST_QUERIES = 15;

async function ask({ method, path, body }: Prepared, settings?: object): Promise<Answer> {
  return send(method, path, body, settings);
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('while one query of D1', () => {
  for (const fate of ['fails', 'is carried out unheard'] as const)
    for (const each of CASES)
      it(`${fate}, ${each.what} is done whole or not at all, and is done when it is asked for again`, () => trial(each, fate));

  for (const each of CASES.filter(({ hangs }) => hangs))
    it(`hangs, ${each.what} is answered in time, done whole or not at all, and done when it is asked for again`, () => trial(each, 'hangs'));
});

async function trial({ prepare, repeated = [] }: Case, fate: Fate): Promise<void> {
  const untroubled = await prepare();
  const before = await untroubled.look?.();
  let done: Answer | undefined;
  const queries = await withFault(Number.POSITIVE_INFINITY, fate, async () => {
    done = await ask(untroubled);
  });
  expect([200, 201]).toContain(done?.status);
  expect(queries).toBeGreaterThan(0);
  const after = await untroubled.look?.();
  for (let nth = 1; nth <= Math.min(queries, MOST_QUERIES); nth += 1) await troubled(prepare, nth, fate, { before, after, repeated });
}

async function troubled(
  prepare: Case['prepare'],
  nth: number,
  fate: Fate,
  { before, after, repeated }: { before: unknown; after: unknown; repeated: readonly string[] },
): Promise<void> {
  const request = await prepare();
  let answer: Answer | undefined;
  await withFault(nth, fate, async () => {
    answer = await ask(request, fate === 'hangs' ? { DEADLINE_SECONDS: '1' } : {});
  });
  const where = `query ${nth}: ${JSON.stringify(answer)}`;
  if (answer?.status !== 200 && answer?.status !== 201) {
    expect(answer, where).toMatchObject({ status: 503, retryAfter: '1', body: { code: 14 } });
    expect(JSON.stringify(answer), where).not.toContain('SECRET');
    if (request.look) expect([before, after], where).toContainEqual(await request.look());
    const again = await ask(request);
    const told = [200, 201].includes(again.status) ? 'done' : `${again.status} ${again.body.details?.[0]?.id ?? ''}`;
    const expected = ['done', ...(fate === 'is carried out unheard' ? repeated : [])];
    expect(
      expected.some((known) => told.startsWith(known)),
      `${where}, then ${told}`,
    ).toBe(true);
  }
  expect(await request.look?.(), where).toEqual(after);
}
