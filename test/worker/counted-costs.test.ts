import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { SessionCell } from '../../src/cells/session-cell.ts';
import { cellOfSession } from '../../src/cells/session-id.ts';
import { GRACE_MS } from '../../src/core/session/policy.ts';
import { COUNTED, LOGIN } from '../bench/price.ts';
import { authenticator } from '../support/authenticator.ts';
import { type Bill, bill, billed, billOf, closeBill } from './bill.ts';
import { aSession, aTotpUser, CHECKED, costs, named, note, paid, password, SECRET, send } from './billed-session.ts';
import { returnedUser } from './idp-user.ts';
import { newOtpUser, otherThan } from './otp-user.ts';
import { newPasskeyUser, ORIGIN, RP_ID } from './passkey-user.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { newCell, sessionIn } from './sessions-world.ts';
import { cells, config, newSession, newUser } from './world.ts';

/** Holds a bill against what the price list reckons with. */
function reckoned(name: keyof typeof COUNTED, bill: Bill): Bill {
  const { hops, rows } = COUNTED[name];
  expect({ hops: bill.hops.length, rows: rowsOf(bill) }).toEqual({ hops, rows });
  return bill;
}

const rowsOf = ({ sessionRows, userRows, alarms, directoryRows }: Bill): number => sessionRows + userRows + alarms + directoryRows;

const ring = (stub: DurableObjectStub) => runInDurableObject(stub, (cell: SessionCell) => cell.alarm());
const messagesIn = (stub: DurableObjectStub) =>
  runInDurableObject(stub, (_, { storage }) => storage.sql.exec('SELECT id FROM outbox').toArray().length);
const keyed = (key: string) => ({ 'idempotency-key': key });

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});
afterAll(closeBill);

describe('the bill', () => {
  it('says of calls, rows, keys, alarms, queries and requests to elsewhere as many as there were', async () => {
    await newUser();
    const { stub, sessionCell } = await aSession();
    const inside = (work: (storage: DurableObjectStorage) => void) => runInDurableObject(stub, (_, { storage }) => work(storage));
    await inside(({ sql }) => void sql.exec('CREATE TABLE counted (a, b); CREATE INDEX counted_by_b ON counted (b)'));
    const written = await billOf(() =>
      inside((storage) => {
        storage.sql.exec('INSERT INTO counted VALUES (1, 1), (2, 2), (3, 3)');
        storage.transactionSync(() => storage.sql.exec('UPDATE counted SET a = 4 WHERE b = 1'));
        storage.kv.put('counted', 1);
        void storage.setAlarm(Date.now());
      }),
    );
    expect(written).toMatchObject({ sessionRows: 3 + 3 + 1 + 1, alarms: 1, userRows: 0 });
    expect((await billOf(() => inside(({ sql }) => void sql.exec('SELECT * FROM counted').toArray()))).rowsRead).toBe(3);
    vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response());
    const asked = await billOf(async () => {
      const { DB, SESSIONS } = billed;
      const one = DB.prepare('SELECT name FROM organization WHERE id = ?').bind('org');
      await DB.batch([one, one]);
      for (const verb of ['all', 'run', 'first', 'raw'] as const) await one[verb as 'all']();
      await DB.prepare('UPDATE organization SET change_date = 0 WHERE id = ?').bind('org').run();
      await (SESSIONS.getByName(sessionCell) as unknown as SessionCell).kept([]);
      await fetch('https://elsewhere.example');
    });
    await fetch('https://elsewhere.example');
    expect(paid(asked)).toEqual(costs({ hops: ['session.kept'], queries: 7, queriedRows: 7, directoryRows: 1, fetches: 1 }));
  });

  it('is longer by a row for an index more in the session’s table', async () => {
    const session = await aSession();
    await runInDurableObject(session.stub, (_, { storage }) => void storage.sql.exec('CREATE INDEX counted_by_due ON session (due)'));
    expect((await session.costOf(note('a'))).sessionRows).toBeGreaterThan(1);
  });
});

