import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { importHash } from '../../src/crypto/import-hash.ts';
import { keyRing } from '../../src/crypto/key-ring.ts';
import { hashPassword, isCurrentHash } from '../../src/crypto/password-hash.ts';
import type { PasswordHashing } from '../../src/crypto/password-hashing.ts';
import { rehashPassword, replacePassword } from '../../src/directory/passwords.ts';
import type { User } from '../../src/directory/users.ts';
import { createSession } from '../../src/login-step/create-session.ts';
import { config, must, newSession, newUser, outcome, PASSWORD, passwordCheck, patch, read, tokenAfter, walkWith } from './world.ts';

const BCRYPT = '$2b$10$abcdefghijklmnopqrstuuE54PSDfuI8btEp5X53G3HCLlK7DcHnS';
const hashing = config.passwords;
const key = (byte: number) => new Uint8Array(32).fill(byte).toBase64();
const under = (list: string, scheme: PasswordHashing['scheme'] = 'pbkdf2-sha512'): PasswordHashing => ({ scheme, peppers: keyRing(list, 'SHA-512') });

const columns = (user: User) =>
  env.DB.prepare('SELECT password_hash, password_version, sequence, change_date FROM user WHERE id = ?1')
    .bind(user.id)
    .first<{ password_hash: string }>();
const hashOf = async (user: User) => (await columns(user))?.password_hash ?? '';
const imported = async () => newUser({ passwordHash: await importHash(BCRYPT, hashing.peppers) });

/** A walk's own things, with a way to wait for what it leaves behind. */
function leaving(passwords = hashing) {
  const left: Promise<void>[] = [];
  return { within: { passwords, later: (work: Promise<void>) => void left.push(work) }, left: () => Promise.all(left), count: () => left.length };
}

describe('a password whose hash is not what would be made today', () => {
  it('is hashed anew at the next success, which nobody can see but by the database', async () => {
    const user = await imported();
    const before = await columns(user);
    const { within, left } = leaving();
    const login = await newSession(user);
    const token = tokenAfter(await patch(login, passwordCheck(), within));
    await left();
    expect(await columns(user)).toEqual({ ...before, password_hash: expect.stringMatching(/^\$sallyport\$k=1\$[^$]+\$sallyport-pbkdf2-sha512\$/) });
    expect(isCurrentHash(await hashOf(user), hashing)).toBe(true);
    expect(must(await read(login)).session.factors).toHaveProperty('password');
    expect(outcome(await patch({ ...login, token }, passwordCheck(`${PASSWORD}x`)))).toBe('COMMAND-3M0fs');
    expect(outcome(await patch({ ...login, token }, passwordCheck()))).toBe('ok');
  });

  it('is hashed anew by a session that is created with it, too', async () => {
    const user = await imported();
    const { within, left } = leaving();
    const request = {
      cellOf: () => 'sessions:weur:7',
      sessionIdKeys: config.sessionIdKeys,
      callerId: 'creator',
      command: { checks: { user: { userId: user.id }, password: { password: PASSWORD } }, metadata: [] },
      now: Date.now(),
    };
    must(await createSession(walkWith(within), request));
    await left();
    expect(isCurrentHash(await hashOf(user), hashing)).toBe(true);
  });

  it('stays as it is when the password is wrong, or when nothing was committed', async () => {
    const user = await imported();
    const before = await columns(user);
    const { within, count } = leaving();
    const login = await newSession(user);
    expect(outcome(await patch(login, passwordCheck('wrong'), within))).toBe('COMMAND-3M0fs');
    expect(outcome(await patch({ ...login, token: 'stale' }, passwordCheck(), within))).toBe('COMMAND-sGr42');
    expect(count()).toBe(0);
    expect(await columns(user)).toEqual(before);
  });

  it('is left alone once it is current', async () => {
    const user = await newUser();
    const { within, count } = leaving();
    expect(outcome(await patch(await newSession(user), passwordCheck(), within))).toBe('ok');
    expect(count()).toBe(0);
  });

  it('never comes back over a password that was changed meanwhile', async () => {
    const user = await imported();
    const [before, after] = [await hashOf(user), await hashPassword(PASSWORD, hashing)];
    const changed = { userId: user.id, passwordHash: await hashPassword('N3w-secret!', hashing), changeRequired: false };
    expect(await replacePassword(env.DB, { ...changed, expectedVersion: user.passwordVersion }, Date.now())).toBeDefined();
    expect(await rehashPassword(env.DB, user.id, { before, after })).toBe(false);
    expect(await hashOf(user)).toBe(changed.passwordHash);
  });

  it('is hashed anew once by many successes at the same time', async () => {
    const user = await imported();
    const { within, left } = leaving();
    const logins = await Promise.all(Array.from({ length: 4 }, () => newSession(user)));
    const outcomes = await Promise.all(logins.map((login) => patch(login, passwordCheck(), within)));
    expect(outcomes.map(outcome)).toEqual(['ok', 'ok', 'ok', 'ok']);
    await left();
    expect(isCurrentHash(await hashOf(user), hashing)).toBe(true);
    expect(outcome(await patch(await newSession(user), passwordCheck()))).toBe('ok');
  });

  it('is hashed anew when PASSWORD_HASH was changed', async () => {
    for (const scheme of ['argon2id', 'scrypt'] as const) {
      const user = await newUser();
      const { within, left } = leaving({ ...hashing, scheme });
      expect(outcome(await patch(await newSession(user), passwordCheck(), within))).toBe('ok');
      await left();
      expect(await hashOf(user)).toContain(`$sallyport-${scheme}$`);
      expect(outcome(await patch(await newSession(user), passwordCheck(), within))).toBe('ok');
    }
  });
});

describe('the pepper, rotated', () => {
  const [older, newer] = [`1:${key(1)}`, `2:${key(2)}`];

  it('moves with the next success of each person, in a session that was begun before; then the old one may be dropped', async () => {
    const [comes, staysAway] = await Promise.all([1, 2].map(async () => newUser({ passwordHash: await hashPassword(PASSWORD, under(older)) })));
    if (!comes || !staysAway) throw new Error('nobody is there');
    const login = await newSession(comes);
    const token = tokenAfter(await patch(login, passwordCheck(), { passwords: under(older) }));

    const { within, left } = leaving(under(`${newer},${older}`));
    const during = tokenAfter(await patch({ ...login, token }, passwordCheck(), within));
    await left();
    expect(await hashOf(comes)).toContain('$sallyport$k=2$');
    expect(await hashOf(staysAway)).toContain('$sallyport$k=1$');

    const after = { passwords: under(newer) };
    expect(outcome(await patch({ ...login, token: during }, passwordCheck(), after))).toBe('ok');
    expect(outcome(await patch(await newSession(staysAway), passwordCheck(), after))).toBe('COMMAND-CahN2');
  });
});
