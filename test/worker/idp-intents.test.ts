import { createExecutionContext, createScheduledController, evictAllDurableObjects, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Cells } from '../../src/cells/stubs.ts';
import type { UpdateSession } from '../../src/core/session/command.ts';
import { intentToken, openIntentToken, proofLabel } from '../../src/crypto/intent-token.ts';
import { keyRing } from '../../src/crypto/key-ring.ts';
import { unseal } from '../../src/crypto/sealed-box.ts';
import { newSecret } from '../../src/crypto/tokens.ts';
import { beginRegistration } from '../../src/directory/credentials.ts';
import { removeProvider, setProviderState } from '../../src/directory/identity-providers.ts';
import { claimIntent, consumeIntent, failIntent, findCheckedIntent, isFreshlyProved, succeedIntent } from '../../src/directory/intents.ts';
import { addLink, findLinkedUser, removeLink } from '../../src/directory/links.ts';
import { registerTotp, verifyTotp } from '../../src/directory/totp.ts';
import type { User } from '../../src/directory/users.ts';
import worker from '../../src/index.ts';
import { createSession } from '../../src/login-step/create-session.ts';
import { sealSeed } from '../../src/login-step/totp-seed.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import { authenticator } from '../support/authenticator.ts';
import {
  dbWith,
  failing,
  HOUR,
  type IntentRow,
  intentCheck,
  linkTo,
  MARKER,
  MINUTE,
  newProvider,
  once,
  type Returned,
  restore,
  returnedIntent,
  returnedUser,
  rowOf,
  send,
  spentIn,
  startedIntent,
} from './idp-user.ts';
import { httpPeer, scriptedPeer } from './post-office.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { cells, config, interposed, type Login, must, newSession, newUser, outcome, PASSWORD, patch, read, transit, walkWith } from './world.ts';

const USED = 'COMMAND-Df4bw';
const WINDOW_MS = 5 * MINUTE;

/** Stops the clock. @returns that moment */
function stopClock(): number {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now });
  return now;
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const check = async (login: Parameters<typeof patch>[0], intent: Returned, within: Partial<Walk> = {}) =>
  outcome(await patch(login, intentCheck(intent), within));
/** On a session of the user's of its own. */
const checkAnew = async (user: User, intent: Returned, within: Partial<Walk> = {}) => check(await newSession(user), intent, within);

const factorsOf = async (login: Login): Promise<string[]> => Object.keys(must(await read(login)).session.factors);
const rowThere = async ({ intentId }: Returned): Promise<IntentRow> => {
  const row = await rowOf(intentId);
  if (row === null) throw new Error('the intent is not there');
  return row;
};

const withoutToken = (login: Login) => ({ ...login, token: undefined });
const rival = (login: Login) => patch(withoutToken(login), { metadata: [['rival', 'MQ==']] });

/** Cells that fail ahead of `verb`: the walk ends there. */
const endingBefore = (verb: string): Cells =>
  interposed((called) => {
    if (called === verb) throw new Error('the walk ended');
  });

/** Cells that do something ahead of the first call of `verb`. */
const during = (verb: string, meanwhile: () => unknown): Cells => {
  const first = once(meanwhile);
  return interposed((called) => (called === verb ? first() : undefined));
};

