import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { insertUser, type NewUser } from '../../src/directory/create-user.ts';
import { findUser } from '../../src/directory/users.ts';

const ORGANIZATION = crypto.randomUUID();

const newUser = (overrides: Partial<NewUser> = {}): NewUser => ({
  id: crypto.randomUUID(),
  organizationId: ORGANIZATION,
  kind: 'human',
  cell: 'users:weur:0',
  username: crypto.randomUUID(),
  displayName: 'Minnie Mouse',
  givenName: 'Minnie',
  familyName: 'Mouse',
  nickName: '',
  preferredLanguage: '',
  gender: '',
  email: 'mini@mouse.com',
  emailVerified: true,
  phone: '',
  phoneVerified: false,
  passwordHash: undefined,
  passwordChangeRequired: false,
  description: '',
  metadata: [],
  ...overrides,
});

async function metadataOf(userId: string): Promise<Record<string, string>> {
  const { results } = await env.DB.prepare('SELECT key, value FROM user_metadata WHERE user_id = ?')
    .bind(userId)
    .all<{ key: string; value: string }>();
  return Object.fromEntries(results.map(({ key, value }) => [key, value]));
}

beforeAll(async () => {
  await env.DB.prepare('INSERT INTO organization (id, name, creation_date, change_date) VALUES (?1, ?1, 0, 0)').bind(ORGANIZATION).run();
});

describe('a new user’s row', () => {
  it('comes with its metadata, of which the later of two values counts', async () => {
    const metadata = ['a', 'b', 'a'].map((key, i) => ({ key, value: String(i) }));
    const user = newUser({ metadata });
    expect(await insertUser(env.DB, user, 5)).toBe('created');
    expect(await metadataOf(user.id)).toEqual({ a: '2', b: '1' });
    expect(await findUser(env.DB, { userId: user.id })).toMatchObject({ creationDate: 5, sequence: 1, epoch: 1, state: 'active' });
  });

  it('leaves the user with whom it clashes as it is, metadata included', async () => {
    const first = newUser({ metadata: [{ key: 'a', value: 'mine' }] });
    await insertUser(env.DB, first, 5);
    const before = await findUser(env.DB, { userId: first.id });
    const intruding = [
      { key: 'a', value: 'theirs' },
      { key: 'b', value: 'theirs' },
    ];
    expect(await insertUser(env.DB, newUser({ id: first.id, metadata: intruding }), 6)).toBe('id-taken');
    expect(await insertUser(env.DB, newUser({ id: first.id, username: first.username, metadata: intruding }), 6)).toBe('id-taken');
    const homonym = newUser({ username: first.username.toUpperCase(), metadata: intruding });
    expect(await insertUser(env.DB, homonym, 6)).toBe('login-name-taken');
    expect(await metadataOf(first.id)).toEqual({ a: 'mine' });
    expect(await metadataOf(homonym.id)).toEqual({});
    expect(await findUser(env.DB, { userId: first.id })).toEqual(before);
  });

  it('is free of everything when its organisation does not exist', async () => {
    const user = newUser({ organizationId: 'nowhere', metadata: [{ key: 'a', value: 'x' }] });
    await expect(insertUser(env.DB, user, 5)).rejects.toThrow('FOREIGN KEY');
    expect(await metadataOf(user.id)).toEqual({});
  });
});