describe('what a PATCH costs, counted:', () => {
  it('with metadata it is one hop, one row, no query and no alarm', async () => {
    const session = await aSession();
    expect(paid(await session.costOf(note('a')))).toEqual(costs({ hops: ['session.commit'], sessionRows: 1, commits: 1 }));
  });

  it('with metadata that change nothing it is one hop', async () => {
    const session = await aSession();
    await session.patch(note('a'));
    expect(paid(await session.costOf(note('a')))).toEqual(costs({ hops: ['session.commit'] }));
  });

  it('with a lifetime it is one hop, one row, and an alarm that others share', async () => {
    const session = await aSession();
    const first = await session.costOf({ lifetime: '60s' });
    expect(paid(first)).toEqual(costs({ hops: ['session.commit'], sessionRows: 1, commits: 1, alarms: 1 }));
    expect(paid(reckoned('PATCH lifetime', await session.costOf({ lifetime: '61s' })))).toEqual(
      costs({ hops: ['session.commit'], sessionRows: 1, commits: 1 }),
    );
  });

  it('with an Idempotency-Key it is no hop and no row more, and an alarm that others share; its repeat is one hop', async () => {
    const session = await aSession();
    const [first, { token }] = [await session.costOf(note('a'), keyed('one')), session];
    expect(paid(first)).toEqual(costs({ hops: ['session.commit'], sessionRows: 1, commits: 1, alarms: 1 }));
    expect(paid(await session.costOf(note('b'), keyed('two')))).toEqual(costs({ hops: ['session.commit'], sessionRows: 1, commits: 1 }));
    const again = { sessionToken: token, ...note('a') };
    const repeat = await billOf(() => send('PATCH', `/v2/sessions/${session.sessionId}`, again, keyed('one')));
    expect(paid(repeat)).toEqual(costs({ hops: ['session.commit'] }));
  });

  it('with a password and an Idempotency-Key it is no hop and no row more either', async () => {
    const session = await aSession(await newUser());
    await session.patch(note('a'), keyed('the-alarm-stands'));
    expect(paid(await session.costOf(password, keyed('one')))).toEqual(costs({ hops: CHECKED, sessionRows: 1, commits: 1 }));
  });

  it('with a user it is three hops, one query of one row, one row and a shared alarm; the first in a cell is a row in the user’s cell too', async () => {
    const user = await newUser();
    const session = await aSession(user, { begun: false });
    const first = await session.costOf(named(user));
    // The user's cell is new: the other row is its name, until the alarm has entered it in the register.
    const birth = { userRows: 2, commits: 2, alarms: 2 };
    const checked = { hops: ['session.peek', 'user.admit', 'session.commit'], sessionRows: 1, queries: 1, queriedRows: 1 };
    expect({ ...paid(first), hops: first.hops.toSorted() }).toEqual(costs({ ...checked, hops: checked.hops.toSorted(), ...birth }));
    const { username: loginName } = user;
    for (const again of [named(user), { checks: { user: { loginName } } }])
      expect(paid(reckoned('PATCH user check', await session.costOf(again)))).toEqual(costs({ ...checked, commits: 1 }));
  });

  it('with a user in a further cell of sessions it is the one row of the admission in the user’s cell', async () => {
    const user = await newUser();
    await (await aSession(user)).patch(named(user));
    const elsewhere = await aSession(user, { begun: false });
    expect((await elsewhere.costOf(named(user))).userRows).toBe(1);
    expect((await elsewhere.costOf(named(user))).userRows).toBe(0);
  });

  it('with a password it is four hops and one row, and no query where the user’s cell is warm', async () => {
    const session = await aSession(await newUser());
    expect(paid(reckoned('PATCH password', await session.costOf(password)))).toEqual(costs({ hops: CHECKED, sessionRows: 1, commits: 1 }));
  });

  it('with a password it is two hops and one query more where the user’s cell is cold', async () => {
    const user = await newUser();
    const session = await aSession(user);
    await cells.user(user.cell).forget(user.id);
    const cold = await session.costOf(password);
    expect(cold.hops).toEqual(['session.peek', 'user.reserve', 'user.load', 'user.reserve', 'user.settle', 'session.commit']);
    expect(cold).toMatchObject({ sessionRows: 1, userRows: 0, commits: 1, queries: 1 });
  });

  it('with a wrong password it is three hops and one row, the user’s; the right one after it is a hop and a row more', async () => {
    const session = await aSession(await newUser());
    const refused = await billOf(() => expect(session.patch({ checks: { password: { password: 'wrong' } } })).rejects.toThrow('COMMAND-3M0fs'));
    expect(paid(refused)).toEqual(costs({ hops: CHECKED.slice(0, 3), userRows: 1, commits: 1 }));
    const right = costs({ hops: [...CHECKED, 'user.resetFailures'], sessionRows: 1, userRows: 1, commits: 2 });
    expect(paid(await session.costOf(password))).toEqual(right);
    expect(paid(await session.costOf(password))).toEqual(costs({ hops: CHECKED, sessionRows: 1, commits: 1 }));
  });

  it('with a wrong password costs what one of an unknown user costs: four hops, one query and one row', async () => {
    const [user, session] = [await newUser(), await aSession()];
    await bill(env.USERS.getByName(user.cell), env.USERS.getByName(session.sessionCell.replace(/^sessions:(\w+):(\d+)$/, 'users:$1:nobody$2')));
    const wrong = { password: { password: 'wrong' } };
    const guess = (name: object, told: string) => billOf(() => expect(session.patch({ checks: { user: name, ...wrong } })).rejects.toThrow(told));
    const guessKnown = () => guess({ userId: user.id }, 'COMMAND-3M0fs');
    await guessKnown();
    const [known, unknown] = [await guessKnown(), await guess({ loginName: 'nobody' }, 'QUERY-Dfbg2')];
    expect(paid(known)).toEqual(
      costs({ hops: ['session.peek', 'user.admit', ...CHECKED.slice(1, 3)], queries: 1, queriedRows: 1, userRows: 1, commits: 1 }),
    );
    const { queriedRows: _, hops, ...rest } = paid(unknown);
    expect({ ...rest, hops: hops.length }).toEqual({ ...paid(known), queriedRows: undefined, hops: known.hops.length });
  });

  it('with a user and a password it is five hops, one query and one row', async () => {
    const user = await newUser();
    const session = await aSession(user);
    const both = await session.costOf({ checks: { ...named(user).checks, ...password.checks } });
    expect(both.hops).toHaveLength(5);
    expect(paid({ ...both, hops: [] })).toEqual(costs({ sessionRows: 1, commits: 1, queries: 1, queriedRows: 1, alarms: 1 }));
  });

  it('with a TOTP it is four hops and one row in each cell', async () => {
    const session = await aSession(await aTotpUser());
    const bill = await session.costOf({ checks: { totp: { code: authenticator(SECRET).code() } } });
    expect(paid(reckoned('PATCH TOTP', bill))).toEqual(costs({ hops: CHECKED, sessionRows: 1, userRows: 1, commits: 2 }));
  });

  it('with a recovery code it is four hops and one row in each cell', async () => {
    const user = await newUser();
    const [code] = await newRecoveryCodes(user, 2);
    const session = await aSession(user);
    expect(paid(await session.costOf({ checks: { recoveryCode: { code } } }))).toEqual(
      costs({ hops: CHECKED, sessionRows: 1, userRows: 1, commits: 2 }),
    );
  });

  it('with an intent it is four hops, one row in each cell, and two queries, of which one writes', async () => {
    const { user, intent } = await returnedUser();
    const session = await aSession(user);
    const { hops, ...rest } = paid(await session.costOf({ checks: { idpIntent: { idpIntentId: intent.intentId, idpIntentToken: intent.token } } }));
    expect(hops).toEqual(CHECKED);
    expect(rest).toMatchObject({ sessionRows: 1, userRows: 1, commits: 2, queries: 2, directoryRows: 1, alarms: 0 });
  });

  for (const method of ['otpEmail', 'otpSms'] as const) {
    it(`that asks for a code (${method}) is three hops and one row where it is handed back, and its check is four hops and one row`, async () => {
      const session = await aSession(await newOtpUser());
      let code = '';
      const opened = await billOf(async () => {
        code = (await session.patch({ challenges: { [method]: { returnCode: method === 'otpEmail' ? {} : true } } })).challenges[method];
      });
      expect(paid(opened)).toEqual(costs({ hops: ['session.peek', 'user.permitChallenge', 'session.commit'], sessionRows: 1, commits: 1 }));
      expect(paid(reckoned('PATCH OTP', await session.costOf({ checks: { [method]: { code } } })))).toEqual(
        costs({ hops: CHECKED, sessionRows: 1, commits: 1 }),
      );
    });
  }

  it('with a wrong code it is three hops and two rows, the user’s: a failure, and a guess at this code', async () => {
    const session = await aSession(await newOtpUser());
    const { challenges } = await session.patch({ challenges: { otpEmail: { returnCode: {} } } });
    const wrong = { checks: { otpEmail: { code: otherThan(challenges.otpEmail) } } };
    const refused = await billOf(() => expect(session.patch(wrong)).rejects.toThrow('CODE-woT0xc'));
    expect(paid(refused)).toEqual(costs({ hops: CHECKED.slice(0, 3), userRows: 2, commits: 1, alarms: 1 }));
  });

  it('that has a code sent is two rows in the session’s cell and one in the user’s, and two once it is sent', async () => {
    const session = await aSession(await newOtpUser());
    await runInDurableObject(session.stub, (cell: SessionCell) => {
      const { env: bindings } = cell as unknown as { env: object };
      const mail = { EMAIL_PROVIDER: 'http', EMAIL_HTTP_URL: 'https://mail.example', EMAIL_HTTP_SIGNING_KEY: 'a signing key of this test' };
      Object.assign(cell, { env: { ...bindings, ...mail } });
    });
    let delivered = false;
    const post = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => {
      for (let waits = 0; !delivered && waits < 1000; waits += 1) await scheduler.wait(5);
      return new Response();
    });
    const opened = await billOf(async () => {
      await session.patch({ challenges: { otpEmail: { sendCode: {} } } });
      await vi.waitFor(() => expect(post).toHaveBeenCalled(), 30_000);
    });
    const sent = await billOf(async () => {
      delivered = true;
      await vi.waitFor(async () => expect(await messagesIn(session.stub)).toBe(0), 30_000);
    });
    const hops = ['session.peek', 'user.permitChallenge', 'session.commit'];
    expect(paid(opened)).toEqual(costs({ hops, sessionRows: 2, userRows: 1, commits: 2, alarms: 2, fetches: 1 }));
    expect(paid(sent)).toEqual(costs({ sessionRows: 2 }));
  });

  it('that asks for a passkey is three hops and one row, and its answer is four hops and one row in each cell', async () => {
    const { user, passkey } = await newPasskeyUser();
    const session = await aSession(user);
    const asked = { challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 'USER_VERIFICATION_REQUIREMENT_REQUIRED' } } };
    let challenge = '';
    const opened = await billOf(async () => {
      challenge = (await session.patch(asked)).challenges.webAuthN.publicKeyCredentialRequestOptions.publicKey.challenge;
    });
    expect(paid(opened)).toEqual(costs({ hops: ['session.peek', 'user.permitChallenge', 'session.commit'], sessionRows: 1, commits: 1 }));
    const { id, ...response } = await passkey.get(challenge, { signCount: 7, clientData: { origin: ORIGIN } });
    const credentialAssertionData = { id, rawId: id, type: 'public-key', response };
    const answered = await session.costOf({ checks: { webAuthN: { credentialAssertionData } } });
    expect(paid(reckoned('PATCH passkey', answered))).toEqual(costs({ hops: CHECKED, sessionRows: 1, userRows: 1, commits: 2 }));
  });

  it('with a token that is no longer current it is one hop', async () => {
    const session = await aSession();
    const late = { sessionToken: session.token, ...note('late') };
    await session.patch(note('a'));
    const refused = await billOf(() => expect(send('PATCH', `/v2/sessions/${session.sessionId}`, late)).rejects.toThrow('COMMAND-sGr42'));
    expect(paid(refused)).toEqual(costs({ hops: ['session.commit'] }));
  });

  it('of a session that we never issued it is nothing', async () => {
    const refused = await billOf(() => expect(send('PATCH', '/v2/sessions/nobodys', note('a'))).rejects.toThrow('404'));
    expect(paid(refused)).toEqual(costs({}));
  });
});