describe('the token of an intent', () => {
  const [one, two] = ['MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=', 'MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI='];
  const ring = (list: string) => keyRing(list, 'SHA-512');

  it('opens its intent under the pepper that made it, for as long as that is listed', async () => {
    const id = newSecret();
    const token = await intentToken(ring(`1:${one}`), id);
    expect(await openIntentToken(ring(`1:${one}`), token)).toEqual({ intentId: id });
    expect(await openIntentToken(ring(`1:${one},2:${two}`), token)).toEqual({ intentId: id });
    expect(await openIntentToken(ring(`2:${two}`), token)).toBe('unknown');
    expect(await openIntentToken(ring(`1:${two}`), token)).toBe('unknown');
  });

  it('is made under the newest pepper, and is short enough to be given back', async () => {
    const token = await intentToken(ring(`1:${one},2:${two}`), newSecret());
    expect(await openIntentToken(ring(`2:${two}`), token)).toMatchObject({ intentId: expect.any(String) });
    expect(token.length).toBeLessThanOrEqual(200);
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it('is refused when one character of it is another, or when it is none', async () => {
    const peppers = ring(`1:${one}`);
    const token = await intentToken(peppers, newSecret());
    for (let at = 0; at < token.length - 1; at += 7) {
      const forged = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(await openIntentToken(peppers, forged), String(at)).toBe('unknown');
    }
    for (const text of ['', 'AAAA', 'MS4', toBase64Url('id 1.'), toBase64Url(' '), toBase64Url('id 9.x'), toBase64Url('id NaN')])
      expect(await openIntentToken(peppers, text), text).toBe('unknown');
    for (const text of ['!', 'a+b/', 'minnie.mouse', 'A']) expect(await openIntentToken(peppers, text), text).toBe('malformed');
  });

  it('is looked at before the intent: a wrong one says nothing of whether there is such an intent', async () => {
    const { user, intent } = await returnedUser();
    const other = await returnedIntent();
    const login = await newSession(user);
    const never = { ...intent, intentId: newSecret() };
    expect(await check(login, never)).toBe('CRYPTO-CRYPTO');
    expect(await check(login, { ...intent, token: other.token })).toBe('CRYPTO-CRYPTO');
    expect(await check(login, { ...intent, token: 'AAAA' })).toBe('CRYPTO-Sf4gt');
    expect(await check(login, { ...intent, token: 'a+b/' })).toBe('CRYPTO-Swg31');
    const db = dbWith({ read: { before: failing } });
    expect(await check(login, { ...intent, token: 'AAAA' }, { db })).toBe('CRYPTO-Sf4gt');
    expect(await check(login, intent)).toBe('ok');
  });
});

const toBase64Url = (text: string): string => btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

describe('an intent of a linked account', () => {
  it('checks its user in, once', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    expect(await check(login, intent)).toBe('ok');
    expect(await factorsOf(login)).toEqual(['idpIntent']);
    expect(await checkAnew(user, intent)).toBe(USED);
    expect((await rowThere(intent)).state).toBe('consumed');
    expect(await spentIn(user)).toEqual([intent.intentId]);
  });

  it('checks its user in together with the check that names the user, also in a Create', async () => {
    const { user, intent } = await returnedUser();
    const named = intentCheck(intent, { user: { userId: user.id } });
    expect(outcome(await patch(await newSession(), named))).toBe('ok');
    const again = await returnedIntent({ link: intent.link, userId: user.id });
    expect(outcome(await create(intentCheck(again, { user: { userId: user.id } })))).toBe('ok');
    expect(outcome(await create(intentCheck(again, { user: { userId: user.id } })))).toBe(USED);
  });

  it('is refused on a session without a user, and is not used up by that', async () => {
    const { user, intent } = await returnedUser();
    expect(await check(await newSession(), intent)).toBe('COMMAND-Sfw3r');
    expect(await checkAnew(user, intent)).toBe('ok');
  });

  it('is good for an hour, to the millisecond', async () => {
    const start = stopClock();
    const [inTime, late] = [await returnedUser(), await returnedUser()];
    const [login, lateLogin] = [await newSession(inTime.user), await newSession(late.user)];
    vi.setSystemTime(start + HOUR - 1);
    expect(await check(login, inTime.intent)).toBe('ok');
    vi.setSystemTime(start + HOUR);
    expect(await check(lateLogin, late.intent)).toBe('COMMAND-SAf42');
    expect((await rowThere(late.intent)).state).toBe('succeeded');
  });

  it('checks a user in to whom the account was linked since, and nobody else', async () => {
    const intent = await returnedIntent();
    const [user, other] = [await newUser(), await newUser()];
    expect(await checkAnew(user, intent)).toBe('COMMAND-O8xk3w');
    await linkTo(user, intent.link);
    expect(await checkAnew(other, intent)).toBe('COMMAND-O8xk3w');
    expect(await checkAnew(user, intent)).toBe('ok');
  });

  it('checks nobody in whose account it is no more, nor whoever has it since', async () => {
    const { user, intent } = await returnedUser();
    const other = await newUser();
    await removeLink(env.DB, user.id, intent.link, Date.now());
    expect(await checkAnew(user, intent)).toBe('COMMAND-O8xk3w');
    await linkTo(other, intent.link);
    expect(await checkAnew(user, intent)).toBe('COMMAND-O8xk3w');
    expect(await checkAnew(other, intent)).toBe('COMMAND-O8xk3w');
  });

  it('is told from another account of the provider, and from the same account at another provider', async () => {
    const [intent, user] = [await returnedIntent(), await newUser()];
    await linkTo(user, { ...intent.link, idpUserId: 'another' });
    await linkTo(user, { ...intent.link, idpId: await newProvider() });
    expect(await checkAnew(user, intent)).toBe('COMMAND-O8xk3w');
  });

  it('proves nothing while its provider is deactivated', async () => {
    const { user, intent } = await returnedUser();
    await setProviderState(env.DB, intent.link.idpId, 'inactive', Date.now());
    expect(await checkAnew(user, intent)).toBe(USED);
    await setProviderState(env.DB, intent.link.idpId, 'active', Date.now());
    expect(await checkAnew(user, intent)).toBe('ok');
  });

  it('proves nothing before its callback has ended well', async () => {
    const user = await newUser();
    const idpId = await newProvider();
    const id = await startedIntent(idpId);
    const intent = { intentId: id, token: await intentToken(config.passwords.peppers, id), link: { idpId, idpUserId: 'x', idpUserName: 'x' } };
    expect(await checkAnew(user, intent)).toBe(USED);
    await claimIntent(env.DB, id, '', Date.now());
    expect(await checkAnew(user, intent)).toBe(USED);
    await failIntent(env.DB, id, Date.now());
    expect(await checkAnew(user, intent)).toBe(USED);
  });

  it('is refused as often as it likes without a failure being counted', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    for (let n = 0; n < 12; n += 1) expect(await check(login, { ...intent, token: 'AAAA' })).toBe('CRYPTO-Sf4gt');
    expect(await check(login, intent)).toBe('ok');
  });
});

/** One Create, with an Idempotency-Key where one is given. */
const create = (command: Partial<UpdateSession>, within: Partial<Walk> = {}, key?: string) =>
  createSession(walkWith(within), {
    cellOf: (random = Math.floor(Math.random() * 99_999)) => `sessions:weur:${random % 50}`,
    sessionIdKeys: config.sessionIdKeys,
    callerId: 'creator',
    command: { checks: {}, metadata: [], ...command },
    repeatable: key === undefined ? undefined : { key, body: JSON.stringify(command) },
    now: Date.now(),
  });

