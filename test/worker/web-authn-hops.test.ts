import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UpdateSession } from '../../src/core/session/command.ts';
import type { User } from '../../src/directory/users.ts';
import { answered, asking, challenged, countersOf, giving, newPasskeyUser, Passkey, RP_ID, refusal, rowsOf, send } from './passkey-user.ts';
import { interposed, type Login, must, newSession, newUser, outcome, PASSWORD, patch, read, cells as realCells } from './world.ts';

type Tokenless = Omit<Login, 'token'>;

/** What one PATCH costs: the verbs that it calls in cells, in their order, and its D1 statements. */
async function costOf(login: Tokenless, command: Partial<UpdateSession>) {
  const hops: string[] = [];
  let statements = 0;
  const cells = interposed((verb) => {
    hops.push(verb);
  });
  const db = new Proxy(env.DB, {
    get: (target, name) => {
      if (name === 'prepare') statements += 1;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  expect(outcome(await patch({ ...login, token: undefined }, command, { cells, db }))).toBe('ok');
  return { hops, statements };
}

/** Counts the rows that a cell writes from now on. */
const countRows = (stub: DurableObjectStub) =>
  runInDurableObject(stub, (_, { storage }) => {
    const rows = { written: 0 };
    const exec = storage.sql.exec.bind(storage.sql);
    storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
      const cursor = exec(query, ...bindings);
      rows.written += cursor.rowsWritten;
      return cursor;
    }) as typeof exec;
    return rows;
  });

const signed = async (passkey: Passkey, login: Tokenless, signCount = 0) => {
  const { options } = await challenged({ ...login, token: undefined });
  return giving(await passkey.get(options.challenge, { signCount }));
};

const warm = (user: User) => realCells.user(user.cell).load(user.id);

describe('the cost of WebAuthn, counted', () => {
  it('of a challenge for a user is three hops and no D1 when the user cell is warm', async () => {
    const { user } = await newPasskeyUser();
    const login = await newSession(user);
    expect((await costOf(login, asking())).hops).toEqual(['peek', 'permitChallenge', 'load', 'permitChallenge', 'commit']);
    expect(await costOf(login, asking())).toEqual({ hops: ['peek', 'permitChallenge', 'commit'], statements: 0 });
  });

  it('of a challenge without a user is two hops and no D1', async () => {
    expect(await costOf(await newSession(), asking())).toEqual({ hops: ['peek', 'commit'], statements: 0 });
  });

  it('of a check is four hops and no D1 when the user cell is warm, with and without a counter', async () => {
    const { user, passkey } = await newPasskeyUser();
    const login = await newSession(user);
    for (const signCount of [0, 1, 2])
      expect(await costOf(login, await signed(passkey, login, signCount))).toEqual({ hops: ['peek', 'reserve', 'settle', 'commit'], statements: 0 });
  });

  it('of a check and the next challenge is one hop more', async () => {
    const { user, passkey } = await newPasskeyUser();
    const login = await newSession(user);
    expect(await costOf(login, { ...(await signed(passkey, login)), ...asking() })).toEqual({
      hops: ['peek', 'reserve', 'settle', 'permitChallenge', 'commit'],
      statements: 0,
    });
  });

  it('of a check that says who the user is is one hop more, and two D1 statements', async () => {
    const { user, passkey } = await newPasskeyUser();
    await warm(user);
    const login = await newSession();
    expect(await costOf(login, await signed(passkey, login))).toEqual({ hops: ['peek', 'admit', 'reserve', 'settle', 'commit'], statements: 2 });
  });

  it('of an assertion that the session refuses, or that names nobody, is one hop and no look-up', async () => {
    const { passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession());
    const assertion = await passkey.get(options.challenge, { userHandle: null });
    const hops: string[] = [];
    const cells = interposed((verb) => {
      hops.push(verb);
    });
    const db = new Proxy(env.DB, {
      get: () => {
        throw new Error('D1 was asked');
      },
    });
    expect(outcome(await patch({ ...login, token: 'wrong' }, giving(assertion), { cells, db }))).toBe('COMMAND-sGr42');
    expect(outcome(await patch(login, giving(assertion), { cells, db }))).toBe('COMMAND-Aej7i');
    expect(hops).toEqual(['peek', 'peek']);
  });

  it('in rows is one in the session’s cell, and one in the user’s for a credential that counts', async () => {
    const { user, passkey } = await newPasskeyUser();
    const login = await newSession(user);
    const [session, users] = [await countRows(env.SESSIONS.getByName(login.sessionCell)), await countRows(env.USERS.getByName(user.cell))];
    const rowsOfPatch = async (command: Partial<UpdateSession>) => {
      [session.written, users.written] = [0, 0];
      expect(outcome(await patch({ ...login, token: undefined }, command))).toBe('ok');
      return [session.written, users.written];
    };
    expect(await rowsOfPatch(asking())).toEqual([1, 0]);
    expect(await rowsOfPatch(await signed(passkey, login))).toEqual([1, 0]);
    for (const signCount of [1, 2, 3]) expect(await rowsOfPatch(await signed(passkey, login, signCount))).toEqual([1, 1]);
  });
});

describe('a store that cannot be reached', () => {
  /** D1 of which every statement that matches fails. */
  const failingAt = (sql: RegExp) => ({
    DB: new Proxy(env.DB, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (name !== 'prepare') return typeof value === 'function' ? value.bind(target) : value;
        return (query: string) => {
          if (sql.test(query)) throw new Error('D1_ERROR: no such host: SECRET');
          return target.prepare(query);
        };
      },
    }),
  });

  /** Has a user's cell reach no D1 until it is mended. @returns how it is mended */
  async function cutOff(user: User): Promise<() => Promise<void>> {
    const stub = env.USERS.getByName(user.cell);
    await realCells.user(user.cell).forget(user.id);
    const assign = (bindings: object) => runInDurableObject(stub, (instance) => void Object.assign(instance, { env: { ...env, ...bindings } }));
    await assign(failingAt(/./));
    return () => assign({});
  }

  const body = (login: Login, more: object) => ({ sessionToken: login.token, ...more });
  const check = (assertion: Awaited<ReturnType<Passkey['get']>>) => {
    const { id, ...response } = assertion;
    return { checks: { webAuthN: { credentialAssertionData: { id, rawId: id, type: 'public-key', response } } } };
  };
  const challenge = { challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 'USER_VERIFICATION_REQUIREMENT_PREFERRED' } } };

  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('while the credentials of a check are loaded is answered 503, and the same request then succeeds', async () => {
    const { user, id, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    const before = must(await read(login)).session;
    const request = body(login, check(await passkey.get(options.challenge, { signCount: 5 })));
    const mend = await cutOff(user);
    const refused = await send('PATCH', `/v2beta/sessions/${login.sessionId}`, request);
    expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(JSON.stringify(refused.body)).not.toContain('SECRET');
    expect(must(await read(login)).session).toEqual(before);
    expect(await countersOf(user)).toEqual({});
    await mend();
    expect((await send('PATCH', `/v2beta/sessions/${login.sessionId}`, request)).status).toBe(200);
    expect(await countersOf(user)).toEqual({ [id]: 5 });
  });

  it('while those of a challenge are loaded likewise', async () => {
    const { user } = await newPasskeyUser();
    const login = await newSession(user);
    const mend = await cutOff(user);
    const path = `/v2beta/sessions/${login.sessionId}`;
    expect(await send('PATCH', path, body(login, challenge))).toMatchObject({ status: 503, body: { code: 14 } });
    await mend();
    expect((await send('PATCH', path, body(login, challenge))).status).toBe(200);
  });

  it('while the user of an assertion is looked up likewise, and nobody was admitted', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession());
    const request = body(login, check(await passkey.get(options.challenge)));
    const path = `/v2beta/sessions/${login.sessionId}`;
    for (const sql of [/FROM credential/, /FROM user/]) {
      expect(await send('PATCH', path, request, failingAt(sql))).toMatchObject({ status: 503, body: { code: 14 } });
      expect(await rowsOf(user, 'admission')).toEqual([]);
    }
    expect((await send('PATCH', path, request)).status).toBe(200);
  });

  it('does not matter to a check of a user whose cell is warm', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    const request = body(login, check(await passkey.get(options.challenge)));
    expect((await send('PATCH', `/v2beta/sessions/${login.sessionId}`, request, failingAt(/./))).status).toBe(200);
  });

  it('while a registration is begun or finished is answered 503, and the same request then succeeds', async () => {
    const user = await newUser();
    const path = `/v2/users/${user.id}/passkeys`;
    expect(await send('POST', path, { domain: RP_ID }, failingAt(/INSERT INTO credential_registration/))).toMatchObject({ status: 503 });
    const begun = await send('POST', path, { domain: RP_ID });
    const passkey = await Passkey.for(user.id);
    const credential = await passkey.create(begun.body.publicKeyCredentialCreationOptions.publicKey.challenge);
    const request = { publicKeyCredential: credential, passkeyName: 'A key' };
    for (const sql of [/FROM credential_registration WHERE/, /INSERT INTO credential /])
      expect(await send('POST', `${path}/${begun.body.passkeyId}`, request, failingAt(sql))).toMatchObject({ status: 503, body: { code: 14 } });
    expect(refusal(await send('POST', `${path}/${begun.body.passkeyId}`, request))).toEqual([200, undefined]);
    expect(outcome((await answered(await newSession(user), passkey, { signCount: 1 })).result)).toBe('ok');
  });

  it('while a registration is begun by a code costs no code', async () => {
    const user = await newUser();
    const path = `/v2/users/${user.id}/passkeys`;
    const { body: link } = await send('POST', `${path}/registration_link`, { returnCode: {} });
    const request = { domain: RP_ID, code: link.code };
    expect(await send('POST', path, request, failingAt(/INSERT INTO credential_registration/))).toMatchObject({ status: 503, body: { code: 14 } });
    expect((await send('POST', path, request)).status).toBe(200);
    expect(refusal(await send('POST', path, request))).toEqual([400, 'COMMAND-Eeb2a']);
  });

  it('while a credential is removed is answered 503; until it is removed, it signs in', async () => {
    const { user, id, passkey } = await newPasskeyUser();
    const path = `/v2/users/${user.id}/passkeys/${id}`;
    expect(await send('DELETE', path, undefined, failingAt(/DELETE FROM credential/))).toMatchObject({ status: 503, body: { code: 14 } });
    const { login, options } = await challenged(await newSession(user));
    expect(outcome(await patch(login, giving(await passkey.get(options.challenge), { password: { password: PASSWORD } })))).toBe('ok');
    expect((await send('DELETE', path)).status).toBe(200);
    expect(refusal(await send('DELETE', path))).toEqual([404, 'COMMAND-DAfb2']);
    expect(outcome(await patch(await newSession(user), asking()))).toBe('WEBAU-4G8sw');
  });
});
