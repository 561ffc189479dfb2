import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, describe, expect, it } from 'vitest';
import type { SessionCell } from '../../src/cells/session-cell.ts';
import { cellOfSession } from '../../src/cells/session-id.ts';
import { registerTotp, verifyTotp } from '../../src/directory/totp.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { sealSeed } from '../../src/login-step/totp-seed.ts';
import { COUNTED } from '../bench/price.ts';
import { authenticator } from '../support/authenticator.ts';
import { type Bill, bill, billed, billOf, closeBill, FREE } from './bill.ts';
import { newOtpUser } from './otp-user.ts';
import { newPasskeyUser, ORIGIN, RP_ID } from './passkey-user.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { cells, config, newSession, newUser, PASSWORD } from './world.ts';

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const operator = `Bearer ${env.ADMIN_TOKEN}`;

/** A request through the whole Worker, which is to succeed. */
async function send(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const context = createExecutionContext();
  const init = { method, headers: { authorization: operator, ...headers }, ...(body && { body: JSON.stringify(body) }) };
  const response = await app.fetch(new Request(`http://sallyport.test${path}`, init), billed, context);
  await waitOnExecutionContext(context);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they know
  const answer = await response.json<any>();
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** A session in a cell of its own, which is on the bill as its user's cell is; both have nothing left to do, and the latter is warm. */
async function aSession(user?: User, { begun = true } = {}) {
  const login = await newSession(begun ? user : undefined);
  const stub = env.SESSIONS.getByName(login.sessionCell);
  await bill(stub, ...(user ? [env.USERS.getByName(user.cell)] : []));
  if (user) await cells.user(user.cell).load(user.id);
  let { token } = login;
  const patch = async (body: object, headers?: Record<string, string>) => {
    const answer = await send('PATCH', `/v2/sessions/${login.sessionId}`, { sessionToken: token, ...body }, headers);
    token = answer.sessionToken;
    return answer;
  };
  const read = (headers?: Record<string, string>) => send('GET', `/v2/sessions/${login.sessionId}?sessionToken=${token}`, undefined, headers);
  return {
    stub,
    patch,
    bearer: () => ({ authorization: `Bearer ${token}` }),
    costOf: (body: object, headers?: Record<string, string>) => billOf(() => patch(body, headers)),
    costOfReading: (headers?: Record<string, string>) => billOf(() => read(headers)),
  };
}

const note = (value: string) => ({ metadata: { note: btoa(value) } });
const named = ({ id }: User) => ({ checks: { user: { userId: id } } });
const password = { checks: { password: { password: PASSWORD } } };
/** What is billed; rows read cost a thousandth of rows written. */
const paid = ({ rowsRead: _, ...rest }: Bill): Omit<Bill, 'rowsRead'> => rest;
const costs = (some: Partial<Bill>) => paid({ ...FREE, ...some });
const CHECKED = ['peek', 'reserve', 'settle', 'commit'];

/** Holds a bill against what the price list reckons with. */
function reckoned(name: keyof typeof COUNTED, bill: Bill): Bill {
  const { hops, sessionRows, userRows, alarms, indexRows } = bill;
  expect({ hops: hops.length, rows: sessionRows + userRows + alarms + indexRows }).toEqual({ hops: COUNTED[name].hops, rows: COUNTED[name].rows });
  return bill;
}

afterAll(closeBill);

describe('what a request costs, counted:', () => {
  it('a PATCH with metadata is one hop, one row, no query and no alarm', async () => {
    const session = await aSession();
    expect(paid(await session.costOf(note('a')))).toEqual(costs({ hops: ['commit'], sessionRows: 1, commits: 1 }));
  });

  it('five hundred of them are at most 1.1 rows each, and the last looks at no more rows than the first', async () => {
    const session = await aSession();
    const first = await session.costOf(note('first'));
    const many = await billOf(async () => {
      for (let n = 0; n < 500; n += 1) await session.patch(note(String(n)));
    });
    expect(many.commits).toBe(500);
    expect(many.sessionRows / 500).toBeCloseTo(COUNTED['PATCH metadata'].rows, 2);
    expect(many.sessionRows).toBeLessThanOrEqual(550);
    expect(costs({ ...many, sessionRows: 0, hops: [], commits: 0 })).toEqual(costs({}));
    expect((await session.costOf(note('last'))).rowsRead).toBe(first.rowsRead);
  });

  it('a PATCH looks at no more rows for other sessions in its cell', async () => {
    const session = await aSession();
    const before = await session.costOf(note('before'));
    await runInDurableObject(session.stub, (_, { storage }) => {
      const others = `WITH RECURSIVE other(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM other WHERE n < 2000)
        INSERT INTO session (key, due, id, content) SELECT n, 9e15, 'other' || n, '{}' FROM other`;
      storage.sql.exec(others);
    });
    expect(await session.costOf(note('after'))).toEqual(before);
  });

  it('a PATCH with a lifetime is one hop, one row, and an alarm that others share', async () => {
    const session = await aSession();
    const first = await session.costOf({ lifetime: '60s' });
    expect(paid(first)).toEqual(costs({ hops: ['commit'], sessionRows: 1, commits: 1, alarms: 1 }));
    expect(paid(reckoned('PATCH lifetime', await session.costOf({ lifetime: '61s' })))).toEqual(
      costs({ hops: ['commit'], sessionRows: 1, commits: 1 }),
    );
  });

  it('an Idempotency-Key is no hop and no row, and an alarm that others share', async () => {
    const session = await aSession();
    expect(paid(await session.costOf(note('a'), { 'idempotency-key': 'one' }))).toEqual(
      costs({ hops: ['commit'], sessionRows: 1, commits: 1, alarms: 1 }),
    );
    expect(paid(await session.costOf(note('b'), { 'idempotency-key': 'two' }))).toEqual(costs({ hops: ['commit'], sessionRows: 1, commits: 1 }));
  });

  it('creating a session is one hop, one row and a shared alarm; the first in its cell enters the cell in the register', async () => {
    const create = () => send('POST', '/v2/sessions', {});
    const { sessionId } = await create();
    const cell = (await cellOfSession(sessionId, config.sessionIdKeys)) ?? '';
    await bill(...Array.from({ length: config.sessionCells }, (_, n) => env.SESSIONS.getByName(cell.replace(/\d+$/, String(n)))));
    for (let n = 0; n < 100; n += 1) await create();
    expect(paid(reckoned('Create', await billOf(create)))).toEqual(costs({ hops: ['create'], sessionRows: 1, commits: 1 }));
  });

  it('reading a session is one hop, and nothing else', async () => {
    const session = await aSession();
    expect(paid(reckoned('Get', await session.costOfReading()))).toEqual(costs({ hops: ['read'] }));
  });

  it('a check of the user is three hops, one query of one row, one row and a shared alarm; the first in a cell is a row in the user cell too', async () => {
    const user = await newUser();
    const session = await aSession(user, { begun: false });
    const hops = ['peek', 'admit', 'commit'];
    const first = await session.costOf(named(user));
    expect(paid(first)).toEqual(costs({ hops, sessionRows: 1, userRows: 2, commits: 2, queries: 1, queriedRows: 1, alarms: 2 }));
    expect(paid(reckoned('PATCH user check', await session.costOf(named(user))))).toEqual(
      costs({ hops, sessionRows: 1, commits: 1, queries: 1, queriedRows: 1 }),
    );
  });

  it('a check of the password is four hops and one row, and no query where the user cell is warm', async () => {
    const user = await newUser();
    const session = await aSession(user);
    expect(paid(reckoned('PATCH password', await session.costOf(password)))).toEqual(costs({ hops: CHECKED, sessionRows: 1, commits: 1 }));
  });

  it('opening an e-mail code is three hops and one row where it is handed back, and its check is four hops and one row', async () => {
    const user = await newOtpUser();
    const session = await aSession(user);
    let code = '';
    const opened = await billOf(async () => {
      code = (await session.patch({ challenges: { otpEmail: { returnCode: {} } } })).challenges.otpEmail;
    });
    expect(paid(opened)).toEqual(costs({ hops: ['peek', 'permitChallenge', 'commit'], sessionRows: 1, commits: 1 }));
    expect(paid(reckoned('PATCH OTP', await session.costOf({ checks: { otpEmail: { code } } })))).toEqual(
      costs({ hops: CHECKED, sessionRows: 1, commits: 1 }),
    );
  });

  it('a TOTP is four hops and one row in each cell', async () => {
    const user = await newUser();
    const seed = await sealSeed(config.sealKeys, user.id, SECRET);
    await registerTotp(env.DB, user.id, seed, Date.now());
    await verifyTotp(env.DB, user.id, seed, Date.now());
    const session = await aSession(user);
    const bill = await session.costOf({ checks: { totp: { code: authenticator(SECRET).code() } } });
    expect(paid(reckoned('PATCH TOTP', bill))).toEqual(costs({ hops: CHECKED, sessionRows: 1, userRows: 1, commits: 2 }));
  });

  it('a recovery code is four hops and one row in each cell', async () => {
    const user = await newUser();
    const [code] = await newRecoveryCodes(user, 2);
    const session = await aSession(user);
    expect(paid(await session.costOf({ checks: { recoveryCode: { code } } }))).toEqual(
      costs({ hops: CHECKED, sessionRows: 1, userRows: 1, commits: 2 }),
    );
  });

  it('opening a passkey challenge is three hops and one row, and its answer is four hops and one row in each cell', async () => {
    const { user, passkey } = await newPasskeyUser();
    const session = await aSession(user);
    const asked = { challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 'USER_VERIFICATION_REQUIREMENT_REQUIRED' } } };
    let challenge = '';
    const opened = await billOf(async () => {
      challenge = (await session.patch(asked)).challenges.webAuthN.publicKeyCredentialRequestOptions.publicKey.challenge;
    });
    expect(paid(opened)).toEqual(costs({ hops: ['peek', 'permitChallenge', 'commit'], sessionRows: 1, commits: 1 }));
    const { id, ...response } = await passkey.get(challenge, { signCount: 7, clientData: { origin: ORIGIN } });
    const credentialAssertionData = { id, rawId: id, type: 'public-key', response };
    const answered = await session.costOf({ checks: { webAuthN: { credentialAssertionData } } });
    expect(paid(reckoned('PATCH passkey', answered))).toEqual(costs({ hops: CHECKED, sessionRows: 1, userRows: 1, commits: 2 }));
  });

  it('a caller who was seen a moment ago is free: the operator, and a personal access token', async () => {
    const session = await aSession();
    const { id } = await send('POST', '/v2/users/new', { organizationId: (await newUser()).organizationId, machine: { name: 'CI' } });
    const { token } = await send('POST', `/v2/users/${id}/pats`, { expirationDate: new Date(Date.now() + 3_600_000).toISOString() });
    const bearer = { authorization: `Bearer ${token}` };
    expect((await session.costOfReading(bearer)).queries).toBeGreaterThan(0);
    expect(paid(await session.costOfReading(bearer))).toEqual(costs({ hops: ['read'] }));
  });

  it('a session token as bearer is one hop', async () => {
    const user = await newUser();
    const session = await aSession(user);
    await session.patch(password);
    await session.costOfReading(session.bearer());
    expect(paid(await session.costOfReading(session.bearer()))).toEqual(costs({ hops: ['authenticate', 'read'] }));
  });

  it('a login is three rows in the index at most, written together a second later', async () => {
    const user = await newUser();
    const session = await aSession(user, { begun: false });
    const login = await billOf(async () => {
      await session.patch(named(user));
      await session.patch(password);
    });
    expect([login.indexRows, login.sessionRows]).toEqual([0, 2]);
    const told = await billOf(() => runInDurableObject(session.stub, (cell: SessionCell) => cell.alarm()));
    expect(told.indexRows).toBeGreaterThan(0);
    expect(told.indexRows).toBeLessThanOrEqual(3);
    // It was set once before.
    reckoned('index', { ...told, hops: ['alarm'], alarms: told.alarms + 1 });
  });
});