describe('one intent, presented many times at once', () => {
  for (const sessions of [2, 12]) {
    it(`on ${sessions} sessions of its user, is used by one`, async () => {
      const { user, intent } = await returnedUser();
      const logins = await Promise.all(Array.from({ length: sessions }, () => newSession(user)));
      const outcomes = await Promise.all(logins.map((login) => check(login, intent)));
      expect(outcomes.sort()).toEqual([...Array(sessions - 1).fill(USED), 'ok']);
      const checked = (await Promise.all(logins.map(factorsOf))).filter((factors) => factors.includes('idpIntent'));
      expect(checked).toHaveLength(1);
    });
  }

  it('on one session with one token, is used once', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => check(login, intent)));
    expect(outcomes.filter((each) => each === 'ok')).toHaveLength(1);
    for (const each of outcomes) expect(['ok', 'COMMAND-sGr42', USED]).toContain(each);
  });

  it('on one session without a token, is used once', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => check(withoutToken(login), intent)));
    expect(outcomes.filter((each) => each === 'ok')).toHaveLength(1);
  });

  it('with one Idempotency-Key, is used by one commit that all are told of', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    const repeatable = { key: 'key', body: 'the body' };
    const { sequence } = must(await read(login)).session;
    const answers = await Promise.all(Array.from({ length: 16 }, () => patch(login, intentCheck(intent), {}, repeatable)));
    expect(answers.map(outcome)).toEqual(Array(16).fill('ok'));
    expect(new Set(answers.map((answer) => must(answer).sessionToken)).size).toBe(1);
    // A check and a token.
    expect(must(await read(login)).session.sequence).toBe(sequence + 2);
    const again = await patch(login, intentCheck(intent), {}, repeatable);
    expect(must(again).sessionToken).toBe(must(answers[0] as (typeof answers)[0]).sessionToken);
    expect(outcome(await patch(login, intentCheck(intent), {}, { key: 'another', body: 'the body' }))).toBe('COMMAND-sGr42');
    expect(await checkAnew(user, intent)).toBe(USED);
  });

  it('with one Idempotency-Key and no token, is used by one commit as well', async () => {
    const { user, intent } = await returnedUser();
    const login = withoutToken(await newSession(user));
    const repeatable = { key: 'key', body: 'the body' };
    const answers = await Promise.all(Array.from({ length: 16 }, () => patch(login, intentCheck(intent), {}, repeatable)));
    expect(new Set(answers.map((answer) => must(answer).sessionToken)).size).toBe(1);
  });

  it('in Creates with one Idempotency-Key, makes one session that all are told of', async () => {
    const { user, intent } = await returnedUser();
    const command = intentCheck(intent, { user: { userId: user.id } });
    const key = crypto.randomUUID();
    const answers = await Promise.all(Array.from({ length: 16 }, () => create(command, {}, key)));
    expect(new Set(answers.map((answer) => must(answer).sessionToken)).size).toBe(1);
    expect(must(await create(command, {}, key)).sessionToken).toBe(must(answers[0] as (typeof answers)[0]).sessionToken);
    expect(outcome(await create(command, {}, crypto.randomUUID()))).toBe(USED);
  });
});

describe('a walk with an intent whose world changes between its steps', () => {
  it('is refused when its user’s link was removed between check and consumption, and the intent is not lost by it', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    const db = dbWith({ consume: { before: once(() => removeLink(env.DB, user.id, intent.link, Date.now())) } });
    expect(await check(login, intent, { db })).toBe(USED);
    expect((await rowThere(intent)).state).toBe('succeeded');
    expect(await factorsOf(login)).toEqual([]);
    await linkTo(user, intent.link);
    expect(await check(login, intent)).toBe('ok');
  });

  it('is refused when its provider was deactivated between check and consumption, and the intent is not lost by it', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    const db = dbWith({ consume: { before: once(() => setProviderState(env.DB, intent.link.idpId, 'inactive', Date.now())) } });
    expect(await check(login, intent, { db })).toBe(USED);
    expect((await rowThere(intent)).state).toBe('succeeded');
    await setProviderState(env.DB, intent.link.idpId, 'active', Date.now());
    expect(await check(login, intent)).toBe('ok');
  });

  for (const step of ['settle', 'consume', 'commit'] as const) {
    it(`lets one of two users in when the link moves from one to the other before its ${step}`, async () => {
      const intent = await returnedIntent();
      const [one, other] = [await newUser(), await newUser()];
      await linkTo(one, intent.link);
      const [login, otherLogin] = [await newSession(one), await newSession(other)];
      let second: string | undefined;
      const move = async () => {
        await removeLink(env.DB, one.id, intent.link, Date.now());
        await addLink(env.DB, other.id, intent.link, Date.now());
        second = await check(otherLogin, intent);
      };
      const within = step === 'consume' ? { db: dbWith({ consume: { before: once(move) } }) } : { cells: during(step, move) };
      const first = await check(login, intent, within);
      expect([first, second]).toEqual(step === 'commit' ? ['ok', USED] : [USED, 'ok']);
    });
  }

  it('is refused when another consumed the intent between check and consumption', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    const db = dbWith({
      consume: {
        before: once(() =>
          consumeIntent(env.DB, intent.intentId, user.id, { attemptId: 'another', requestId: 'another', generation: '' }, Date.now()),
        ),
      },
    });
    expect(await check(login, intent, { db })).toBe(USED);
    expect(await factorsOf(login)).toEqual([]);
  });

  it('is refused as for a stopped user when the user was stopped before its commit', async () => {
    const { user, intent } = await returnedUser();
    const login = await newSession(user);
    expect(await check(login, intent, { cells: during('commit', () => transit(user, 'lock')) })).toBe('SESSION-Gj4ko');
    expect(await factorsOf(login)).toEqual([]);
  });

  for (const [when, hook] of [
    ['settle', 'before'],
    ['consumption', 'after'],
  ] as const) {
    it(`without a token, overtaken after its ${when}, succeeds on top of what overtook it`, async () => {
      const { user, intent } = await returnedUser();
      const login = await newSession(user);
      const db = dbWith({ consume: { [hook]: once(() => rival(login)) } });
      expect(await check(withoutToken(login), intent, { db })).toBe('ok');
      expect(must(await read(login)).session).toMatchObject({ metadata: { rival: 'MQ==' }, factors: { idpIntent: {} } });
      expect(await checkAnew(user, intent)).toBe(USED);
    });

    it(`with a token, overtaken after its ${when}, is refused`, async () => {
      const { user, intent } = await returnedUser();
      const login = await newSession(user);
      const db = dbWith({ consume: { [hook]: once(() => rival(login)) } });
      expect(await check(login, intent, { db })).toBe('COMMAND-sGr42');
      expect(await factorsOf(login)).toEqual([]);
    });
  }

  it('without a token, overtaken by another that used the same intent in the same place, is refused', async () => {
    const { user, intent } = await returnedUser();
    const login = withoutToken(await newSession(user));
    let second: string | undefined;
    const overtake = async () => {
      second = await check(login, intent);
    };
    expect(await check(login, intent, { cells: during('commit', overtake) })).toBe(USED);
    expect(second).toBe('ok');
  });
});

