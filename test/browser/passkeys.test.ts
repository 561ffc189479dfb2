import { describe, expect, it } from 'vitest';
import { type Answer, api, newUser } from '../support/api.ts';
import { create, createFor, get, type Login, refusal, set } from '../support/login.ts';
import { type CredentialJson, decode } from '../support/security-key.ts';
import { type Visit, visit } from './browser.ts';

type Requirement = 'REQUIRED' | 'PREFERRED' | 'DISCOURAGED';

const registerPasskey = async (userId: string, page: Visit, domain = 'localhost'): Promise<Answer> => {
  const { body } = await api().post(`/v2/users/${userId}/passkeys`, { domain });
  const publicKeyCredential = await page.create(body.publicKeyCredentialCreationOptions);
  return api().post(`/v2/users/${userId}/passkeys/${body.passkeyId}`, { publicKeyCredential, passkeyName: 'My phone' });
};

const beginU2f = async (userId: string) => {
  const { body } = await api().post(`/v2/users/${userId}/u2f`, { domain: 'localhost' });
  return { u2fId: body.u2fId as string, publicKey: body.publicKeyCredentialCreationOptions.publicKey };
};

const registerU2f = async (userId: string, page: Visit): Promise<Answer> => {
  const { u2fId, publicKey } = await beginU2f(userId);
  return api().post(`/v2/users/${userId}/u2f/${u2fId}`, { publicKeyCredential: await page.create({ publicKey }), tokenName: 'My key' });
};

const challenge = (login: Login, requirement: Requirement, domain = 'localhost'): Promise<Answer> =>
  set(login, { challenges: { webAuthN: { domain, userVerificationRequirement: `USER_VERIFICATION_REQUIREMENT_${requirement}` } } });

const optionsOf = ({ body }: Answer) => body.challenges.webAuthN.publicKeyCredentialRequestOptions as { publicKey: Record<string, unknown> };

const present = (login: Login, credentialAssertionData: CredentialJson): Promise<Answer> =>
  set(login, { checks: { webAuthN: { credentialAssertionData } } });

/** Asks for a challenge and has the page answer it. */
const signIn = async (login: Login, page: Visit, requirement: Requirement, domain?: string): Promise<Answer> =>
  present(login, await page.get(optionsOf(await challenge(login, requirement, domain))));

const factorsOf = async (login: Login) => (await get(login)).body.session.factors;

