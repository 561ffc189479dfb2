import { describe, expect, it } from 'vitest';
import { type Answer, api, newMachine, newOrganization, newUser, unique } from '../support/api.ts';
import { refusal } from '../support/login.ts';
import { mailTo, nextMail, otherThan, personWithBearer } from '../support/mailbox.ts';

const CODE = /^[A-Z0-9]{6}$/;
const human = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.user.human;
const anEmail = () => `${unique('mini')}@mouse.com`;
const aPhone = () => `+4179${String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(10, '0')}`;
const invalid = [400, 'COMMAND-eis9R'];

/** Both kinds of address, whose codes follow the same rules. */
const KINDS = [
  { kind: 'email', fresh: anEmail, channel: 'email' },
  { kind: 'phone', fresh: aPhone, channel: 'sms' },
] as const;

for (const { kind, fresh, channel } of KINDS) {
  const setTo = (userId: string, address: string, way: object = { returnCode: {} }, bearer?: string) =>
    api(bearer).post(`/v2/users/${userId}/${kind}`, { [kind]: address, ...way });
  const resend = (userId: string, way: object = { returnCode: {} }, bearer?: string) => api(bearer).post(`/v2/users/${userId}/${kind}/resend`, way);
  const verify = (userId: string, verificationCode: unknown, bearer?: string) =>
    api(bearer).post(`/v2/users/${userId}/${kind}/verify`, { verificationCode });
  const isVerified = async (userId: string): Promise<boolean> => (await human(userId))[kind]?.isVerified === true;
  const codeOf = ({ status, body }: Answer): string => {
    expect(status).toBe(200);
    expect(body.verificationCode).toMatch(CODE);
    return body.verificationCode;
  };
  /** A person with an address that is not verified, and its code. */
  async function pending() {
    const { userId } = await newUser();
    const address = fresh();
    return { userId, address, code: codeOf(await setTo(userId, address)) };
  }

  describe(`a code that verifies ${kind === 'email' ? 'an e-mail address' : 'a phone number'}`, () => {
    it('is handed to who asks for it, and verifies the address once', async () => {
      for (const version of ['v2', 'v2beta']) {
        const { userId } = await newUser();
        const address = fresh();
        const given = await api().post(`/${version}/users/${userId}/${kind}`, { [kind]: address, returnCode: {} });
        expect(given.body).toEqual({
          details: { sequence: '2', changeDate: expect.any(String), resourceOwner: expect.any(String) },
          verificationCode: expect.stringMatching(CODE),
        });
        expect((await human(userId))[kind]).toEqual({ [kind]: address });
        const body = { verificationCode: given.body.verificationCode };
        const answer = await api().post(`/${version}/users/${userId}/${kind}/verify`, body);
        expect([answer.status, answer.body]).toEqual([200, { details: { ...given.body.details, sequence: '3', changeDate: expect.any(String) } }]);
        expect((await human(userId))[kind]).toEqual({ [kind]: address, isVerified: true });
        const again = await api().post(`/${version}/users/${userId}/${kind}/verify`, body);
        expect([refusal(again), again.body.code]).toEqual([invalid, 3]);
        expect(await isVerified(userId)).toBe(true);
      }
    });

    it('is refused when it is wrong, and is right afterwards', async () => {
      const { userId, code } = await pending();
      for (const wrong of [otherThan(code), code.toLowerCase() === code ? 'x' : code.toLowerCase(), ` ${code}`, `${code}0`, 'x']) {
        expect(refusal(await verify(userId, wrong)), wrong).toEqual(invalid);
      }
      expect(await isVerified(userId)).toBe(false);
      const another = codeOf(await resend(userId));
      expect(refusal(await verify(userId, otherThan(another)))).toEqual(invalid);
      expect((await verify(userId, another)).status).toBe(200);
    });

    it('is void after five wrong guesses, also when many are made at once', async () => {
      const [slow, fast] = [await pending(), await pending()];
      for (let nth = 0; nth < 5; nth += 1) expect(refusal(await verify(slow.userId, otherThan(slow.code, nth)))).toEqual(invalid);
      const guesses = Array.from({ length: 16 }, (_, nth) => verify(fast.userId, otherThan(fast.code, nth)));
      for (const answer of await Promise.all(guesses)) expect(refusal(answer)).toEqual(invalid);
      for (const { userId, code } of [slow, fast]) {
        expect(refusal(await verify(userId, code))).toEqual(invalid);
        expect(await isVerified(userId)).toBe(false);
        expect((await verify(userId, codeOf(await resend(userId)))).status).toBe(200);
      }
    });

    it('is still good after four wrong guesses', async () => {
      const { userId, code } = await pending();
      for (let nth = 0; nth < 4; nth += 1) await verify(userId, otherThan(code, nth));
      expect((await verify(userId, code)).status).toBe(200);
    });

    it('marks the address as verified however many use it at once, and is of no use afterwards', async () => {
      const { userId, code } = await pending();
      const answers = await Promise.all(Array.from({ length: 5 }, () => verify(userId, code)));
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
      for (const answer of answers.filter(({ status }) => status !== 200)) expect(refusal(answer)).toEqual(invalid);
      expect(refusal(await verify(userId, code))).toEqual(invalid);
    });

    it('is replaced by a newer one', async () => {
      const { userId, code } = await pending();
      const newer = codeOf(await resend(userId));
      if (newer !== code) expect(refusal(await verify(userId, code))).toEqual(invalid);
      expect((await verify(userId, newer)).status).toBe(200);
    });

    it('verifies the address that it was made for, and no later one', async () => {
      const { userId, code } = await pending();
      const newer = codeOf(await setTo(userId, fresh()));
      if (newer !== code) expect(refusal(await verify(userId, code))).toEqual(invalid);
      const vouched = await pending();
      await setTo(vouched.userId, fresh(), { isVerified: true });
      expect(refusal(await verify(vouched.userId, vouched.code))).toEqual(invalid);
      expect((await verify(userId, newer)).status).toBe(200);
    });

    it('is of one user and one purpose', async () => {
      const [mine, theirs] = [await pending(), await pending()];
      if (mine.code !== theirs.code) expect(refusal(await verify(theirs.userId, mine.code))).toEqual(invalid);
      const other = kind === 'email' ? 'phone' : 'email';
      expect(refusal(await api().post(`/v2/users/${mine.userId}/${other}/verify`, { verificationCode: mine.code }))).toEqual(invalid);
      const newPassword = { password: 'An0ther!One' };
      const asReset = await api().post(`/v2/users/${mine.userId}/password`, { newPassword, verificationCode: mine.code });
      expect(refusal(asReset)).toEqual([400, 'COMMAND-2M9fs']);
      expect((await verify(mine.userId, mine.code)).status).toBe(200);
    });

    it('is sent again only in the place of one that is open', async () => {
      const { userId } = await newUser({ phone: { phone: aPhone(), isVerified: true } });
      for (const way of [{}, { sendCode: {} }, { returnCode: {} }]) {
        const answer = await resend(userId, way);
        expect([refusal(answer), answer.body.code]).toEqual([[400, 'EMAIL-5w5ilin4yt'], 9]);
      }
      const used = await pending();
      await verify(used.userId, used.code);
      expect(refusal(await resend(used.userId))).toEqual([400, 'EMAIL-5w5ilin4yt']);
    });

    it('is sent to the address, and works', async () => {
      for (const way of [{}, { sendCode: {} }]) {
        const { userId } = await newUser();
        const address = fresh();
        const { status, body } = await setTo(userId, address, way);
        expect([status, Object.keys(body)]).toEqual([200, ['details']]);
        const mail = await nextMail(address);
        expect(mail).toMatchObject({ channel, recipient: address, code: expect.stringMatching(CODE) });
        expect(mail.text).toContain(mail.code);
        expect((await verify(userId, mail.code)).status).toBe(200);
      }
    });

    it('is sent to an address once in 30 seconds, and nothing changes when it is not; to hand it out is free', async () => {
      const { userId } = await newUser();
      const address = fresh();
      await setTo(userId, address, {});
      const { code } = await nextMail(address);
      const refused = await resend(userId, { sendCode: {} });
      expect(refusal(refused)).toEqual([429, 'SALLY-Sends']);
      expect(refused.body.code).toBe(8);
      const wait = Number(refused.headers.get('retry-after'));
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(30);
      expect((await verify(userId, code)).status).toBe(200);

      const elsewhere = fresh();
      await setTo(userId, elsewhere, { isVerified: true });
      const back = await setTo(userId, address, {});
      expect(refusal(back)).toEqual([429, 'SALLY-Sends']);
      expect((await human(userId))[kind]).toEqual({ [kind]: elsewhere, isVerified: true });
      for (let i = 0; i < 3; i += 1) codeOf(i === 0 ? await setTo(userId, address) : await resend(userId));
      expect(await mailTo(address)).toHaveLength(1);
    });

    it('is neither taken nor done without by people themselves, who may have it sent', async () => {
      const { userId, bearer } = await personWithBearer();
      const address = fresh();
      const before = await human(userId);
      const linked = kind === 'email' ? [{ sendCode: { urlTemplate: 'https://evil.example/{{.Code}}' } }] : [];
      for (const way of [{ returnCode: {} }, { isVerified: true }, ...linked]) {
        expect(refusal(await setTo(userId, address, way, bearer))).toEqual([403, 'AUTH-AWfge']);
      }
      expect(await human(userId)).toEqual(before);
      expect((await setTo(userId, address, {}, bearer)).status).toBe(200);
      expect(refusal(await resend(userId, { returnCode: {} }, bearer))).toEqual([403, 'AUTH-AWfge']);
      const { code } = await nextMail(address);
      expect((await verify(userId, code, bearer)).status).toBe(200);
    });

    it('is for others to ask for with user.write where the user is, and to use with that or session.write', async () => {
      const own = await newOrganization();
      const mine = await newUser({ organization: { orgId: own } });
      const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
      const foreigner = await newMachine({ organization: ['ORG_USER_MANAGER'] });
      const client = await newMachine({ instance: ['SESSION_CLIENT'] });
      const stranger = await newMachine();
      const person = await personWithBearer({ organization: { orgId: own } });
      const first = codeOf(await setTo(mine.userId, fresh(), { returnCode: {} }, manager.token));
      for (const bearer of [client.token, stranger.token, person.bearer]) {
        expect(refusal(await setTo(mine.userId, fresh(), { returnCode: {} }, bearer))).toEqual([403, 'AUTH-AWfge']);
        expect(refusal(await resend(mine.userId, {}, bearer))).toEqual([403, 'AUTH-AWfge']);
      }
      for (const bearer of [stranger.token, person.bearer]) expect(refusal(await verify(mine.userId, first, bearer))).toEqual([403, 'AUTH-AWfge']);
      for (const call of [setTo(mine.userId, fresh(), {}, foreigner.token), resend(mine.userId, {}, foreigner.token)]) {
        expect(refusal(await call)).toEqual([404, 'COMMAND-ieJ2e']);
      }
      expect(refusal(await verify(mine.userId, first, foreigner.token))).toEqual([404, 'COMMAND-ieJ2e']);
      expect((await verify(mine.userId, first, client.token)).status).toBe(200);
      const second = codeOf(await setTo(mine.userId, fresh(), { returnCode: {} }, manager.token));
      expect((await verify(mine.userId, second, manager.token)).status).toBe(200);
      for (const call of [setTo(mine.userId, fresh(), {}, ''), resend(mine.userId, {}, ''), verify(mine.userId, 'ABC123', '')]) {
        expect((await call).status).toBe(401);
      }
    });

    it('is not asked for by one who would gain a permission by signing in as that user', async () => {
      const own = await newOrganization();
      const owner = await newUser({ organization: { orgId: own } });
      await api().post('/management/v1/orgs/me/members', { userId: owner.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': own });
      const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
      const code = codeOf(await setTo(owner.userId, fresh()));
      for (const way of [{}, { sendCode: {} }, { returnCode: {} }]) {
        expect(refusal(await setTo(owner.userId, fresh(), way, manager.token))).toEqual([403, 'AUTH-AWfge']);
        expect(refusal(await resend(owner.userId, way, manager.token))).toEqual([403, 'AUTH-AWfge']);
      }
      expect((await verify(owner.userId, code)).status).toBe(200);
    });

    it('is not there for who is unknown or deleted, nor for a machine', async () => {
      const gone = await pending();
      await api().delete(`/v2/users/${gone.userId}`);
      const machine = await newMachine();
      for (const userId of ['nobody', gone.userId, machine.userId]) {
        for (const answer of [await setTo(userId, fresh()), await resend(userId), await verify(userId, gone.code)]) {
          expect(refusal(answer)).toEqual([404, 'COMMAND-ieJ2e']);
        }
      }
    });

    it('is refused by the rules of the messages, without being repeated', async () => {
      const { userId, code } = await pending();
      for (const wrong of [undefined, null, '', 'x'.repeat(21), 7, ['secret'], { secret: 1 }]) {
        const answer = await verify(userId, wrong);
        expect([answer.status, answer.body.code, answer.body.details], JSON.stringify(wrong)).toEqual([400, 3, undefined]);
        expect(JSON.stringify(answer.body)).not.toContain('secret');
      }
      for (const way of [{ sendCode: {}, returnCode: {} }, { sendCode: 'secret' }, { returnCode: ['secret'] }]) {
        const answer = await resend(userId, way);
        expect([answer.status, answer.body.code], JSON.stringify(way)).toEqual([400, 3]);
        expect(JSON.stringify(answer.body)).not.toContain('secret');
      }
      expect((await verify(userId, code)).status).toBe(200);
    });
  });
}

describe('the link in a mail that verifies an address', () => {
  const setEmail = (userId: string, email: string, way: object) => api().post(`/v2/users/${userId}/email`, { email, ...way });

  it('leads to the login pages by default', async () => {
    const { userId } = await newUser();
    const email = anEmail();
    const { body } = await setEmail(userId, email, {});
    const { code, url } = await nextMail(email);
    const link = new URL(url ?? '');
    expect([link.pathname, Object.fromEntries(link.searchParams)]).toEqual([
      '/login/verify',
      { code, userId, organization: body.details.resourceOwner },
    ]);
  });

  it('is the one that the caller gives, each value escaped', async () => {
    const userId = unique('mini & co/ü');
    await newUser({ userId });
    const email = anEmail();
    const urlTemplate = 'https://a.example/{{.UserID}}?c={{ .Code }}&o={{.OrgID}}#x';
    const { body } = await setEmail(encodeURIComponent(userId), email, { sendCode: { urlTemplate } });
    const { code, url } = await nextMail(email);
    expect(url).toBe(`https://a.example/${encodeURIComponent(userId)}?c=${code}&o=${body.details.resourceOwner}#x`);
    expect((await api().post(`/v2/users/${encodeURIComponent(userId)}/email/verify`, { verificationCode: code })).status).toBe(200);
  });

  it('is refused before anything is done when its template is not one', async () => {
    const { userId } = await newUser();
    const open = (await setEmail(userId, anEmail(), { returnCode: {} })).body.verificationCode;
    const before = await human(userId);
    const rows: [string, string | undefined][] = [
      ['https://a.example/{{', 'DOMAIN-oGh5e'],
      ['https://a.example/{{.Code', 'DOMAIN-oGh5e'],
      ['https://a.example/{{if .Code}}{{end}}', 'DOMAIN-oGh5e'],
      ['https://a.example/{{.Nothing}}', 'DOMAIN-ieYa7'],
      ['https://a.example/{{.SessionID}}', 'DOMAIN-ieYa7'],
      ['', undefined],
      ['x'.repeat(201), undefined],
    ];
    for (const [urlTemplate, id] of rows) {
      const way = { sendCode: { urlTemplate } };
      const answers = [
        await setEmail(userId, anEmail(), way),
        await api().post(`/v2/users/${userId}/email/resend`, way),
        await api().post(`/v2/users/${userId}/email/send`, way),
      ];
      for (const answer of answers) expect(refusal(answer), urlTemplate).toEqual([400, id]);
    }
    expect(await human(userId)).toEqual(before);
    expect((await api().post(`/v2/users/${userId}/email/verify`, { verificationCode: open })).status).toBe(200);
  });
});

describe('POST /v2/users/{userId}/email/send', () => {
  const send = (userId: string, way: object, bearer?: string) => api(bearer).post(`/v2/users/${userId}/email/send`, way);

  it('sends a code whether one is open or not', async () => {
    const { userId, loginName } = await newUser();
    expect((await send(userId, {})).status).toBe(200);
    expect(await nextMail(loginName)).toMatchObject({ channel: 'email' });
    const { body } = await send(userId, { returnCode: {} });
    expect(body.verificationCode).toMatch(CODE);
    expect((await api().post(`/v2/users/${userId}/email/verify`, { verificationCode: body.verificationCode })).status).toBe(200);
  });

  it('is an operation of v2 only', async () => {
    const { userId } = await newUser();
    expect((await api().post(`/v2beta/users/${userId}/email/send`, {})).status).toBe(404);
  });

  it('finds neither who is unknown, nor a machine', async () => {
    const machine = await newMachine();
    for (const userId of ['nobody', machine.userId]) expect(refusal(await send(userId, {}))).toEqual([404, 'COMMAND-ieJ2e']);
  });
});