describe('what other requests cost, counted:', () => {
  /** All the cells where the operator's next sessions may be, on the bill. */
  async function cellsOnTheBill(): Promise<void> {
    const { sessionId } = await send('POST', '/v2/sessions', {});
    const cell = (await cellOfSession(sessionId, config.sessionIdKeys)) ?? '';
    await bill(...Array.from({ length: config.sessionCells }, (_, n) => env.SESSIONS.getByName(cell.replace(/\d+$/, String(n)))));
    for (let n = 0; n < 100; n += 1) await send('POST', '/v2/sessions', {});
  }

  it('a Create is one hop, one row and a shared alarm, with an Idempotency-Key too', async () => {
    await cellsOnTheBill();
    const create = (headers?: Record<string, string>) => billOf(() => send('POST', '/v2/sessions', {}, headers));
    expect(paid(reckoned('Create', await create()))).toEqual(costs({ hops: ['session.create'], sessionRows: 1, commits: 1 }));
    expect(paid(await create(keyed('one')))).toEqual(costs({ hops: ['session.create'], sessionRows: 1, commits: 1 }));
    expect(paid(await create(keyed('one')))).toEqual(costs({ hops: ['session.create'] }));
  });

  it('a Create with a user and a password is four hops, one query and one row', async () => {
    await cellsOnTheBill();
    const user = await newUser();
    await aSession(user);
    const { hops, userRows, ...rest } = await billOf(() => send('POST', '/v2/sessions', { checks: { ...named(user).checks, ...password.checks } }));
    expect(hops).toEqual(['user.admit', 'user.reserve', 'user.settle', 'session.create']);
    expect(userRows).toBe(1);
    expect(rest).toMatchObject({ sessionRows: 1, commits: 2, queries: 1, queriedRows: 1, alarms: 0 });
  });

  it('the first Create in a cell is one row more, the cell’s name, and the alarm that enters it in the register', async () => {
    const cell = newCell();
    await bill(env.SESSIONS.getByName(cell));
    expect(paid(await billOf(() => sessionIn(cell)))).toEqual(costs({ sessionRows: 2, commits: 1, alarms: 1 }));
    expect(paid(await billOf(() => sessionIn(cell)))).toEqual(costs({ sessionRows: 1, commits: 1 }));
  });

  it('a Get is one hop, and nothing else', async () => {
    const session = await aSession();
    expect(paid(reckoned('Get', await session.costOfReading()))).toEqual(costs({ hops: ['session.read'] }));
  });

  it('a Delete is one hop, one row and a shared alarm', async () => {
    const session = await aSession();
    expect(paid(await session.costOfEnding())).toEqual(costs({ hops: ['session.terminate'], sessionRows: 1, commits: 1, alarms: 1 }));
  });

  it('a search is two queries, and one hop for each cell of what it finds', async () => {
    const user = await newUser();
    const sessions = [await aSession(user), await aSession(user)];
    const search = { queries: [{ userIdQuery: { id: user.id } }] };
    const found = await billOf(async () => expect((await send('POST', '/v2/sessions/search', search)).sessions).toHaveLength(sessions.length));
    expect(paid({ ...found, queriedRows: 0 })).toEqual(costs({ hops: ['session.readMany', 'session.readMany'], queries: 2 }));
    expect(found.queriedRows).toBeLessThan(20);
  });
});

