import { expect } from 'vitest';
import { anOrganization, PASSWORD, unique } from '../../support/api.ts';
import { authenticator } from '../../support/authenticator.ts';
import { seconds } from '../../support/login.ts';
import { type CredentialJson, RP_ID, SecurityKey } from '../../support/security-key.ts';
import { type ChallengeName, type Details, FACTORS, type LoginClient, type Progress, present, type Step } from './login-client.ts';

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const AGENT = {
  fingerprintId: 'fp-1',
  ip: '192.0.2.7',
  description: 'Fuchs 🦊',
  header: { 'user-agent': ['Firefox'], accept: ['text/html', 'image/png'] },
};
const DETAILS = { sequence: expect.any(BigInt), changeDate: expect.any(Date), resourceOwner: expect.any(String) };

/** As it leaves a browser: what is undefined is not there. */
const sent = (credential: CredentialJson): object => JSON.parse(JSON.stringify(credential));

function expectRecent(date: Date | undefined): void {
  expect(Math.abs(Date.now() - present(date).getTime())).toBeLessThan(60_000);
}

/** A person with every factor, made and set up by the client itself. */
async function enrol(client: LoginClient) {
  const organizationId = await anOrganization();
  const loginName = `${unique('mini')}@mouse.com`;
  const { userId, details } = await client.addHumanUser({ organizationId, loginName, phone: '+41791234567', password: PASSWORD });
  expect(details).toEqual({ ...DETAILS, resourceOwner: organizationId });
  expectRecent(details.changeDate);

  const key = new SecurityKey();
  const { passkeyId, options } = await client.registerPasskey(userId, RP_ID);
  const credential = sent(key.create(options as { publicKey: object }));
  expect(await client.verifyPasskeyRegistration(userId, passkeyId, credential)).toEqual(DETAILS);

  const { uri, secret } = await client.registerTOTP(userId);
  expect(uri).toContain(`secret=${secret}`);
  const app = authenticator(uri);
  expect(await client.verifyTOTPRegistration(userId, app.code())).toEqual(DETAILS);
  expect(await client.addOTPEmail(userId)).toEqual(DETAILS);
  expect(await client.addOTPSMS(userId)).toEqual(DETAILS);
  expect([...(await client.authenticationMethods(userId))].sort()).toEqual(['OTP_EMAIL', 'OTP_SMS', 'PASSKEY', 'PASSWORD', 'TOTP']);
  return { organizationId, loginName, userId, key, app };
}

/** A session as its client carries it along: every step has to bring a new token and a greater sequence. */
class Carried {
  readonly #client: LoginClient;
  readonly sessionId: string;
  readonly spent: string[] = [];
  token: string;
  latest: Details;

  constructor(client: LoginClient, { sessionId, sessionToken, details }: Step & { readonly sessionId: string }) {
    expect(details).toEqual(DETAILS);
    this.#client = client;
    this.sessionId = sessionId;
    this.token = sessionToken;
    this.latest = details;
  }

  async set(progress: Progress): Promise<Step> {
    const step = await this.#client.setSession(this.sessionId, this.token, progress);
    expect(step.details).toEqual({ ...DETAILS, resourceOwner: this.latest.resourceOwner });
    expect(step.details.sequence).toBeGreaterThan(this.latest.sequence);
    expect(step.sessionToken).not.toBe('');
    this.spent.push(this.token);
    expect(this.spent).not.toContain(step.sessionToken);
    this.token = step.sessionToken;
    this.latest = step.details;
    return step;
  }

  async challenge(challenge: Progress['challenge'] & { name: ChallengeName }): Promise<string | object> {
    const { challenges } = await this.set({ challenge });
    expect(Object.keys(challenges)).toEqual([challenge.name]);
    return present(challenges[challenge.name]);
  }

  refused(token: string, progress: Progress) {
    return this.#client.refusalOf(this.#client.setSession(this.sessionId, token, progress));
  }
}

