import { describe, expect, it } from 'vitest';
import { type Answer, api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { createFor, password, refusal, set } from '../support/login.ts';
import { mailTo, nextMail, otherThan, personWithBearer } from '../support/mailbox.ts';

const CODE = /^[A-Z0-9]{6}$/;
const NEXT = 'N3wS3cret!';
const anEmail = () => `${unique('mini')}@mouse.com`;
const aPhone = () => `+4179${String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(10, '0')}`;

const reset = (userId: string, way: object = { returnCode: {} }, bearer?: string) => api(bearer).post(`/v2/users/${userId}/password_reset`, way);
const setPassword = (userId: string, verificationCode: unknown, to = NEXT, bearer?: string) =>
  api(bearer).post(`/v2/users/${userId}/password`, { newPassword: { password: to }, verificationCode });
const signIn = async (userId: string, value: string) => (await set(await createFor(userId), password(value))).status;
const codeOf = ({ status, body }: Answer): string => {
  expect(status).toBe(200);
  expect(body.verificationCode).toMatch(CODE);
  return body.verificationCode;
};
const notFound = [400, 'COMMAND-2M9fs'];
const wrong = [400, 'CODE-woT0xc'];
const forbidden = [403, 'AUTH-AWfge'];

describe('a code to reset a password', () => {
  it('is handed to who asks for it, changes nothing by itself, and sets a password once', async () => {
    for (const version of ['v2', 'v2beta']) {
      const { userId } = await newUser();
      const given = await api().post(`/${version}/users/${userId}/password_reset`, { returnCode: {} });
      const details = { sequence: '1', changeDate: expect.any(String), resourceOwner: expect.any(String) };
      expect(given.body).toEqual({ details, verificationCode: expect.stringMatching(CODE) });
      expect(await signIn(userId, PASSWORD)).toBe(200);
      const body = { newPassword: { password: NEXT }, verificationCode: given.body.verificationCode };
      const answer = await api().post(`/${version}/users/${userId}/password`, body);
      expect([answer.status, Object.keys(answer.body)]).toEqual([200, ['details']]);
      expect([await signIn(userId, NEXT), await signIn(userId, PASSWORD)]).toEqual([200, 400]);
      const again = await api().post(`/${version}/users/${userId}/password`, { ...body, newPassword: { password: 'An0ther!One' } });
      expect([refusal(again), again.body.code]).toEqual([notFound, 9]);
      expect(await signIn(userId, NEXT)).toBe(200);
    }
  });

  it('gives one a password who has none', async () => {
    const { userId } = await newUser({ password: undefined });
    expect((await setPassword(userId, codeOf(await reset(userId)))).status).toBe(200);
    expect(await signIn(userId, NEXT)).toBe(200);
  });

  it('is refused when none was asked for', async () => {
    const { userId } = await newUser();
    expect(refusal(await setPassword(userId, 'ABC123'))).toEqual(notFound);
  });

  it('is refused when it is wrong, and void after five wrong guesses, also when many are made at once', async () => {
    const { userId } = await newUser();
    const code = codeOf(await reset(userId));
    for (let nth = 0; nth < 5; nth += 1) {
      const answer = await setPassword(userId, otherThan(code, nth));
      expect([refusal(answer), answer.body.code]).toEqual([wrong, 3]);
    }
    expect(refusal(await setPassword(userId, code))).toEqual(notFound);

    const another = codeOf(await reset(userId));
    const answers = await Promise.all(Array.from({ length: 16 }, (_, nth) => setPassword(userId, otherThan(another, nth))));
    const outcomes = answers.map(refusal);
    expect(outcomes.filter(([, id]) => id === 'CODE-woT0xc')).toHaveLength(5);
    expect(outcomes.filter(([, id]) => id === 'COMMAND-2M9fs')).toHaveLength(11);
    expect(refusal(await setPassword(userId, another))).toEqual(notFound);
    expect(await signIn(userId, PASSWORD)).toBe(200);
    expect((await setPassword(userId, codeOf(await reset(userId)))).status).toBe(200);
  });

  it('is not used up, nor guessed at, with a new password that is refused', async () => {
    const { userId } = await newUser();
    const code = codeOf(await reset(userId));
    for (const value of ['', 'short', 'nouppercase1!', 'short', 'short', 'short']) {
      expect((await setPassword(userId, code, value)).status).toBe(400);
      expect((await setPassword(userId, otherThan(code), value)).status).toBe(400);
    }
    expect((await setPassword(userId, code)).status).toBe(200);
  });

  it('sets one password when two are set by it at the same time', async () => {
    const { userId } = await newUser();
    const code = codeOf(await reset(userId));
    const values = ['F1rst!One', 'S3cond!One', 'Th1rd!One'];
    const answers = await Promise.all(values.map((value) => setPassword(userId, code, value)));
    const winners = values.filter((_, nth) => answers[nth]?.status === 200);
    expect(winners).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect([[409, 'SALLY-Password'], notFound]).toContainEqual(refusal(answer));
    }
    for (const value of values) expect(await signIn(userId, value)).toBe(winners.includes(value) ? 200 : 400);
  });

  it('is void once the password was changed, whoever changed it', async () => {
    for (const how of [{}, { currentPassword: PASSWORD }]) {
      const { userId } = await newUser();
      const code = codeOf(await reset(userId));
      const changed = await api().post(`/v2/users/${userId}/password`, { newPassword: { password: 'An0ther!One' }, ...how });
      expect(changed.status).toBe(200);
      expect(refusal(await setPassword(userId, code))).toEqual(notFound);
      expect(await signIn(userId, 'An0ther!One')).toBe(200);
    }
  });

  it('is void once the address that it was sent to is the person’s no more', async () => {
    const { userId, loginName } = await newUser();
    await reset(userId, {});
    const { code } = await nextMail(loginName);
    expect((await api().post(`/v2/users/${userId}/email`, { email: anEmail(), isVerified: true })).status).toBe(200);
    expect(refusal(await setPassword(userId, code))).toEqual(notFound);
    expect(await signIn(userId, PASSWORD)).toBe(200);
  });

  it('is replaced by a newer one', async () => {
    const { userId } = await newUser();
    const [older, newer] = [codeOf(await reset(userId)), codeOf(await reset(userId))];
    if (older !== newer) expect(refusal(await setPassword(userId, older))).toEqual(wrong);
    expect((await setPassword(userId, newer)).status).toBe(200);
  });

  it('is of one user', async () => {
    const [mine, theirs] = [await newUser(), await newUser()];
    const [code, other] = [codeOf(await reset(mine.userId)), codeOf(await reset(theirs.userId))];
    if (code !== other) expect(refusal(await setPassword(theirs.userId, code))).toEqual(wrong);
    expect((await setPassword(mine.userId, code)).status).toBe(200);
  });

  it('lets a person in again whom wrong passwords had locked out', async () => {
    const { userId } = await newUser();
    for (let i = 0; i < 6; i += 1) await set(await createFor(userId), password('wrong'));
    expect(await signIn(userId, PASSWORD)).not.toBe(200);
    expect((await setPassword(userId, codeOf(await reset(userId)))).status).toBe(200);
    expect(await signIn(userId, NEXT)).toBe(200);
  });

  it('drops the password factor of every session, as any change does', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    await set(login, password(PASSWORD));
    await setPassword(userId, codeOf(await reset(userId)));
    expect(Object.keys((await api().get(`/v2/sessions/${login.id}`)).body.session.factors)).toEqual(['user']);
  });

  it('is not for users who are stopped, neither to ask for nor to use', async () => {
    for (const stop of ['lock', 'deactivate']) {
      const { userId, loginName } = await newUser();
      const code = codeOf(await reset(userId));
      expect((await api().post(`/v2/users/${userId}/${stop}`)).status).toBe(200);
      for (const way of [{}, { returnCode: {} }]) {
        const answer = await reset(userId, way);
        expect([answer.status, answer.body.code], stop).toEqual([400, 9]);
      }
      expect((await setPassword(userId, code)).status).toBe(400);
      expect(await mailTo(loginName)).toEqual([]);
    }
  });

  it('is not there for who is unknown or deleted, nor for a machine', async () => {
    const gone = await newUser();
    const code = codeOf(await reset(gone.userId));
    await api().delete(`/v2/users/${gone.userId}`);
    const machine = await newMachine();
    for (const userId of ['nobody', gone.userId, machine.userId]) {
      for (const way of [{}, { returnCode: {} }]) expect(refusal(await reset(userId, way))).toEqual([404, 'COMMAND-SAF4f']);
      expect(refusal(await setPassword(userId, code))).toEqual([404, 'COMMAND-G8dh3']);
    }
  });
});