describe('a walk with an intent that breaks off', () => {
  const ENDS = {
    'between settle and consumption': () => ({ db: dbWith({ consume: { before: failing } }) }),
    'when the answer to its consumption is lost': () => ({ db: dbWith({ consume: { after: failing } }) }),
    'between consumption and commit': () => ({ cells: endingBefore('commit') }),
  };
  for (const [when, within] of Object.entries(ENDS)) {
    it(`${when} leaves the intent to the same request, and to no other session`, async () => {
      const { user, intent } = await returnedUser();
      const [login, other] = [await newSession(user), await newSession(user)];
      await expect(check(login, intent, within())).rejects.toThrow();
      expect(await check(other, intent)).toBe(USED);
      expect(await check(login, intent)).toBe('ok');
      expect(await factorsOf(login)).toEqual(['idpIntent']);
      expect(await check(other, intent)).toBe(USED);
      expect(await spentIn(user)).toEqual([intent.intentId]);
    });

    it(`${when} leaves the intent to the same request when every cell was evicted since`, async () => {
      const { user, intent } = await returnedUser();
      const login = await newSession(user);
      await expect(check(login, intent, within())).rejects.toThrow();
      await evictAllDurableObjects();
      expect(await check(login, intent)).toBe('ok');
    });
  }

  it('leaves it to a repeat without a token, also on top of what came in between, where that has the same Idempotency-Key', async () => {
    for (const within of Object.values(ENDS)) {
      const { user, intent } = await returnedUser();
      const login = await newSession(user);
      const keyed = (walk: Partial<Walk> = {}) => patch(withoutToken(login), intentCheck(intent), walk, { key: 'key', body: 'the body' });
      await expect(keyed(within())).rejects.toThrow();
      await rival(login);
      expect(outcome(await keyed())).toBe('ok');
    }
  });

  it('leaves it to the same request for five minutes', async () => {
    const start = stopClock();
    const [inTime, late] = [await returnedUser(), await returnedUser()];
    const [login, lateLogin] = [await newSession(inTime.user), await newSession(late.user)];
    await expect(check(login, inTime.intent, { cells: endingBefore('commit') })).rejects.toThrow();
    await expect(check(lateLogin, late.intent, { cells: endingBefore('commit') })).rejects.toThrow();
    vi.setSystemTime(start + WINDOW_MS - 1);
    expect(await check(login, inTime.intent)).toBe('ok');
    vi.setSystemTime(start + WINDOW_MS);
    expect(await check(lateLogin, late.intent)).toBe(USED);
  });

  it('before its settle spends nothing', async () => {
    const { user, intent } = await returnedUser();
    await expect(checkAnew(user, intent, { cells: endingBefore('settle') })).rejects.toThrow();
    await expect(checkAnew(user, intent, { db: dbWith({ read: { before: failing } }) })).rejects.toThrow();
    expect(await checkAnew(user, intent)).toBe('ok');
  });
});

describe('a user’s cell, of which nothing else is known', () => {
  /** Settles one attempt at an intent. @returns whether the cell let it pass */
  async function settle(user: User, intentId: string, attemptId: string, requestId?: string): Promise<boolean> {
    const cell = cells.user(user.cell);
    await cell.load(user.id);
    const reserved = await cell.reserve({ userId: user.id, tries: [{ method: 'idpIntent' }] });
    if (reserved.kind !== 'reserved') throw new Error(reserved.kind);
    const verdicts = [{ method: 'idpIntent' as const, passed: true, spends: intentId }];
    const settled = await cell.settle({ reservationId: reserved.id, userId: user.id, attemptId, requestId, verdicts });
    return settled.kind === 'settled' && settled.usedBefore === undefined;
  }

  it('lets an intent pass once, and again for the attempt or the request that it let pass', async () => {
    const user = await newUser();
    expect(await settle(user, 'intent', 'one', 'request')).toBe(true);
    expect(await settle(user, 'intent', 'two')).toBe(false);
    expect(await settle(user, 'intent', 'two', 'other')).toBe(false);
    expect(await settle(user, 'another', 'two', 'other')).toBe(true);
    expect(await settle(user, 'intent', 'two', 'request')).toBe(true);
    expect(await spentIn(user)).toEqual(['another', 'intent']);
  });

  it('takes two attempts without a request for two', async () => {
    const user = await newUser();
    expect(await settle(user, 'intent', 'one')).toBe(true);
    expect(await settle(user, 'intent', 'two')).toBe(false);
    expect(await settle(user, 'intent', 'one')).toBe(true);
  });

  it('leaves an intent to the attempt alone once two requests were let pass as that attempt', async () => {
    for (const second of ['other', undefined]) {
      const user = await newUser();
      expect(await settle(user, 'intent', 'one', 'request')).toBe(true);
      expect(await settle(user, 'intent', 'one', second)).toBe(true);
      expect(await settle(user, 'intent', 'two', 'request')).toBe(false);
      expect(await settle(user, 'intent', 'two', 'other')).toBe(false);
      expect(await settle(user, 'intent', 'one', 'request')).toBe(true);
    }
  });
});