/** Enrols somebody and signs them in with every factor that there is, and out; by the one client that is given. */
export async function wholeLogin(client: LoginClient): Promise<void> {
  const { organizationId, loginName, userId, key, app } = await enrol(client);
  expect(await client.loginSettings()).toEqual({
    passwordCheckLifetimeSeconds: 864_000n,
    passkeys: 'ALLOWED',
    secondFactors: ['OTP', 'U2F', 'OTP_EMAIL', 'OTP_SMS'],
  });

  const created = await client.createSession({ userId, userAgent: AGENT, metadata: { a: bytes(0, 255), b: bytes(98) }, lifetimeSeconds: 3600 });
  const session = new Carried(client, created);
  const { sessionId } = session;
  const first = await client.getSession(sessionId);
  expect(first).toMatchObject({ id: sessionId, sequence: created.details.sequence, changeDate: created.details.changeDate, userAgent: AGENT });
  expect(first.metadata).toEqual({ a: bytes(0, 255), b: bytes(98) });
  expect(first.expirationDate).toEqual(new Date(first.creationDate.getTime() + 3_600_000));
  expect(first.factors).toEqual({
    user: { id: userId, loginName, displayName: 'Minnie Mouse', organizationId, verifiedAt: expect.any(Date) },
  });
  expectRecent(first.factors.user?.verifiedAt);

  for (const failedAttempts of [1, 2]) {
    const refused = await session.refused(session.token, { password: 'Wr0ng!' });
    const message = 'Password is invalid';
    expect(refused).toEqual({
      code: INVALID_ARGUMENT,
      message: `${message} (COMMAND-3M0fs)`,
      type: 'CredentialsCheckError',
      id: 'COMMAND-3M0fs',
      failedAttempts,
    });
  }
  expect((await client.getSession(sessionId)).sequence).toBe(first.sequence);
  await session.set({ password: PASSWORD });

  const options = (await session.challenge({ name: 'webAuthN', domain: RP_ID })) as { publicKey: object };
  await session.set({ webAuthN: sent(key.get(options)) });
  await session.set({ totp: app.code() });
  for (const name of ['otpEmail', 'otpSms'] as const) {
    const code = await session.challenge({ name });
    expect(code).toMatch(/^\d{8}$/);
    await session.set({ [name]: code });
  }
  await session.set({ metadata: { b: bytes(), c: bytes(1, 2, 3) }, lifetimeSeconds: 600 });

  expect(await session.refused(session.spent.at(-1) ?? '', { metadata: { d: bytes(4) } })).toEqual({
    code: PERMISSION_DENIED,
    message: 'Session Token is invalid (COMMAND-sGr42)',
    type: 'ErrorDetail',
    id: 'COMMAND-sGr42',
  });

  const whole = await client.getSession(sessionId, session.token);
  expect(whole.sequence).toBe(session.latest.sequence);
  expect(whole.changeDate).toEqual(session.latest.changeDate);
  expect(whole.metadata).toEqual({ a: bytes(0, 255), c: bytes(1, 2, 3) });
  expect(whole.expirationDate).toEqual(new Date(whole.changeDate.getTime() + 600_000));
  expect(Object.keys(whole.factors).sort()).toEqual([...FACTORS].sort());
  expect(whole.factors.webAuthN?.userVerified).toBe(true);
  for (const factor of Object.values(whole.factors)) expectRecent(factor.verifiedAt);

  expect(await search(client, userId)).toEqual([whole]);

  expect((await client.deleteSession(sessionId, session.token)).sequence).toBeGreaterThan(whole.sequence);
  expect(await client.refusalOf(client.getSession(sessionId))).toEqual({
    code: NOT_FOUND,
    message: 'Session does not exist (QUERY-SFeaa)',
    type: 'ErrorDetail',
    id: 'QUERY-SFeaa',
  });
}

/** The one session of a user, once the index has heard of it. */
async function search(client: LoginClient, userId: string) {
  for (let tries = 0; tries < 100; tries += 1) {
    const { total, timestamp, sessions } = await client.sessionsOf(userId);
    expectRecent(timestamp);
    expect(total).toBe(BigInt(sessions.length));
    if (total > 0n) return sessions;
    await seconds(0.1);
  }
  throw new Error('the session was not found');
}
