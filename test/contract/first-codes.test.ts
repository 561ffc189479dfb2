import { describe, expect, it } from 'vitest';
import { anOrganization, api, unique } from '../support/api.ts';
import { refusal } from '../support/login.ts';
import { mailTo, nextMail } from '../support/mailbox.ts';

const CODE = /^[A-Z0-9]{6}$/;
const anEmail = () => `${unique('mini')}@mouse.com`;
const aPhone = () => `+4179${String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(10, '0')}`;
const profile = { givenName: 'Minnie', familyName: 'Mouse' };
const human = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.user.human;
const verify = (userId: string, kind: 'email' | 'phone', verificationCode: string) =>
  api().post(`/v2/users/${userId}/${kind}/verify`, { verificationCode });

/** Every operation that creates a person: each answers with the codes in the same places. */
const OPERATIONS = [
  {
    name: 'AddHumanUser of v2',
    add: async (person: object) => api().post('/v2/users/human', { organization: { orgId: await anOrganization() }, profile, ...person }),
  },
  {
    name: 'AddHumanUser of v2beta',
    add: async (person: object) => api().post('/v2beta/users/human', { organization: { orgId: await anOrganization() }, profile, ...person }),
  },
  {
    name: 'CreateUser',
    add: async (person: object) => api().post('/v2/users/new', { organizationId: await anOrganization(), human: { profile, ...person } }),
  },
];

describe.each(OPERATIONS)('$name', ({ name, add }) => {
  const idOf = (body: { userId: string; id: string }) => (name === 'CreateUser' ? body.id : body.userId);

  it('hands out the codes that verify both addresses', async () => {
    const [email, phone] = [anEmail(), aPhone()];
    const { status, body } = await add({ email: { email, returnCode: {} }, phone: { phone, returnCode: {} } });
    expect([status, body.emailCode, body.phoneCode]).toEqual([201, expect.stringMatching(CODE), expect.stringMatching(CODE)]);
    const userId = idOf(body);
    expect(await human(userId)).toMatchObject({ email: { email }, phone: { phone } });
    expect((await human(userId)).email).not.toHaveProperty('isVerified');
    expect((await verify(userId, 'email', body.emailCode)).status).toBe(200);
    expect((await verify(userId, 'phone', body.phoneCode)).status).toBe(200);
    expect(await human(userId)).toMatchObject({ email: { email, isVerified: true }, phone: { phone, isVerified: true } });
    expect(await mailTo(email)).toEqual([]);
    expect(await mailTo(phone)).toEqual([]);
  });

  it('sends each a code, whether that is asked for or nothing is said', async () => {
    for (const way of [{}, { sendCode: {} }]) {
      const [email, phone] = [anEmail(), aPhone()];
      const { status, body } = await add({ email: { email, ...way }, phone: { phone, ...way } });
      expect(status).toBe(201);
      expect(body).not.toHaveProperty('emailCode');
      expect(body).not.toHaveProperty('phoneCode');
      const userId = idOf(body);
      const mail = await nextMail(email);
      const link = new URL(mail.url ?? '');
      expect([link.pathname, Object.fromEntries(link.searchParams)]).toEqual([
        '/login/verify',
        { code: mail.code, userId, organization: await anOrganization() },
      ]);
      expect((await verify(userId, 'email', mail.code)).status).toBe(200);
      const sms = await nextMail(phone);
      expect(sms.channel).toBe('sms');
      expect((await verify(userId, 'phone', sms.code)).status).toBe(200);
    }
  });

  it('leads to the link that is given, each value escaped', async () => {
    const email = anEmail();
    const { body } = await add({ email: { email, sendCode: { urlTemplate: 'https://a.example/{{.OrgID}}/{{.UserID}}?c={{.Code}}' } } });
    const { code, url } = await nextMail(email);
    expect(url).toBe(`https://a.example/${await anOrganization()}/${idOf(body)}?c=${code}`);
  });

  it('opens no code and sends nothing for an address about whose verification something is said, nor for no number', async () => {
    for (const isVerified of [true, false]) {
      const [email, phone] = [anEmail(), aPhone()];
      const { status, body } = await add({ email: { email, isVerified }, phone: { phone, isVerified } });
      expect([status, body.emailCode, body.phoneCode]).toEqual([201, undefined, undefined]);
      const userId = idOf(body);
      for (const kind of ['email', 'phone']) {
        expect(refusal(await api().post(`/v2/users/${userId}/${kind}/resend`, {})), kind).toEqual([400, 'EMAIL-5w5ilin4yt']);
      }
      // Were there a message before this one, these would be two.
      expect((await api().post(`/v2/users/${userId}/email/send`, {})).status).toBe(200);
      await nextMail(email);
      expect(await mailTo(phone)).toEqual([]);
    }
    const { status, body } = await add({ email: { email: anEmail(), isVerified: true }, phone: { phone: '', returnCode: {} } });
    expect([status, body.phoneCode]).toEqual([201, undefined]);
  });

  it('creates nobody when a link is not one, or a way is given twice', async () => {
    const rows: [object, string | undefined][] = [
      [{ sendCode: { urlTemplate: 'https://a.example/{{' } }, 'DOMAIN-oGh5e'],
      [{ sendCode: { urlTemplate: 'https://a.example/{{.SessionID}}' } }, 'DOMAIN-ieYa7'],
      [{ sendCode: {}, returnCode: {} }, undefined],
      [{ returnCode: {}, isVerified: true }, undefined],
    ];
    for (const [way, id] of rows) {
      const email = anEmail();
      expect(refusal(await add({ email: { email, ...way } })), JSON.stringify(way)).toEqual([400, id]);
      expect((await add({ email: { email, isVerified: true } })).status).toBe(201);
    }
  });
});