describe('a used intent', () => {
  it('is refused by the directory alone, of which the user’s cell knows nothing', async () => {
    const { user, intent } = await returnedUser();
    expect(await consumeIntent(env.DB, intent.intentId, user.id, { attemptId: 'another', generation: '' }, Date.now())).toBe(true);
    expect(await checkAnew(user, intent)).toBe(USED);
    expect(await spentIn(user)).toEqual([]);
  });

  it('is refused by the user’s cell alone, when the directory was restored to before, until its hour is over', async () => {
    const start = stopClock();
    const { user, intent } = await returnedUser();
    const before = await rowThere(intent);
    expect(await checkAnew(user, intent)).toBe('ok');
    const later = await newSession(user);
    await restore(intent.intentId, before);
    expect(await check(later, intent)).toBe(USED);
    await evictAllDurableObjects();
    vi.setSystemTime(start + HOUR - 1);
    const another = await returnedIntent({ link: intent.link, userId: user.id });
    expect(await check(later, another)).toBe('ok');
    expect(await checkAnew(user, intent)).toBe(USED);
    expect((await rowThere(intent)).state).toBe('succeeded');
    vi.setSystemTime(start + HOUR);
    expect(await checkAnew(user, intent)).toBe('COMMAND-SAf42');
  });

  it('is forgotten by the user’s cell when the next is used after its hour, and not before', async () => {
    const start = stopClock();
    const { user, intent } = await returnedUser();
    const use = async () => {
      const next = await returnedIntent({ link: intent.link, userId: user.id });
      expect(await checkAnew(user, next)).toBe('ok');
      return next.intentId;
    };
    const first = await use();
    vi.setSystemTime(start + HOUR - 1);
    const second = await use();
    expect(await spentIn(user)).toEqual([first, second]);
    vi.setSystemTime(start + HOUR);
    expect(await spentIn(user)).toEqual([first, second]);
    const third = await use();
    expect(await spentIn(user)).toEqual([second, third]);
  });

  it('tells nothing any more of what the provider told', async () => {
    const { user, intent } = await returnedUser();
    expect((await rowThere(intent)).information).not.toBeNull();
    expect(await checkAnew(user, intent)).toBe('ok');
    expect((await rowThere(intent)).information).toBeNull();
    expect(JSON.stringify(await rowThere(intent))).not.toContain(MARKER);
  });
});

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const phone = authenticator(SECRET);

/** A person with every single-use factor at hand, and the checks that present them all. */
async function fullyEquipped() {
  const { user, intent } = await returnedUser();
  const seed = await sealSeed(config.sealKeys, user.id, SECRET);
  await registerTotp(env.DB, user.id, seed, Date.now());
  await verifyTotp(env.DB, user.id, seed, Date.now());
  const [code = ''] = await newRecoveryCodes(user, 3);
  const all = intentCheck(intent, { password: { password: PASSWORD }, totp: { code: phone.codeAt(Date.now()) }, recoveryCode: { code } });
  return { user, intent, all: all.checks ?? {} };
}

describe('a request that fails for something else', () => {
  it('such as a later check leaves the intent usable elsewhere', async () => {
    stopClock();
    const { user, intent } = await fullyEquipped();
    const login = await newSession(user);
    expect(outcome(await patch(login, intentCheck(intent, { totp: { code: '000000' } })))).toBe('EVENT-8isk2');
    expect(outcome(await patch(login, intentCheck(intent, { recoveryCode: { code: 'aaaaa-aaaaa' } })))).toBe('DOMAIN-6uvh0');
    expect((await rowThere(intent)).state).toBe('succeeded');
    expect(await spentIn(user)).toEqual([]);
    expect(await checkAnew(user, intent)).toBe('ok');
  });

  it('such as an earlier check leaves it so, too', async () => {
    const { user, intent } = await returnedUser();
    expect(outcome(await patch(await newSession(user), intentCheck(intent, { password: { password: 'wrong' } })))).toBe('COMMAND-3M0fs');
    expect(await checkAnew(user, intent)).toBe('ok');
  });

  it('such as the intent itself spends neither a TOTP step nor a recovery code', async () => {
    stopClock();
    const { user, intent, all } = await fullyEquipped();
    const { idpIntent: _, ...others } = all;
    await removeLink(env.DB, user.id, intent.link, Date.now());
    expect(outcome(await patch(await newSession(user), { checks: all }))).toBe('COMMAND-O8xk3w');
    expect(outcome(await patch(await newSession(user), { checks: others }))).toBe('ok');
  });

  it('such as a challenge of a factor that the user has not leaves it so', async () => {
    const { user, intent } = await returnedUser();
    const asked = { ...intentCheck(intent), challenges: { otpEmail: { returnCode: true } } };
    expect(outcome(await patch(await newSession(user), asked))).toBe('COMMAND-JKLJ3');
    expect(await checkAnew(user, intent)).toBe('ok');
  });

  const tooMuch = Array.from({ length: 65 }, (_, n): [string, string] => [`key${n}`, 'MQ==']);

  it('such as too much metadata spends nothing and evaluates nothing', async () => {
    stopClock();
    const { user, intent, all } = await fullyEquipped();
    const login = await newSession(user);
    const derivations = vi.spyOn(crypto.subtle, 'deriveBits');
    const hops: string[] = [];
    const cells = interposed((verb) => void hops.push(verb));
    const refused = await patch(login, { checks: all, metadata: tooMuch }, { cells });
    expect(refused).toMatchObject({ ok: false, problem: { kind: 'invalid-argument', message: expect.stringContaining('metadata') } });
    expect(derivations).not.toHaveBeenCalled();
    expect(hops).toEqual(['peek']);
    expect((await rowThere(intent)).state).toBe('succeeded');
    expect(outcome(await patch(await newSession(user), { checks: all }))).toBe('ok');
  });

  it('such as too much metadata in a Create does not either', async () => {
    stopClock();
    const { user, all } = await fullyEquipped();
    const checks = { ...all, user: { userId: user.id } };
    const derivations = vi.spyOn(crypto.subtle, 'deriveBits');
    const hops: string[] = [];
    const cells = interposed((verb) => void hops.push(verb));
    for (const key of [undefined, crypto.randomUUID()]) {
      const refused = await create({ checks, metadata: tooMuch }, { cells }, key);
      expect(refused).toMatchObject({ ok: false, problem: { kind: 'invalid-argument', message: expect.stringContaining('metadata') } });
    }
    expect(derivations).not.toHaveBeenCalled();
    expect(hops).toEqual([]);
    expect(outcome(await create({ checks }))).toBe('ok');
  });
});