describe('what finding out who calls costs, counted:', () => {
  it('nothing for the operator and the login client', async () => {
    const session = await aSession();
    for (const token of [env.ADMIN_TOKEN, env.LOGIN_CLIENT_TOKEN])
      expect(paid(await session.costOfReading({ authorization: `Bearer ${token}` }))).toEqual(costs({ hops: ['session.read'] }));
  });

  it('one query for a personal access token, and nothing for one that was seen a moment ago', async () => {
    const session = await aSession();
    const { id } = await send('POST', '/v2/users/new', { organizationId: (await newUser()).organizationId, machine: { name: 'CI' } });
    const { token } = await send('POST', `/v2/users/${id}/pats`, { expirationDate: new Date(Date.now() + 3_600_000).toISOString() });
    const bearer = { authorization: `Bearer ${token}` };
    expect(await session.costOfReading(bearer)).toMatchObject({ hops: ['session.read'], queries: 1, directoryRows: 0 });
    expect(paid(await session.costOfReading(bearer))).toEqual(costs({ hops: ['session.read'] }));
  });

  it('one request to its issuer for a JWT, and nothing for one that was seen a moment ago, nor for another under the same keys', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'a' };
    vi.spyOn(globalThis, 'fetch').mockImplementation(async () => Response.json({ keys: [jwk] }));
    const issuer = { issuer: 'https://id.example', audience: 'sallyport', jwksUrl: 'https://id.example/keys' };
    const bindings = { ...billed, JWT_ISSUERS: [issuer] } as typeof billed;
    const tokenOf = (sub: string) =>
      new SignJWT({ iss: issuer.issuer, aud: issuer.audience, sub })
        .setProtectedHeader({ alg: 'ES256', kid: 'a' })
        .setExpirationTime('1h')
        .sign(privateKey);
    const [session, one, other] = [await aSession(), await tokenOf('one'), await tokenOf('other')];
    const read = async (token: string) => paid(await session.costOfReading({ authorization: `Bearer ${token}` }, bindings));
    expect(await read(one)).toEqual(costs({ hops: ['session.read'], fetches: 1 }));
    const verified = vi.spyOn(crypto.subtle, 'verify');
    expect(await read(one)).toEqual(costs({ hops: ['session.read'] }));
    expect(verified).not.toHaveBeenCalled();
    expect(await read(other)).toEqual(costs({ hops: ['session.read'] }));
    expect(verified).toHaveBeenCalledOnce();
  });

  it('one hop for a session’s token', async () => {
    const session = await aSession(await newUser());
    await session.patch(password);
    await session.costOfReading(session.bearer());
    expect(paid(await session.costOfReading(session.bearer()))).toEqual(costs({ hops: ['session.authenticate', 'session.read'] }));
  });
});

