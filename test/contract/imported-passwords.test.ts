import { describe, expect, it } from 'vitest';
import { anOrganization, api, newUser, PASSWORD, unique } from '../support/api.ts';
import { createFor, password, refusal, set } from '../support/login.ts';

/** PASSWORD, hashed by libxcrypt (bcrypt, SHA-crypt, MD5-crypt, $7$), OpenSSL (scrypt, PBKDF2) and noble (Argon2). */
const HASHES = [
  '$2a$10$abcdefghijklmnopqrstuuE54PSDfuI8btEp5X53G3HCLlK7DcHnS',
  '$2b$10$abcdefghijklmnopqrstuuE54PSDfuI8btEp5X53G3HCLlK7DcHnS',
  '$2y$10$abcdefghijklmnopqrstuuE54PSDfuI8btEp5X53G3HCLlK7DcHnS',
  '$argon2id$v=19$m=4096,t=3,p=2$c2FsdHNhbHRzYWx0c2FsdA$bPNxceyPXVb8m0MBZ6xwj5/t7+JrsP+9FSuErkAsvSU',
  '$argon2i$v=19$m=4096,t=3,p=2$c2FsdHNhbHRzYWx0c2FsdA$VOc4hTSc1gGT3PKQbSRceq1iJczPwE8baNZ2Ll6ZnpY',
  '$scrypt$ln=14,r=8,p=1$8PHy8/T19vf4+fr7/P3+/w$JPrgTATRwPbVnjXvGIee8nxI2RpmlO9xKNgVkWUdSsA',
  '$7$C6..../....SodiumChloride$itO4c6pVWNm7o80bGuNJARtVYKUc.s0.i6lUZFK.HfB',
  '$pbkdf2$29000$8PHy8/T19vf4.fr7/P3./w$hjXjvdSbfprUWTLMKHjbl.S9yD0',
  '$pbkdf2-sha256$29000$8PHy8/T19vf4.fr7/P3./w$9MbDGm7b8KtNRldA/SSjCCCIED0yaX.w6nF85uYpLWs',
  '$pbkdf2-sha512$120000$8PHy8/T19vf4.fr7/P3./w$.rMsBZ1R59nKM3cIe.g/v7O9gWfk.RV5ydWWYSjVLdcp/LP3UN5HAo.rQUmzM9EECDf/hMccwE8xxrLnPF78PA',
  '$5$saltstring$p8b9akXI/gxfGG39kwYBVtEJGPAWzPhtNYBdkKuvEjC',
  '$6$rounds=10000$saltstring$0eGbktJou6nmJiIF/GZSGmjcF3SzANfrfMjjrexlvabs2ob7WXZGsgXHh41aWtTQ61xhM47irXZDn46/zxB.g1',
  '$1$saltsalt$yyywWDcDI4FHDiVLs3Omd0',
];
const [HASH = ''] = HASHES;

const person = (hashedPassword: object) => ({
  profile: { givenName: 'Minnie', familyName: 'Mouse' },
  email: { email: `${unique('mini')}@mouse.com`, isVerified: true },
  hashedPassword,
});
const add = async (hashedPassword: object, version = 'v2') =>
  api().post(`/${version}/users/human`, { organization: { orgId: await anOrganization() }, ...person(hashedPassword) });
const createUser = async (hashedPassword: object) =>
  api().post('/v2/users/new', { organizationId: await anOrganization(), human: person(hashedPassword) });
const signIn = async (userId: string, value: string) => set(await createFor(userId), password(value));

describe('a user whose password was hashed elsewhere', () => {
  it.each(HASHES)('logs in with it and with no other: %s', async (hash) => {
    const { userId } = await newUser({ password: undefined, hashedPassword: { hash } });
    expect(refusal(await signIn(userId, `${PASSWORD}x`))).toEqual([400, 'COMMAND-3M0fs']);
    const { status } = await signIn(userId, PASSWORD);
    expect(status).toBe(200);
  });

  it('may be created by CreateUser, and in both versions of AddHumanUser', async () => {
    for (const version of ['v2', 'v2beta']) {
      const { status, body } = await add({ hash: HASH }, version);
      expect([status, (await signIn(body.userId, PASSWORD)).status]).toEqual([201, 200]);
    }
    const { status, body } = await createUser({ hash: HASH });
    expect([status, (await signIn(body.id, PASSWORD)).status]).toEqual([201, 200]);
  });

  it('has to change it where that is asked for', async () => {
    const { body } = await add({ hash: HASH, changeRequired: true });
    expect((await api().get(`/v2/users/${body.userId}`)).body.user.human.passwordChangeRequired).toBe(true);
    const { body: other } = await add({ hash: HASH });
    expect((await api().get(`/v2/users/${other.userId}`)).body.user.human).not.toHaveProperty('passwordChangeRequired');
  });
});

describe('a hash that cannot be verified here', () => {
  it.each([
    'secret',
    '$argon2d$v=19$m=4096,t=3,p=2$c2FsdHNhbHRzYWx0c2FsdA$bPNxceyPXVb8m0MBZ6xwj5/t7+JrsP+9FSuErkAsvSU',
    '$2b$10$x',
    '$sallyport$k=1$x$1$',
  ])('is 400 with the id of its operation, unsupported: %s', async (hash) => {
    for (const [answer, id] of [
      [await add({ hash }), 'USER-JDk4t'],
      [await createUser({ hash }), 'USER-oz74onzvqr'],
    ] as const) {
      expect(refusal(answer)).toEqual([400, id]);
      expect(answer.body.details[0].message).toBe('Password hash encoding not supported');
    }
  });

  it('is 400 when it is too costly, and the limit is named', async () => {
    for (const [hash, limit] of [
      [HASH.replace('$10$', '$15$'), 'bcrypt: cost 14'],
      ['$argon2id$v=19$m=524288,t=3,p=2$c2FsdHNhbHRzYWx0c2FsdA$bPNxceyPXVb8m0MBZ6xwj5/t7+JrsP+9FSuErkAsvSU', 'm=65536'],
    ] as const) {
      for (const [answer, id] of [
        [await add({ hash }), 'USER-JDk4t'],
        [await createUser({ hash }), 'USER-oz74onzvqr'],
      ] as const) {
        expect(refusal(answer)).toEqual([400, id]);
        expect(answer.body.details[0].message).toContain('too costly');
        expect(answer.body.details[0].message).toContain(limit);
      }
    }
  });

  it('is 400 without an id when it is empty, longer than 200 characters, or beside a password', async () => {
    for (const answer of [await add({ hash: '' }), await add({}), await add({ hash: '$'.repeat(201) }), await createUser({ hash: '' })]) {
      expect(answer.status).toBe(400);
      expect(answer.body.details).toBeUndefined();
    }
    const both = { ...person({ hash: HASH }), password: { password: PASSWORD } };
    expect((await api().post('/v2/users/human', both)).status).toBe(400);
  });
});