describe('the cost of a check of an intent, counted', () => {
  it('is four hops and two statements of D1 when the user’s cell is warm', async () => {
    const { user, intent } = await returnedUser();
    expect(await checkAnew(user, intent)).toBe('ok');
    const next = await returnedIntent({ link: intent.link, userId: user.id });
    const login = await newSession(user);
    const hops: string[] = [];
    let statements = 0;
    const cells = interposed((verb) => void hops.push(verb));
    const db = new Proxy(env.DB, {
      get: (target, name) => {
        if (name === 'prepare') statements += 1;
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    expect(await check(login, next, { cells, db })).toBe('ok');
    expect({ hops, statements }).toEqual({ hops: ['peek', 'reserve', 'settle', 'commit'], statements: 2 });
  });
});

describe('D1 that fails', () => {
  for (const statement of ['read', 'consume'] as const)
    for (const side of ['before', 'after'] as const) {
      it(`${side} an intent’s ${statement} is answered 503, and the same request repeated succeeds`, async () => {
        vi.spyOn(console, 'error').mockImplementation(() => {});
        const { user, intent } = await returnedUser();
        const { sessionId, token: sessionToken } = await newSession(user);
        const body = { sessionToken, checks: { idpIntent: { idpIntentId: intent.intentId, idpIntentToken: intent.token } } };
        const path = `/v2/sessions/${sessionId}`;
        const refused = await send('PATCH', path, body, { DB: dbWith({ [statement]: { [side]: failing } }) });
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
        const told = await refused.text();
        expect(told).not.toContain('SECRET');
        expect(JSON.parse(told)).toMatchObject({ code: 14 });
        const answer = await send('PATCH', path, body);
        expect(answer.status).toBe(200);
        const { sessionToken: next } = await answer.json<{ sessionToken: string }>();
        const again = await send('PATCH', path, { ...body, sessionToken: next });
        expect([again.status, await again.json()]).toMatchObject([400, { details: [{ id: USED }] }]);
      });
    }
});

describe('an intent in the directory', () => {
  const now = () => Date.now();
  const ends = { idpUserId: 'x', idpUserName: 'x', userId: undefined, information: 'sealed' };
  const stateOf = async (id: string) => (await rowOf(id))?.state;

  it('is claimed by one of six callbacks at once', async () => {
    const id = await startedIntent(await newProvider());
    const claims = await Promise.all(Array.from({ length: 6 }, () => claimIntent(env.DB, id, '', now())));
    expect(claims.filter((claim) => claim !== undefined)).toMatchObject([{ id }]);
    expect(await claimIntent(env.DB, id, '', now())).toBeUndefined();
  });

  it('can be claimed until its time is over, to the millisecond', async () => {
    const start = stopClock();
    const idpId = await newProvider();
    const [one, other] = [await startedIntent(idpId), await startedIntent(idpId)];
    expect(await claimIntent(env.DB, one, '', start + 10 * MINUTE)).toBeUndefined();
    expect(await stateOf(one)).toBe('started');
    expect(await claimIntent(env.DB, other, '', start + 10 * MINUTE - 1)).toMatchObject({ id: other });
  });

  it('succeeds and fails only while it is claimed, once', async () => {
    const idpId = await newProvider();
    const id = await startedIntent(idpId);
    const succeed = (intentId: string) => succeedIntent(env.DB, intentId, { ...ends, expiresAt: now() + HOUR }, now());
    const states: (string | undefined)[] = [];
    const tryBoth = async (intentId: string) => {
      const succeeded = await succeed(intentId);
      await failIntent(env.DB, intentId, now());
      states.push(await stateOf(intentId));
      return succeeded;
    };
    expect(await tryBoth(id)).toBe(false);
    await claimIntent(env.DB, id, '', now());
    expect(await tryBoth(id)).toBe(true);
    expect(await tryBoth(id)).toBe(false);
    const failed = await startedIntent(idpId);
    await claimIntent(env.DB, failed, '', now());
    await failIntent(env.DB, failed, now());
    expect(await tryBoth(failed)).toBe(false);
    const { user, intent } = await returnedUser();
    await consumeIntent(env.DB, intent.intentId, user.id, { attemptId: 'a', generation: '' }, now());
    expect(await tryBoth(intent.intentId)).toBe(false);
    expect(states).toEqual(['started', 'succeeded', 'succeeded', 'failed', 'consumed']);
    for (const intentId of [id, failed]) expect((await rowOf(intentId))?.proof).toBeNull();
  });

  it('is consumed by the attempt, or the request, that has consumed it already, and by no other', async () => {
    const { user, intent } = await returnedUser();
    const consume = (attemptId: string, requestId?: string) =>
      consumeIntent(env.DB, intent.intentId, user.id, { attemptId, requestId, generation: '' }, now());
    const seen = async (attemptId: string, requestId?: string) =>
      (await findCheckedIntent(env.DB, intent.intentId, user.id, { attemptId, requestId, generation: '' }))?.consumedByThis;
    expect(await seen('one', 'request')).toBe(false);
    expect(await consume('one', 'request')).toBe(true);
    expect(await consume('one', 'request')).toBe(true);
    expect(await consume('two')).toBe(false);
    expect(await consume('two', 'other')).toBe(false);
    expect([await seen('one'), await seen('two', 'request'), await seen('two', 'other'), await seen('two')]).toEqual([true, true, false, false]);
    expect(await consume('two', 'request')).toBe(true);
    expect(await consume('one')).toBe(false);
  });

  it('is left to nobody but the attempt once two requests have consumed it as one attempt', async () => {
    for (const second of ['other', undefined]) {
      const { user, intent } = await returnedUser();
      const consume = (attemptId: string, requestId?: string) =>
        consumeIntent(env.DB, intent.intentId, user.id, { attemptId, requestId, generation: '' }, now());
      expect(await consume('one', 'request')).toBe(true);
      expect(await consume('one', second)).toBe(true);
      expect(await consume('two', 'request')).toBe(false);
      expect(await consume('two', 'other')).toBe(false);
      expect(await consume('two')).toBe(false);
      expect(await consume('one', 'request')).toBe(true);
      expect(await consume('two', 'request')).toBe(false);
    }
  });

  it('of an attempt without a request is not consumed by another without one', async () => {
    const { user, intent } = await returnedUser();
    expect(await consumeIntent(env.DB, intent.intentId, user.id, { attemptId: 'one', generation: '' }, now())).toBe(true);
    expect(await consumeIntent(env.DB, intent.intentId, user.id, { attemptId: 'two', generation: '' }, now())).toBe(false);
    expect((await findCheckedIntent(env.DB, intent.intentId, user.id, { attemptId: 'two', generation: '' }))?.consumedByThis).toBe(false);
  });

  it('is consumed only for the user whose account it is of, at an active provider, and after it has succeeded', async () => {
    const { user, intent } = await returnedUser();
    const other = await newUser();
    const consume = (userId: string, id = intent.intentId) =>
      consumeIntent(env.DB, id, userId, { attemptId: 'a', requestId: 'r', generation: '' }, now());
    expect(await consume(other.id)).toBe(false);
    await linkTo(other, { ...intent.link, idpUserId: 'another' });
    await linkTo(other, { ...intent.link, idpId: await newProvider() });
    expect(await consume(other.id)).toBe(false);
    await setProviderState(env.DB, intent.link.idpId, 'inactive', now());
    await setProviderState(env.DB, await newProvider(), 'active', now());
    expect(await consume(user.id)).toBe(false);
    await setProviderState(env.DB, intent.link.idpId, 'active', now());
    const waiting = await startedIntent(intent.link.idpId);
    await env.DB.prepare('UPDATE idp_intent SET idp_user_id = ?2 WHERE id = ?1').bind(waiting, intent.link.idpUserId).run();
    for (const state of ['started', 'claimed', 'failed']) {
      await env.DB.prepare('UPDATE idp_intent SET state = ?2 WHERE id = ?1').bind(waiting, state).run();
      expect(await consume(user.id, waiting), state).toBe(false);
    }
    expect(await consume(user.id, newSecret())).toBe(false);
    expect(await consume(user.id)).toBe(true);
  });

  it('proves an account freshly while it has succeeded, in its hour, and is not consumed', async () => {
    const start = stopClock();
    const { user, intent } = await returnedUser();
    const proved = (link = intent.link, at = start, generation = '') => isFreshlyProved(env.DB, link, generation, at);
    expect(await proved()).toBe(true);
    expect(await proved(intent.link, start, 'restored')).toBe(false);
    expect(await proved({ ...intent.link, idpUserId: 'another' })).toBe(false);
    expect(await proved({ ...intent.link, idpId: await newProvider() })).toBe(false);
    expect([await proved(intent.link, start + HOUR - 1), await proved(intent.link, start + HOUR)]).toEqual([true, false]);
    await consumeIntent(env.DB, intent.intentId, user.id, { attemptId: 'a', generation: '' }, start);
    expect(await proved()).toBe(false);
  });
});

describe('the scheduled sweep', () => {
  it('removes intents that expired an hour ago and registrations that were not finished, and nothing else', async () => {
    const start = stopClock();
    const { user, intent: succeeded } = await returnedUser();
    const started = await startedIntent(succeeded.link.idpId);
    const used = await returnedIntent({ link: succeeded.link, userId: user.id });
    expect(await checkAnew(user, used)).toBe('ok');
    const registration = (id: string, expiresAt: number) =>
      beginRegistration(env.DB, { id, userId: user.id, kind: 'passkey', challenge: 'x', rpId: 'localhost', expiresAt }, start);
    const [early, late] = [crypto.randomUUID(), crypto.randomUUID()];
    await registration(early, start + 70 * MINUTE);
    await registration(late, start + 70 * MINUTE + 1);
    const there = async () => {
      const intents = await Promise.all([started, succeeded.intentId, used.intentId].map(rowOf));
      const { results } = await env.DB.prepare('SELECT id FROM credential_registration WHERE user_id = ?1 ORDER BY expiration_date')
        .bind(user.id)
        .all<{ id: string }>();
      return [...intents.map((row) => row !== null), results.map(({ id }) => id)];
    };
    const sweepAt = async (at: number) => {
      vi.setSystemTime(at);
      const context = createExecutionContext();
      await worker.scheduled(createScheduledController({ scheduledTime: at, cron: '*/10 * * * *' }), env);
      await waitOnExecutionContext(context);
      return there();
    };
    expect(await sweepAt(start + 70 * MINUTE - 1)).toEqual([true, true, true, [early, late]]);
    expect(await sweepAt(start + 70 * MINUTE)).toEqual([false, true, true, [late]]);
    expect(await sweepAt(start + 2 * HOUR - 1)).toEqual([false, true, true, []]);
    expect(await sweepAt(start + 2 * HOUR)).toEqual([false, false, false, []]);
    expect(await findLinkedUser(env.DB, succeeded.link.idpId, succeeded.link.idpUserId)).toBe(user.id);
  });
});

describe('a user who is deleted', () => {
  it('takes along their links, and the intents of their accounts, and nobody else’s', async () => {
    const { user, intent: theirs } = await returnedUser();
    const lateLink = await returnedIntent();
    await linkTo(user, lateLink.link);
    const { user: other, intent: others } = await returnedUser();
    const nobodys = await returnedIntent({ link: { ...theirs.link, idpUserId: 'another' } });
    const elsewhere = await returnedIntent({ link: { ...theirs.link, idpId: await newProvider() } });
    const unlinked = await returnedIntent({ userId: user.id });
    await transit(user, 'delete');
    expect(await Promise.all([theirs, lateLink, unlinked].map(({ intentId }) => rowOf(intentId)))).toEqual([null, null, null]);
    for (const { intentId } of [others, nobodys, elsewhere]) expect(await rowOf(intentId)).not.toBeNull();
    for (const { link } of [theirs, lateLink]) expect(await findLinkedUser(env.DB, link.idpId, link.idpUserId)).toBeUndefined();
    expect(await checkAnew(other, others)).toBe('ok');
    const { user: next } = await returnedUser();
    await linkTo(next, theirs.link);
  });

  it('leaves nothing of a used intent in their cell', async () => {
    const { user, intent } = await returnedUser();
    expect(await checkAnew(user, intent)).toBe('ok');
    expect(await spentIn(user)).toHaveLength(1);
    await transit(user, 'delete');
    expect(await spentIn(user)).toEqual([]);
  });
});

describe('the road to a provider and back', () => {
  const json = (body: object) => {
    const text = JSON.stringify(body);
    return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`;
  };

  /** A provider on this machine at which everybody is the same person. */
  async function provider(sub: string): Promise<string> {
    const token = await scriptedPeer('', json({ access_token: `access-${MARKER}`, token_type: 'bearer' }));
    const user = await scriptedPeer('', json({ sub, name: MARKER, email: 'minnie@mouse.com' }));
    return newProvider({ tokenEndpoint: `http://127.0.0.1:${token}/token`, userEndpoint: `http://127.0.0.1:${user}/user` });
  }

  const SETTINGS = { RETURN_ORIGINS: 'https://login.example.com' };

  async function start(idpId: string): Promise<string> {
    const urls = { successUrl: 'https://login.example.com/ok?x=1&token=mine', failureUrl: 'https://login.example.com/no' };
    const started = await send('POST', '/v2/idp_intents', { idpId, urls }, SETTINGS);
    const { authUrl } = await started.json<{ authUrl: string }>();
    return new URL(authUrl).searchParams.get('state') ?? '';
  }

  async function comeBack(state: string, answer = 'code=x', bindings: object = {}) {
    const response = await send('GET', `/idps/callback?state=${state}&${answer}`, undefined, { ...SETTINGS, ...bindings });
    return new URL(response.headers.get('location') ?? 'none:');
  }

  it('ends at the success URL with an intent that is good for an hour from then', async () => {
    const begun = stopClock();
    const user = await newUser();
    const idpId = await provider('minnie-1');
    await linkTo(user, { idpId, idpUserId: 'minnie-1', idpUserName: 'minnie' });
    const login = await newSession(user);
    const intentId = await start(idpId);
    const returnedAt = begun + 10 * MINUTE - 1;
    vi.setSystemTime(returnedAt);
    const { origin, pathname, searchParams } = await comeBack(intentId);
    expect([origin, pathname, ...searchParams.keys()]).toEqual(['https://login.example.com', '/ok', 'x', 'id', 'token', 'user']);
    expect([searchParams.get('id'), searchParams.get('user')]).toEqual([intentId, user.id]);
    const intent = { intentId, token: searchParams.get('token') ?? '', link: { idpId, idpUserId: 'minnie-1', idpUserName: 'minnie' } };
    expect(await rowThere(intent)).toMatchObject({ state: 'succeeded', expiration_date: returnedAt + HOUR, user_id: user.id });
    expect(await check(login, intent)).toBe('ok');
  });

  it('is over ten minutes after its start', async () => {
    const begun = stopClock();
    const intentId = await start(await provider('minnie-1'));
    vi.setSystemTime(begun + 10 * MINUTE);
    const { pathname, searchParams } = await comeBack(intentId);
    expect([pathname, searchParams.get('error'), searchParams.get('token')]).toEqual(['/no', 'IDP-Sfrgs', null]);
    expect((await rowOf(intentId))?.state).toBe('started');
  });

  it('leaves nothing readable of what the provider told, and nothing at all of the verifier', async () => {
    const intentId = await start(await provider('minnie-1'));
    const before = await rowOf(intentId);
    const proof = await unseal(config.sealKeys, proofLabel(intentId), before?.proof ?? '');
    const { verifier, nonce } = JSON.parse(proof ?? '{}') as Record<string, string>;
    expect(verifier).toMatch(/^[A-Za-z0-9_-]{43,}$/);
    for (const secret of [verifier, nonce]) expect(JSON.stringify(before)).not.toContain(secret);
    expect((await comeBack(intentId)).pathname).toBe('/ok');
    const after = await rowOf(intentId);
    expect(after).toMatchObject({ state: 'succeeded', proof: null, information: expect.any(String) });
    expect(JSON.stringify(after)).not.toContain(MARKER);
    const token = await intentToken(config.passwords.peppers, intentId);
    const told = await send('POST', `/v2/idp_intents/${intentId}`, { idpIntentToken: token });
    expect(JSON.stringify(await told.json())).toContain(`access-${MARKER}`);
    expect(JSON.stringify(after)).not.toContain(token);
  });

  it('leaves nothing of the verifier either when it ends at the failure URL', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const port = await httpPeer({ answers: [500] });
    for (const answer of ['error=access_denied', 'code=x']) {
      const intentId = await start(await newProvider({ tokenEndpoint: `http://127.0.0.1:${port}/token` }));
      expect((await comeBack(intentId, answer)).pathname).toBe('/no');
      expect(await rowOf(intentId)).toMatchObject({ state: 'failed', proof: null, information: null });
    }
  });

  it('ends at the failure URL, without a token, when the provider was removed meanwhile', async () => {
    const idpId = await provider('minnie-1');
    const intentId = await start(idpId);
    const DB = dbWith({ succeed: { before: once(() => removeProvider(env.DB, idpId)) } });
    const { pathname, searchParams } = await comeBack(intentId, 'code=x', { DB });
    expect([pathname, searchParams.get('error'), searchParams.get('token')]).toEqual(['/no', 'IDP-Login', null]);
    expect(await rowOf(intentId)).toBeNull();
  });

  it('goes on for the first of six callbacks at once, and for no other', async () => {
    const intentId = await start(await provider('minnie-1'));
    const returns = await Promise.all(Array.from({ length: 6 }, () => comeBack(intentId)));
    expect(returns.map(({ pathname }) => pathname).sort()).toEqual(['/no', '/no', '/no', '/no', '/no', '/ok']);
    expect(returns.filter(({ searchParams }) => searchParams.has('token'))).toHaveLength(1);
  });
});