describe('who may ask for a code to reset a password', () => {
  it('users for themselves: by the default link, and neither the code itself nor a link of their choice', async () => {
    const { userId, loginName, bearer } = await personWithBearer();
    for (const way of [{ returnCode: {} }, { sendLink: { urlTemplate: 'https://a.example/{{.Code}}' } }]) {
      expect(refusal(await reset(userId, way, bearer))).toEqual(forbidden);
    }
    expect((await reset(userId, {}, bearer)).status).toBe(200);
    const { code } = await nextMail(loginName);
    expect((await setPassword(userId, code, NEXT, bearer)).status).toBe(200);
  });

  it('others with user.write where the user is; to use it takes that or session.write', async () => {
    const own = await newOrganization();
    const { userId } = await newUser({ organization: { orgId: own } });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const foreigner = await newMachine({ organization: ['ORG_USER_MANAGER'] });
    const client = await newMachine({ instance: ['SESSION_CLIENT'] });
    const stranger = await newMachine();
    const person = await personWithBearer({ organization: { orgId: own } });
    for (const way of [{}, { returnCode: {} }, { sendLink: {} }]) {
      for (const bearer of [client.token, stranger.token, person.bearer]) expect(refusal(await reset(userId, way, bearer))).toEqual(forbidden);
      expect(refusal(await reset(userId, way, foreigner.token))).toEqual([404, 'COMMAND-SAF4f']);
      expect((await reset(userId, way, '')).status).toBe(401);
    }
    const code = codeOf(await reset(userId, { returnCode: {} }, manager.token));
    for (const bearer of [stranger.token, person.bearer]) expect(refusal(await setPassword(userId, code, NEXT, bearer))).toEqual(forbidden);
    expect(refusal(await setPassword(userId, code, NEXT, foreigner.token))).toEqual([404, 'COMMAND-G8dh3']);
    expect((await setPassword(userId, code, NEXT, client.token)).status).toBe(200);
  });

  it('neither takes it nor chooses its link, who would gain a permission by signing in as that user', async () => {
    const own = await newOrganization();
    const owner = await newUser({ organization: { orgId: own } });
    await api().post('/management/v1/orgs/me/members', { userId: owner.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': own });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    for (const way of [{ returnCode: {} }, { sendLink: { urlTemplate: 'https://a.example/{{.Code}}' } }]) {
      expect(refusal(await reset(owner.userId, way, manager.token))).toEqual(forbidden);
    }
    expect((await reset(owner.userId, {}, manager.token)).status).toBe(200);
    await nextMail(owner.loginName);
  });

  it('the login pages may choose the link for everybody, and take no code of one with more permissions', async () => {
    const own = await newOrganization();
    const owner = await newUser({ organization: { orgId: own } });
    await api().post('/management/v1/orgs/me/members', { userId: owner.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': own });
    const pages = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    expect(refusal(await reset(owner.userId, { returnCode: {} }, pages.token))).toEqual(forbidden);
    expect((await reset(owner.userId, { sendLink: { urlTemplate: 'https://a.example/{{.Code}}' } }, pages.token)).status).toBe(200);
    const { code, url } = await nextMail(owner.loginName);
    expect(url).toBe(`https://a.example/${code}`);
  });
});

describe('a link to reset a password', () => {
  it('goes to the verified e-mail address and leads to the login pages by default', async () => {
    for (const way of [
      {},
      { sendLink: {} },
      { sendLink: { notificationType: 'NOTIFICATION_TYPE_Unspecified' } },
      { sendLink: { notificationType: 'NOTIFICATION_TYPE_Email' } },
    ]) {
      const { userId, loginName } = await newUser();
      const { status, body } = await reset(userId, way);
      expect([status, Object.keys(body)]).toEqual([200, ['details']]);
      const { code, url, channel, text } = await nextMail(loginName);
      const link = new URL(url ?? '');
      expect([channel, link.pathname, Object.fromEntries(link.searchParams)]).toEqual([
        'email',
        '/login/password/set',
        { code, userId, organization: body.details.resourceOwner },
      ]);
      expect(text).toContain(url);
      expect((await setPassword(userId, code)).status).toBe(200);
    }
  });

  it('is the one that the caller gives, each value escaped', async () => {
    const userId = unique('mini & co/ü');
    const { loginName } = await newUser({ userId });
    const path = encodeURIComponent(userId);
    const urlTemplate = 'https://a.example/{{.UserID}}?c={{.Code}}&o={{.OrgID}}';
    const { body } = await reset(path, { sendLink: { urlTemplate } });
    const { code, url } = await nextMail(loginName);
    expect(url).toBe(`https://a.example/${path}?c=${code}&o=${body.details.resourceOwner}`);
    expect((await setPassword(path, code)).status).toBe(200);
  });

  it('goes by SMS to the verified phone number when it is asked for', async () => {
    const phone = aPhone();
    const { userId, loginName } = await newUser({ phone: { phone, isVerified: true } });
    expect((await reset(userId, { sendLink: { notificationType: 'NOTIFICATION_TYPE_SMS' } })).status).toBe(200);
    const { channel, code } = await nextMail(phone);
    expect(channel).toBe('sms');
    expect(await mailTo(loginName)).toEqual([]);
    expect((await setPassword(userId, code)).status).toBe(200);
  });

  it('is not sent to an address that is not verified, and voids no code that is open', async () => {
    const email = anEmail();
    const phone = aPhone();
    const { userId } = await newUser({ email: { email, isVerified: false }, phone: { phone, isVerified: false } });
    const code = codeOf(await reset(userId));
    for (const way of [{}, { sendLink: {} }, { sendLink: { notificationType: 'NOTIFICATION_TYPE_SMS' } }]) {
      const answer = await reset(userId, way);
      expect([refusal(answer), answer.body.code]).toEqual([[400, 'SALLY-NoAddress'], 9]);
    }
    const { userId: withoutPhone } = await newUser();
    const bySms = await reset(withoutPhone, { sendLink: { notificationType: 'NOTIFICATION_TYPE_SMS' } });
    expect(refusal(bySms)).toEqual([400, 'SALLY-NoAddress']);
    expect((await setPassword(userId, code)).status).toBe(200);
  });

  it('is sent to an address once in 30 seconds, and the one that is open stays; to hand a code out is free', async () => {
    const { userId, loginName } = await newUser();
    await reset(userId, {});
    const { code } = await nextMail(loginName);
    const refused = await reset(userId, {});
    expect([refusal(refused), refused.body.code]).toEqual([[429, 'SALLY-Sends'], 8]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await setPassword(userId, code)).status).toBe(200);
    for (let i = 0; i < 3; i += 1) codeOf(await reset(userId));
    expect(await mailTo(loginName)).toHaveLength(1);
  });

  it('is refused before anything is done when the request breaks a rule', async () => {
    const { userId, loginName } = await newUser();
    const code = codeOf(await reset(userId));
    const rows: [object, string | undefined][] = [
      [{ sendLink: { urlTemplate: 'https://a.example/{{' } }, 'DOMAIN-oGh5e'],
      [{ sendLink: { urlTemplate: 'https://a.example/{{.LoginName}}' } }, 'DOMAIN-ieYa7'],
      [{ sendLink: { urlTemplate: '' } }, undefined],
      [{ sendLink: { urlTemplate: 'x'.repeat(201) } }, undefined],
      [{ sendLink: { notificationType: 3 } }, undefined],
      [{ sendLink: 'secret' }, undefined],
      [{ sendLink: {}, returnCode: {} }, undefined],
      [{ returnCode: ['secret'] }, undefined],
    ];
    for (const [way, id] of rows) {
      const answer = await reset(userId, way);
      expect([refusal(answer), answer.body.code], JSON.stringify(way)).toEqual([[400, id], 3]);
      expect(JSON.stringify(answer.body)).not.toContain('secret');
    }
    for (const given of ['', 'x'.repeat(21), 7, {}]) expect((await setPassword(userId, given)).status).toBe(400);
    expect((await setPassword(userId, code)).status).toBe(200);
    expect(await mailTo(loginName)).toEqual([]);
  });
});
