import { describe, expect, it } from 'vitest';
import { api, newMachine, newUser, PASSWORD } from '../support/api.ts';
import { create, createFor, get, type Login, password, refusal, set } from '../support/login.ts';
import { nextMail } from '../support/mailbox.ts';

/** A person to whom codes go by e-mail, and a session of theirs. */
async function otpLogin() {
  const user = await newUser();
  const { status } = await api().post(`/v2/users/${user.userId}/otp_email`, {});
  expect(status).toBe(200);
  return { ...user, login: await createFor(user.userId) };
}

const returned = { challenges: { otpEmail: { returnCode: {} } } };
const sent = { challenges: { otpEmail: {} } };
const giving = (code: string) => ({ checks: { otpEmail: { code } } });
const verifiedIn = async (login: Login) => Object.keys((await get(login)).body.session.factors);

describe('a code by e-mail', () => {
  it('is handed back on request, and verifies the factor', async () => {
    for (const version of ['v2', 'v2beta'] as const) {
      const { login } = await otpLogin();
      const { body } = await set(login, returned, api(), version);
      expect(body.challenges).toEqual({ otpEmail: expect.stringMatching(/^\d{8}$/) });
      const before = login.token;
      expect((await set(login, giving(body.challenges.otpEmail), api(), version)).status).toBe(200);
      expect(login.token).not.toBe(before);
      expect(await verifiedIn(login)).toEqual(['user', 'otpEmail']);
    }
  });

  it('may be asked for when the session is created', async () => {
    const { userId } = await otpLogin();
    const { status, body } = await api().post('/v2/sessions', { checks: { user: { userId } }, ...returned });
    expect([status, body.challenges.otpEmail]).toEqual([201, expect.stringMatching(/^\d{8}$/)]);
    const login = { id: body.sessionId, token: body.sessionToken };
    expect((await set(login, giving(body.challenges.otpEmail))).status).toBe(200);
  });

  it('is sent to the person by default, with a link to the login pages; the answer shows that it was asked for, and no code', async () => {
    const { loginName, login } = await otpLogin();
    const { body } = await set(login, sent);
    expect(body.challenges).toEqual({});
    const mail = await nextMail(loginName);
    expect(mail.url).toMatch(new RegExp(`/login/otp/email\\?code=${mail.code}&userId=\\d+&sessionId=${login.id.replaceAll('.', '\\.')}$`));
    expect((await set(login, giving(mail.code))).status).toBe(200);
  });

  it('is sent with the caller\u2019s own link', async () => {
    const { loginName, login, userId } = await otpLogin();
    await set(login, { challenges: { otpEmail: { sendCode: { urlTemplate: 'https://me.example/{{.UserID}}?c={{.Code}}&n={{.DisplayName}}' } } } });
    const mail = await nextMail(loginName);
    expect(mail.url).toBe(`https://me.example/${userId}?c=${mail.code}&n=Minnie%20Mouse`);
  });

  it('with a link that is none is refused before anything is done', async () => {
    const { login } = await otpLogin();
    const before = (await get(login)).body;
    for (const [urlTemplate, id] of [
      ['https://me.example/{{', 'DOMAIN-oGh5e'],
      ['https://me.example/{{.OrgID}}', 'DOMAIN-ieYa7'],
      ['https://me.example/{{.Password}}', 'DOMAIN-ieYa7'],
    ]) {
      expect(refusal(await set(login, { challenges: { otpEmail: { sendCode: { urlTemplate } } } }))).toEqual([400, id]);
    }
    expect((await set(login, { challenges: { otpEmail: { sendCode: { urlTemplate: 'x'.repeat(201) } } } })).status).toBe(400);
    expect((await set(login, { challenges: { otpEmail: { sendCode: {}, returnCode: {} } } })).status).toBe(400);
    expect((await get(login)).body).toEqual(before);
  });

  it('is limited to one in 30 seconds, and says when the next may be sent', async () => {
    const { login } = await otpLogin();
    expect((await set(login, sent)).status).toBe(200);
    const refused = await set(login, sent);
    expect(refusal(refused)).toEqual([429, 'SALLY-Sends']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(20);
    expect((await set(login, returned)).status).toBe(200);
  });
});

describe('whoever holds nothing but the token of a half-done login', () => {
  it('may have a code sent to the person, and present it; but neither take it nor choose where its link leads', async () => {
    const nobody = api((await newMachine()).token);
    const { loginName, login } = await otpLogin();
    for (const challenges of [
      returned.challenges,
      { otpEmail: { sendCode: { urlTemplate: 'https://evil.example/{{.Code}}' } } },
      { otpSms: { returnCode: true } },
    ]) {
      expect(refusal(await set(login, { challenges }, nobody))).toEqual([403, 'AUTH-AWfge']);
    }
    expect((await set(login, sent, nobody)).status).toBe(200);
    const mail = await nextMail(loginName);
    expect((await set(login, giving(mail.code), nobody)).status).toBe(200);
  });
});

describe('a code', () => {
  it('is in no answer and no session that is read', async () => {
    const { loginName, login } = await otpLogin();
    await set(login, sent);
    const mail = await nextMail(loginName);
    const wrong = await set(login, giving('00000000'));
    const texts = [(await get(login)).body, wrong.body].map((body) => JSON.stringify(body));
    for (const text of texts) expect(text).not.toContain(mail.code);
  });

  it('is refused by Zitadel\u2019s ids', async () => {
    const { login } = await otpLogin();
    const [empty, bare] = [await create(), await createFor((await newUser()).userId)];
    const rows: [Login, object, number, string][] = [
      [empty, returned, 400, 'COMMAND-JK3gp'],
      [empty, { challenges: { otpSms: { returnCode: true } } }, 400, 'COMMAND-JKL3g'],
      [empty, giving('12345678'), 400, 'COMMAND-S453v'],
      [bare, returned, 400, 'COMMAND-JKLJ3'],
      [bare, { challenges: { otpSms: { returnCode: true } } }, 400, 'COMMAND-BJ2g3'],
      [bare, giving('12345678'), 400, 'COMMAND-d2r52'],
      [login, giving('12345678'), 400, 'COMMAND-S34gh'],
    ];
    for (const [session, body, status, id] of rows) expect(refusal(await set(session, body)), id).toEqual([status, id]);
    const { body } = await set(login, returned);
    const wrong = String((Number(body.challenges.otpEmail) + 1) % 1e8).padStart(8, '0');
    const refused = await set(login, giving(wrong));
    expect([refused.status, refused.body.code, refusal(refused)[1]]).toEqual([400, 3, 'CODE-woT0xc']);
  });

  it('and a password make a login of two factors, in one PATCH as in two', async () => {
    const { login } = await otpLogin();
    const { body } = await set(login, { ...password(PASSWORD), ...returned });
    expect((await set(login, giving(body.challenges.otpEmail))).status).toBe(200);
    expect(await verifiedIn(login)).toEqual(['user', 'password', 'otpEmail']);
  });
});