describe('what the index costs, counted:', () => {
  /** A session in a cell that holds nothing else, told by nobody yet. */
  async function untold() {
    const [user, cell] = [await newUser(), newCell()];
    const stub = env.SESSIONS.getByName(cell);
    await bill(stub, env.USERS.getByName(user.cell));
    const { sessionId } = await sessionIn(cell);
    return { user, cell, stub, sessionId, patch: (body: object) => send('PATCH', `/v2/sessions/${sessionId}`, body) };
  }

  it('a whole login is one statement and three rows, a second later: the entry, and one in each of its two indices', async () => {
    const { user, stub, patch } = await untold();
    const login = await billOf(async () => {
      await patch(named(user));
      await patch(password);
    });
    expect(login.directoryRows).toBe(0);
    expect(await billOf(() => ring(stub))).toMatchObject({ queries: 1, directoryRows: 3 });
  });

  it('a change of an entry that was told before is two rows', async () => {
    const { user, stub, patch } = await untold();
    await ring(stub);
    for (const change of [named(user), { lifetime: '60s' }]) {
      await patch(change);
      const told = await billOf(() => ring(stub));
      expect(told).toMatchObject({ queries: 1, directoryRows: 2 });
      // The alarm was set once before.
      reckoned('index again', { ...told, hops: ['alarm'], alarms: told.alarms + 1 });
    }
  });

  for (const { pause, rows, parts } of [
    { pause: false, rows: 10, parts: LOGIN },
    { pause: true, rows: 15, parts: [...LOGIN, 'index again'] as const },
  ])
    it(`a login ${pause ? 'with a pause after Create' : 'within a second'} is ${rows} rows, all told`, async () => {
      const { user, cell, stub } = await untold();
      // Neither cell is new.
      await Promise.all([ring(stub), newSession(user)]);
      const login = await billOf(async () => {
        const { sessionId } = await sessionIn(cell);
        if (pause) await ring(stub);
        await send('PATCH', `/v2/sessions/${sessionId}`, named(user));
        await send('PATCH', `/v2/sessions/${sessionId}`, password);
        await ring(stub);
      });
      expect(rowsOf(login)).toBe(rows);
      expect(parts.reduce((sum, part) => sum + COUNTED[part].rows, 0)).toBe(rows);
    });

  it('the end of a session is two rows there, and its removal a row there and one in its cell', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { stub, sessionId } = await untold();
    await ring(stub);
    await send('DELETE', `/v2/sessions/${sessionId}`, {});
    expect(await billOf(() => ring(stub))).toMatchObject({ queries: 1, directoryRows: 2 });
    vi.setSystemTime(Date.now() + GRACE_MS + 10 * 60_000);
    const removed = await billOf(() => ring(stub));
    expect(paid({ ...removed, queriedRows: 0 })).toEqual(costs({ sessionRows: 1, queries: 1, directoryRows: 1 }));
  });

  it('what cannot be searched for is no row', async () => {
    const { stub, patch } = await untold();
    await ring(stub);
    await patch(note('a'));
    expect(await billOf(() => ring(stub))).toMatchObject({ queries: 0, directoryRows: 0 });
  });

  it('sessions of one second are told in one statement, by one alarm', async () => {
    const { cell, stub } = await untold();
    const created = await billOf(async () => {
      for (let n = 1; n < 50; n += 1) await sessionIn(cell);
    });
    expect(created).toMatchObject({ sessionRows: 49, alarms: 0, queries: 0 });
    expect(await billOf(() => ring(stub))).toMatchObject({ queries: 1, directoryRows: 150 });
  });
});
