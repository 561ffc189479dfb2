import { describe, expect, it } from 'vitest';
import { type Answer, anOrganization, api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { refusal, type Version } from '../support/login.ts';
import { mailTo, nextMail, personWithBearer } from '../support/mailbox.ts';
import { RP_ID } from '../support/security-key.ts';
import { PlainKey } from '../support/security-key-plain.ts';
import { begin, enrol, finish, path, signIn } from '../support/security-key-steps.ts';

const CODE = /^[A-Za-z0-9]{12}$/;
const WRONG = [400, 'COMMAND-Eeb2a', 3];
const FORBIDDEN = [403, 'AUTH-AWfge', 7];
const NO_ADDRESS = [400, 'SALLY-NoAddress', 9];
const NOT_THERE = [404, 'COMMAND-Mv9sd', 5];
const told = (answer: Answer) => [...refusal(answer), answer.body.code];
const anEmail = () => `${unique('mini')}@mouse.com`;

interface Code {
  readonly id: string;
  readonly code: string;
}

const link = (userId: string, way: object = { returnCode: {} }, bearer?: string, version: Version = 'v2') =>
  api(bearer).post(`${path(userId, 'passkey', undefined, version)}/registration_link`, way);
const codeOf = ({ status, body }: Answer): Code => {
  expect(status).toBe(200);
  expect(body.code).toEqual({ id: expect.any(String), code: expect.stringMatching(CODE) });
  return body.code;
};
const use = (userId: string, code: unknown, bearer?: string, version: Version = 'v2') => begin(userId, 'passkey', { code }, api(bearer), version);
const wrong = ({ id, code }: Code, nth = 0): Code => ({ id, code: `${code[0] === 'A' ? 'B' : 'A'}${String(nth).padStart(11, '0')}` });

/** What a mail leads to: the code and its id. */
const codeIn = ({ url, code }: { url: string | null; code: string }): Code => ({ id: new URL(url ?? '').searchParams.get('codeId') ?? '', code });

describe('a code to register a passkey', () => {
  it.each(['v2', 'v2beta'] as const)('is handed to who asks for it, and begins one registration, which makes a passkey: %s', async (version) => {
    const { userId } = await newUser();
    const given = await link(userId, { returnCode: {} }, undefined, version);
    const details = { sequence: expect.any(String), changeDate: expect.any(String), resourceOwner: await anOrganization() };
    expect(given.body).toEqual({ details, code: { id: expect.any(String), code: expect.stringMatching(CODE) } });
    const begun = await use(userId, codeOf(given), undefined, version);
    expect([begun.status, Object.keys(begun.body)]).toEqual([200, ['details', 'passkeyId', 'publicKeyCredentialCreationOptions']]);
    expect(told(await use(userId, given.body.code, undefined, version))).toEqual(WRONG);
    const key = new PlainKey();
    const made = key.create(begun.body.publicKeyCredentialCreationOptions);
    expect((await finish(userId, 'passkey', begun.body.passkeyId, made, { version })).status).toBe(200);
    expect((await signIn(key, userId)).status).toBe(200);
  });

  it('differs from every other', async () => {
    const { userId } = await newUser();
    const codes = [];
    for (let nth = 0; nth < 10; nth += 1) codes.push(codeOf(await link(userId)));
    expect(new Set(codes.map(({ code }) => code)).size).toBe(10);
    expect(new Set(codes.map(({ id }) => id)).size).toBe(10);
  });

  it('is refused when it is wrong, and void after five wrong guesses, also when many are made at once', async () => {
    const { userId } = await newUser();
    const code = codeOf(await link(userId));
    for (let nth = 0; nth < 4; nth += 1) expect(told(await use(userId, wrong(code, nth)))).toEqual(WRONG);
    expect((await use(userId, code)).status).toBe(200);

    const guessed = codeOf(await link(userId));
    for (let nth = 0; nth < 5; nth += 1) expect(told(await use(userId, wrong(guessed, nth)))).toEqual(WRONG);
    expect(told(await use(userId, guessed))).toEqual(WRONG);

    const flooded = codeOf(await link(userId));
    const answers = await Promise.all(Array.from({ length: 16 }, (_, nth) => use(userId, wrong(flooded, nth))));
    for (const answer of answers) expect(told(answer)).toEqual(WRONG);
    expect(told(await use(userId, flooded))).toEqual(WRONG);
    expect((await use(userId, codeOf(await link(userId)))).status).toBe(200);
  });

  it('is refused under another id, which is no guess at it', async () => {
    const { userId } = await newUser();
    const [mine, other] = [codeOf(await link(userId)), codeOf(await link((await newUser()).userId))];
    for (let nth = 0; nth < 6; nth += 1) {
      for (const id of [other.id, 'nobody', mine.code]) expect(told(await use(userId, { ...mine, id }))).toEqual(WRONG);
    }
    expect((await use(userId, mine)).status).toBe(200);
  });

  it('is of one user', async () => {
    const [mine, theirs] = [await newUser(), await newUser()];
    const code = codeOf(await link(mine.userId));
    expect(told(await use(theirs.userId, code))).toEqual(WRONG);
    await link(theirs.userId);
    expect(told(await use(theirs.userId, code))).toEqual(WRONG);
    expect((await use(mine.userId, code)).status).toBe(200);
  });

  it('is refused when none was asked for', async () => {
    const { userId } = await newUser();
    expect(told(await use(userId, { id: crypto.randomUUID(), code: 'A'.repeat(12) }))).toEqual(WRONG);
  });

  it('is void once a newer one is there', async () => {
    const { userId } = await newUser();
    const [older, newer] = [codeOf(await link(userId)), codeOf(await link(userId))];
    expect(told(await use(userId, older))).toEqual(WRONG);
    expect(told(await use(userId, { id: newer.id, code: older.code }))).toEqual(WRONG);
    expect((await use(userId, newer)).status).toBe(200);
  });

  it('begins one registration when it comes many times at once', async () => {
    const { userId } = await newUser();
    const code = codeOf(await link(userId));
    const answers = await Promise.all(Array.from({ length: 6 }, () => use(userId, code)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) expect(told(answer)).toEqual(WRONG);
  });

  it('begins a registration of every kind of authenticator, for the domain that is asked for', async () => {
    const { userId } = await newUser();
    const code = codeOf(await link(userId));
    const body = { code, authenticator: 'PASSKEY_AUTHENTICATOR_PLATFORM', domain: 'login.example.com' };
    const { publicKey } = (await begin(userId, 'passkey', body)).body.publicKeyCredentialCreationOptions;
    expect([publicKey.rp.id, publicKey.authenticatorSelection.authenticatorAttachment]).toEqual(['login.example.com', 'platform']);
  });

  it('is not used up by a request that breaks a rule', async () => {
    const { userId } = await newUser();
    const code = codeOf(await link(userId));
    for (const body of [
      { code, domain: 'https://example.com' },
      { code, authenticator: 7 },
    ]) {
      expect((await begin(userId, 'passkey', body)).status).toBe(400);
    }
    for (const given of [
      { id: code.id },
      { code: code.code },
      { ...code, id: '' },
      { ...code, code: '' },
      { ...code, code: 'x'.repeat(201) },
      'code',
      7,
    ]) {
      const { status, body } = await use(userId, given);
      expect([status, body.code, body.details], JSON.stringify(given)).toEqual([400, 3, undefined]);
    }
    expect((await use(userId, code)).status).toBe(200);
  });

  it('is not used up where the user can have no more keys', async () => {
    const { userId } = await newUser();
    const code = codeOf(await link(userId));
    const ids = [];
    for (let nth = 0; nth < 50; nth += 1) ids.push(await enrol(userId, new PlainKey()));
    expect(told(await use(userId, code))).toEqual([400, 'SALLY-Credentials', 9]);
    expect((await api().delete(path(userId, 'passkey', ids[0]))).status).toBe(200);
    expect((await use(userId, code)).status).toBe(200);
  });

  it('is void once its user is deleted, and none is given to who is not there', async () => {
    const { userId } = await newUser();
    const code = codeOf(await link(userId));
    await api().delete(`/v2/users/${userId}`);
    expect(told(await use(userId, code))).toEqual(NOT_THERE);
    for (const gone of [userId, 'nobody', (await newMachine()).userId]) expect(told(await link(gone))).toEqual(NOT_THERE);
  });

  it('begins by the user, or by who may write users or sessions, without the permission to write credentials', async () => {
    const organizationId = await newOrganization();
    const { userId, bearer } = await personWithBearer({ organization: { orgId: organizationId } });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId });
    const sessions = await newMachine({ instance: ['SESSION_CLIENT'] });
    const abroad = await newMachine({ organization: ['ORG_USER_MANAGER'] });
    const nobody = await newMachine();
    for (const token of [manager.token, sessions.token, bearer]) {
      expect((await use(userId, codeOf(await link(userId)), token)).status).toBe(200);
    }
    const code = codeOf(await link(userId));
    expect(told(await use(userId, code, nobody.token))).toEqual(FORBIDDEN);
    expect(told(await use(userId, code, abroad.token))).toEqual(NOT_THERE);
    expect((await use(userId, code, '')).status).toBe(401);
    for (let nth = 0; nth < 6; nth += 1) await use(userId, wrong(code, nth), nobody.token);
    expect((await use(userId, code)).status).toBe(200);
  });
});