describe('a passkey of a device, in Chromium', () => {
  it('is registered, and signs its user in, whose verification is told as it took place', async () => {
    const { userId } = await newUser();
    const page = await visit('localhost', 'platform');
    expect(await registerPasskey(userId, page)).toMatchObject({ status: 200 });
    for (const [requirement, verification] of [
      ['REQUIRED', { userVerified: true }],
      ['PREFERRED', { userVerified: true }],
      ['DISCOURAGED', {}],
    ] as const) {
      const login = await createFor(userId);
      expect(await signIn(login, page, requirement)).toMatchObject({ status: 200 });
      expect((await factorsOf(login)).webAuthN).toEqual({ verifiedAt: expect.any(String), ...verification });
    }
  });

  it('signs its user in without a user name', async () => {
    const { userId, loginName } = await newUser();
    const page = await visit('localhost', 'platform');
    await registerPasskey(userId, page);
    const login = await create();
    const asked = await challenge(login, 'REQUIRED');
    expect(optionsOf(asked).publicKey).toMatchObject({ allowCredentials: [] });
    expect(await present(login, await page.get(optionsOf(asked)))).toMatchObject({ status: 200 });
    expect(await factorsOf(login)).toMatchObject({ user: { id: userId, loginName }, webAuthN: { userVerified: true } });
  });

  it('is not registered twice: the browser knows it by the credentials that are excluded', async () => {
    const { userId } = await newUser();
    const page = await visit('localhost', 'platform');
    await registerPasskey(userId, page);
    await expect(registerPasskey(userId, page)).rejects.toThrow('InvalidStateError');
    expect(await registerPasskey((await newUser()).userId, page)).toMatchObject({ status: 200 });
  });

  it('is refused once a copy of it has signed in, which its user can be shown', async () => {
    const { userId } = await newUser();
    const page = await visit('localhost', 'platform');
    await registerPasskey(userId, page);
    const [original] = await page.held();
    if (original === undefined) throw new Error('the authenticator holds no credential');
    const login = await createFor(userId);
    expect(await signIn(login, page, 'REQUIRED')).toMatchObject({ status: 200 });
    expect((await api().get(`/v2/users/${userId}/events`)).body.events).toEqual([]);
    await page.hold(original);
    expect(refusal(await signIn(login, page, 'REQUIRED'))).toEqual([400, 'WEBAU-4M90s']);
    const [passkey] = (await api().post(`/v2/users/${userId}/passkeys/_search`)).body.result;
    expect((await api().get(`/v2/users/${userId}/events`)).body.events).toEqual([
      { type: 'user.human.passwordless.token.check.failed', creationDate: expect.any(String), webAuthNTokenId: passkey.id },
    ]);
    await page.hold({ ...original, signCount: 100 });
    expect(await signIn(login, page, 'REQUIRED')).toMatchObject({ status: 200 });
  });

  it('of a domain signs in at hosts under it', async () => {
    const { userId } = await newUser();
    const page = await visit('login.mouse.localhost', 'platform');
    expect(await registerPasskey(userId, page, 'mouse.localhost')).toMatchObject({ status: 200 });
    expect(await signIn(await createFor(userId), page, 'REQUIRED', 'mouse.localhost')).toMatchObject({ status: 200 });
  });

  it('is of no use to another site, neither in the browser nor past it', async () => {
    const { userId } = await newUser();
    const page = await visit('mouse.localhost', 'platform');
    await registerPasskey(userId, page, 'mouse.localhost');
    const [stolen] = await page.held();
    if (stolen === undefined) throw new Error('the authenticator holds no credential');
    const login = await createFor(userId);
    const options = optionsOf(await challenge(login, 'REQUIRED', 'mouse.localhost'));
    const elsewhere = await visit('m0use.localhost', 'platform');
    await expect(elsewhere.get(options)).rejects.toThrow('SecurityError');
    // An authenticator that would sign for the wrong site, with the right key.
    await elsewhere.hold({ ...stolen, rpId: 'm0use.localhost' });
    const passedOn = await elsewhere.get({ publicKey: { ...options.publicKey, rpId: 'm0use.localhost' } });
    expect(refusal(await present(login, passedOn))).toEqual([400, 'WEBAU-3M9si']);
    expect(await present(login, await page.get(options))).toMatchObject({ status: 200 });
  });
});

describe.each([
  ['a FIDO2 key that does not verify its user', 'securityKey', 'packed'],
  ['a U2F key', 'u2fKey', 'fido-u2f'],
] as const)('%s, in Chromium', (_, authenticator, attestation) => {
  it('is registered as U2F, and signs its user in without verification', async () => {
    const { userId } = await newUser();
    const page = await visit('localhost', authenticator);
    expect(await registerU2f(userId, page)).toMatchObject({ status: 200 });
    expect(await page.held()).toMatchObject([{ isResidentCredential: false }]);
    for (const requirement of ['PREFERRED', 'DISCOURAGED'] as const) {
      const login = await createFor(userId);
      expect(await signIn(login, page, requirement)).toMatchObject({ status: 200 });
      expect((await factorsOf(login)).webAuthN).toEqual({ verifiedAt: expect.any(String) });
    }
  });

  it('is not offered where the user has to be verified', async () => {
    const { userId } = await newUser();
    await registerU2f(userId, await visit('localhost', authenticator));
    expect(refusal(await challenge(await createFor(userId), 'REQUIRED'))).toEqual([400, 'WEBAU-4G8sw']);
  });

  it('is registered with its attestation too, where a page asks for that', async () => {
    const { userId } = await newUser();
    const page = await visit('localhost', authenticator);
    const { u2fId, publicKey } = await beginU2f(userId);
    const publicKeyCredential = await page.create({ publicKey: { ...publicKey, attestation: 'direct' } });
    expect(decode(publicKeyCredential.response.attestationObject).includes(attestation)).toBe(true);
    expect(await api().post(`/v2/users/${userId}/u2f/${u2fId}`, { publicKeyCredential, tokenName: 'My key' })).toMatchObject({ status: 200 });
    expect(await signIn(await createFor(userId), page, 'PREFERRED')).toMatchObject({ status: 200 });
  });
});