describe('who asks for a link to register a passkey', () => {
  it('needs user.passkey.write where the user is, and is not the user', async () => {
    const organizationId = await newOrganization();
    const { userId, loginName, bearer } = await personWithBearer({ organization: { orgId: organizationId } });
    const foreign = await newUser();
    const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId });
    const users = await newMachine({ instance: ['IAM_USER_MANAGER'] });
    const pages = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const refused = [await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId }), await newMachine({ instance: ['SESSION_CLIENT'] })];
    for (const { token } of [owner, users, pages]) codeOf(await link(userId, { returnCode: {} }, token));
    for (const token of [...refused.map((machine) => machine.token), bearer, (await newMachine()).token]) {
      for (const way of [{}, { returnCode: {} }, { sendLink: {} }]) expect(told(await link(userId, way, token))).toEqual(FORBIDDEN);
    }
    expect(told(await link(foreign.userId, { returnCode: {} }, owner.token))).toEqual(NOT_THERE);
    expect((await link(userId, {}, '')).status).toBe(401);
    expect(await mailTo(loginName)).toEqual([]);
  });

  it('is handed no code of one with more permissions; a link may go there, and be chosen by those at whose pages people log in', async () => {
    const own = await newOrganization();
    const chief = await newUser({ organization: { orgId: own } });
    await api().post('/management/v1/orgs/me/members', { userId: chief.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': own });
    const users = await newMachine({ instance: ['IAM_USER_MANAGER'] });
    const pages = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const sendLink = { urlTemplate: 'https://a.example/{{.CodeID}}/{{.Code}}' };
    expect(told(await link(chief.userId, { returnCode: {} }, users.token))).toEqual(FORBIDDEN);
    expect(told(await link(chief.userId, { returnCode: {} }, pages.token))).toEqual(FORBIDDEN);
    expect(told(await link(chief.userId, { sendLink }, users.token))).toEqual(FORBIDDEN);
    expect((await link(chief.userId, { sendLink }, pages.token)).status).toBe(200);
    expect((await nextMail(chief.loginName)).url).toMatch(/^https:\/\/a\.example\//);
  });
});

describe('a link to register a passkey', () => {
  it('goes to the verified address and leads to the login pages by default', async () => {
    for (const way of [{}, { sendLink: {} }, { send_link: {} }]) {
      const { userId, loginName } = await newUser();
      const { status, body } = await link(userId, way);
      expect([status, Object.keys(body)]).toEqual([200, ['details']]);
      const mail = await nextMail(loginName);
      const address = new URL(mail.url ?? '');
      const { id, code } = codeIn(mail);
      expect([mail.channel, address.pathname, Object.fromEntries(address.searchParams)]).toEqual([
        'email',
        '/login/passkey/set',
        { codeId: id, code, userId, organization: body.details.resourceOwner },
      ]);
      expect(code).toMatch(CODE);
      expect(mail.text).toContain(mail.url);
      expect((await use(userId, { id, code })).status).toBe(200);
      expect(told(await use(userId, { id, code }))).toEqual(WRONG);
    }
  });

  it('is the one that the caller gives, each value escaped', async () => {
    const userId = unique('mini & co/ü');
    const { loginName } = await newUser({ userId });
    const escaped = encodeURIComponent(userId);
    const urlTemplate = 'https://a.example/{{.UserID}}?i={{.CodeID}}&c={{.Code}}&o={{.OrgID}}';
    const { body } = await link(escaped, { sendLink: { urlTemplate } });
    expect(body).not.toHaveProperty('code');
    const { url, code } = await nextMail(loginName);
    const id = new URL(url ?? '').searchParams.get('i') ?? '';
    expect(url).toBe(`https://a.example/${escaped}?i=${id}&c=${code}&o=${body.details.resourceOwner}`);
    expect((await use(escaped, { id, code })).status).toBe(200);
  });

  it('is refused before anything is done when the request breaks a rule', async () => {
    const { userId, loginName } = await newUser();
    const code = codeOf(await link(userId));
    const rows: [object, string | undefined][] = [
      [{ sendLink: { urlTemplate: 'https://a.example/{{' } }, 'DOMAIN-oGh5e'],
      [{ sendLink: { urlTemplate: 'https://a.example/{{.LoginName}}' } }, 'DOMAIN-ieYa7'],
      [{ sendLink: { urlTemplate: '' } }, undefined],
      [{ sendLink: { urlTemplate: 'x'.repeat(201) } }, undefined],
      [{ sendLink: 'secret' }, undefined],
      [{ sendLink: {}, returnCode: {} }, undefined],
      [{ returnCode: ['secret'] }, undefined],
    ];
    for (const [way, id] of rows) {
      const answer = await link(userId, way);
      expect(told(answer), JSON.stringify(way)).toEqual([400, id, 3]);
      expect(JSON.stringify(answer.body)).not.toContain('secret');
    }
    expect((await use(userId, code)).status).toBe(200);
    expect(await mailTo(loginName)).toEqual([]);
  });

  it('is not sent to an address that is not verified of who has something to sign in with, and voids no code that is open', async () => {
    const withPassword = await newUser({ email: { email: anEmail(), isVerified: false } });
    const withPasskey = await newUser({ password: undefined, email: { email: anEmail(), isVerified: false } });
    await enrol(withPasskey.userId, new PlainKey());
    const withU2f = await newUser({ password: undefined, email: { email: anEmail(), isVerified: false } });
    await enrol(withU2f.userId, new PlainKey(), 'u2f');
    for (const { userId } of [withPassword, withPasskey, withU2f]) {
      const code = codeOf(await link(userId));
      for (const way of [{}, { sendLink: {} }]) expect(told(await link(userId, way))).toEqual(NO_ADDRESS);
      expect((await use(userId, code)).status).toBe(200);
    }
  });

  it('is sent to an address that is not verified as an invitation to who has nothing to sign in with', async () => {
    const email = anEmail();
    const { userId } = await newUser({ password: undefined, email: { email, isVerified: false } });
    expect((await link(userId, {})).status).toBe(200);
    const begun = await use(userId, codeIn(await nextMail(email)));
    expect(begun.status).toBe(200);
    const key = new PlainKey();
    expect((await finish(userId, 'passkey', begun.body.passkeyId, key.create(begun.body.publicKeyCredentialCreationOptions))).status).toBe(200);
    expect((await signIn(key, userId)).status).toBe(200);
    expect(told(await link(userId, {}))).toEqual(NO_ADDRESS);
  });

  it('is an invitation no longer than there is nothing else to sign in with', async () => {
    const email = anEmail();
    const { userId } = await newUser({ password: undefined, email: { email, isVerified: false } });
    await link(userId, {});
    const sent = codeIn(await nextMail(email));
    expect((await api().post(`/v2/users/${userId}/password`, { newPassword: { password: PASSWORD } })).status).toBe(200);
    expect(told(await use(userId, sent))).toEqual(WRONG);
  });

  it('is void once the address that it was sent to is the person’s no more; a code that was handed out is not', async () => {
    const { userId, loginName } = await newUser();
    await link(userId, {});
    const sent = codeIn(await nextMail(loginName));
    const elsewhere = { email: anEmail(), isVerified: true };
    expect((await api().post(`/v2/users/${userId}/email`, elsewhere)).status).toBe(200);
    expect(told(await use(userId, sent))).toEqual(WRONG);
    const handed = codeOf(await link(userId));
    expect((await api().post(`/v2/users/${userId}/email`, { email: anEmail(), isVerified: true })).status).toBe(200);
    expect((await use(userId, handed)).status).toBe(200);
  });

  it('is sent to an address once in 30 seconds, and the one that is open stays; to hand a code out is free', async () => {
    const { userId, loginName } = await newUser();
    await link(userId, {});
    const sent = codeIn(await nextMail(loginName));
    const refused = await link(userId, {});
    expect(told(refused)).toEqual([429, 'SALLY-Sends', 8]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await use(userId, sent)).status).toBe(200);
    for (let nth = 0; nth < 3; nth += 1) codeOf(await link(userId));
    expect(await mailTo(loginName)).toHaveLength(1);
  });

  it('is for a domain like any other registration', async () => {
    const { userId } = await newUser();
    const begun = await use(userId, codeOf(await link(userId)));
    expect(begun.body.publicKeyCredentialCreationOptions.publicKey.rp.id).toBe(RP_ID);
  });

  it('is not for a user who is stopped', async () => {
    for (const stop of ['deactivate', 'lock']) {
      const { userId, loginName } = await newUser();
      expect((await api().post(`/v2/users/${userId}/${stop}`)).status).toBe(200);
      for (const way of [{}, { returnCode: {} }]) expect(told(await link(userId, way)), stop).toEqual([400, 'SESSION-Gj4ko', 9]);
      expect(await mailTo(loginName)).toEqual([]);
    }
  });
});
