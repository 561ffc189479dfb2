import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { UpdateSession } from '../../src/core/session/command.ts';
import { findCredentials } from '../../src/directory/credentials.ts';
import type { User } from '../../src/directory/users.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import {
  answered,
  asking,
  BE,
  BS,
  type CreateSaying,
  challenged,
  countersOf,
  giving,
  newPasskeyUser,
  Passkey,
  refusal,
  register,
  rowsOf,
  type Saying,
  send,
  UP,
  UV,
} from './passkey-user.ts';
import {
  interposed,
  type Login,
  must,
  newSession,
  newUser,
  outcome,
  PASSWORD,
  passwordCheck,
  patch,
  read,
  cells as realCells,
  tokenAfter,
  transit,
} from './world.ts';

const MINUTE = 60_000;

/** Stops the clock at the whole second that comes next. @returns that moment */
function stopClock(): number {
  const now = Math.ceil(Date.now() / 1000) * 1000;
  vi.useFakeTimers({ toFake: ['Date'], now });
  return now;
}

/** One PATCH with the same Idempotency-Key each time. */
const repeat = (login: Login, command: Partial<UpdateSession>, within: Partial<Walk> = {}) =>
  patch(login, command, within, { key: 'key', body: JSON.stringify(command) });

afterEach(() => {
  vi.useRealTimers();
});

describe('a challenge of WebAuthn', () => {
  it('can be answered for five minutes, to the millisecond, and says so', async () => {
    const { user, passkey } = await newPasskeyUser();
    const began = stopClock();
    for (const [later, expected] of [
      [5 * MINUTE - 1, 'ok'],
      [5 * MINUTE, 'COMMAND-Ioqu5'],
    ] as const) {
      vi.setSystemTime(began);
      const { login, options } = await challenged(await newSession(user));
      expect(options.timeout).toBe(5 * MINUTE);
      vi.setSystemTime(began + later);
      expect(outcome(await patch(login, giving(await passkey.get(options.challenge))))).toBe(expected);
    }
  });

  it('that has expired is no answerable one beside another that has not', async () => {
    const { user, passkey } = await newPasskeyUser();
    const began = stopClock();
    const first = await challenged(await newSession(user));
    vi.setSystemTime(began + MINUTE);
    const second = await challenged(first.login);
    vi.setSystemTime(began + 5 * MINUTE);
    expect(outcome(await patch(second.login, giving(await passkey.get(first.options.challenge))))).toBe('WEBAU-3M9si');
    expect(outcome(await patch(second.login, giving(await passkey.get(second.options.challenge))))).toBe('ok');
  });

  it('is one of four that can be answered in any order, each once; a fifth takes the place of the first', async () => {
    const { user, passkey } = await newPasskeyUser();
    let login = { ...(await newSession(user)), token: undefined };
    const challenges: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const next = await challenged(login);
      login = next.login;
      challenges.push(next.options.challenge);
    }
    expect(new Set(challenges).size).toBe(5);
    const answer = async (n: number) => outcome(await patch(login, giving(await passkey.get(challenges[n] ?? ''))));
    expect(await answer(0)).toBe('WEBAU-3M9si');
    for (const n of [2, 4]) expect([await answer(n), await answer(n)]).toEqual(['ok', 'WEBAU-3M9si']);
    expect([await answer(3), await answer(1), await answer(1)]).toEqual(['ok', 'ok', 'COMMAND-Ioqu5']);
  });

  it('is answered in its own session alone, and not before it was asked for', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { options } = await challenged(await newSession(user));
    const other = await newSession(user);
    expect(outcome(await patch(other, giving(await passkey.get(options.challenge))))).toBe('COMMAND-Ioqu5');
    const own = await challenged(other);
    expect(outcome(await patch(own.login, giving(await passkey.get(options.challenge))))).toBe('WEBAU-3M9si');
  });

  it('offers what the user has for the RP ID: passkeys and security keys, or passkeys alone', async () => {
    const { user, passkey } = await newPasskeyUser();
    const u2f = await register(user, { kind: 'u2f' });
    const offered = async (verification: 'required' | 'preferred' | 'discouraged') => {
      const { handedBack } = must(await patch(await newSession(user), asking(verification)));
      return handedBack.webAuthN?.allowCredentials.map(({ id }) => id);
    };
    expect(await offered('required')).toEqual([passkey.credentialId]);
    for (const verification of ['preferred', 'discouraged'] as const)
      expect(await offered(verification)).toEqual([passkey.credentialId, u2f.passkey.credentialId]);
  });

  it('is not opened by a walk whose time is over while the credentials are being changed', async () => {
    const { user } = await newPasskeyUser();
    const login = await newSession(user);
    const changing = interposed(async (verb) => {
      if (verb === 'permitChallenge') await realCells.user(user.cell).forget(user.id);
    });
    const refused = await patch(login, asking(), { cells: changing, deadline: Date.now() - 1 });
    expect(refused).toMatchObject({ ok: false, problem: { kind: 'unavailable' } });
    expect(outcome(await patch(login, asking()))).toBe('ok');
  });

  it('is not opened where there is nothing to answer it with, and no factor comes of the request', async () => {
    const user = await newUser();
    const keyed = await newUser();
    await register(keyed, { kind: 'u2f' });
    const elsewhere = (await newPasskeyUser()).user;
    const hops: string[] = [];
    const cells = interposed((verb) => void hops.push(verb));
    for (const [who, asked] of [
      [user, asking()],
      [keyed, asking('required')],
      [elsewhere, { challenges: { webAuthN: { rpId: 'login.example.com', userVerification: 'preferred' as const } } }],
    ] as const) {
      const login = await newSession(who);
      expect(outcome(await patch(login, asked))).toBe('WEBAU-4G8sw');
      expect(outcome(await patch(login, { ...asked, ...passwordCheck() }, { cells }))).toBe('WEBAU-4G8sw');
      expect(must(await read(login)).session.factors).toEqual({});
    }
    expect(hops).not.toContain('commit');
    // A wrong password is told as such, and first.
    expect(outcome(await patch(await newSession(user), { ...asking(), ...passwordCheck('wrong') }))).toBe('COMMAND-3M0fs');
  });

  it('is neither opened nor answered once its user is stopped', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    const assertion = await passkey.get(options.challenge);
    await transit(user, 'lock');
    for (const command of [giving(assertion), giving(undefined), asking()]) expect(outcome(await patch(login, command))).toBe('SESSION-Gj4ko');
    expect(must(await read(login)).session.factors).toEqual({});
  });

  for (const verb of ['reserve', 'settle', 'commit', 'permitChallenge']) {
    it(`does not let a user in who was stopped before the walk’s ${verb}`, async () => {
      const { user, passkey } = await newPasskeyUser();
      const { login, options } = await challenged(await newSession(user));
      let stopped = false;
      const cells = interposed(async (called) => {
        if (called !== verb || stopped) return;
        stopped = true;
        await transit(user, 'deactivate');
      });
      const command = { ...giving(await passkey.get(options.challenge, { signCount: 1 })), ...asking() };
      expect(outcome(await patch(login, command, { cells }))).toBe('SESSION-Gj4ko');
      expect(stopped).toBe(true);
      expect(must(await read(login)).session.factors).toEqual({});
    });
  }
});

describe('an assertion', () => {
  it.each<[string, Saying, string]>([
    ['as it should be', {}, 'ok'],
    ['without a user handle, where the session has a user', { userHandle: null }, 'ok'],
    ['that does not say that the user was verified, where that is preferred', { flags: UP }, 'ok'],
    ['from a port of its own', { clientData: { origin: 'https://login.example.com:8443' } }, 'ok'],
    ['that names another user', { userHandle: 'bWlja2V5' }, 'WEBAU-3M9si'],
    ['of another origin', { clientData: { origin: 'https://login.example.org' } }, 'WEBAU-3M9si'],
    ['of an insecure origin', { clientData: { origin: 'http://login.example.com' } }, 'WEBAU-3M9si'],
    ['of a page within another site’s', { clientData: { crossOrigin: true } }, 'WEBAU-3M9si'],
    ['of a page within another site’s, which it names', { clientData: { topOrigin: 'https://example.org' } }, 'WEBAU-3M9si'],
    ['of the registration’s type', { clientData: { type: 'webauthn.create' } }, 'WEBAU-3M9si'],
    ['of another challenge', { clientData: { challenge: 'AAAA' } }, 'WEBAU-3M9si'],
    ['of client data that is none', { clientData: { challenge: 1 } }, 'WEBAU-ADgv4'],
    ['for another RP ID', { rpId: 'example.org' }, 'WEBAU-3M9si'],
    ['without the user', { flags: UV }, 'WEBAU-3M9si'],
    ['that says that the credential may be backed up, which it said it may not', { flags: UP | UV | BE }, 'WEBAU-3M9si'],
    ['that says that what may not be backed up is', { flags: UP | UV | BS }, 'WEBAU-3M9si'],
  ])('%s', async (_, saying, expected) => {
    const { user, passkey } = await newPasskeyUser();
    const { login, result } = await answered(await newSession(user), passkey, saying);
    expect(outcome(result)).toBe(expected);
    const { factors } = must(await read(login)).session;
    if (expected === 'ok') expect(factors).toMatchObject({ webAuthN: { userVerified: saying.flags !== UP } });
    else expect(factors).toEqual({});
  });

  it('is counted neither as a failure nor against the password, however often it is wrong', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    for (let n = 0; n < 12; n += 1)
      expect(outcome(await patch(login, giving(await passkey.get(options.challenge, { rpId: 'example.org' }))))).toBe('WEBAU-3M9si');
    expect(await rowsOf(user, 'failure')).toEqual([]);
    expect(outcome(await patch(login, giving(await passkey.get(options.challenge), { password: { password: PASSWORD } })))).toBe('ok');
  });

  it('has to verify the user where the challenge requires it', async () => {
    const { user, passkey } = await newPasskeyUser();
    const login = await newSession(user);
    const required = await patch(login, asking('required'));
    const { challenge = '' } = must(required).handedBack.webAuthN ?? {};
    const open = { ...login, token: tokenAfter(required) };
    expect(outcome(await patch(open, giving(await passkey.get(challenge, { flags: UP }))))).toBe('WEBAU-3M9si');
    expect(outcome(await patch(open, giving(await passkey.get(challenge))))).toBe('ok');
  });

  it('that is signed by another key, or altered after it was signed, is refused', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    const [own, foreign] = await Promise.all([passkey, await Passkey.for(user.id)].map((key) => key.get(options.challenge, { signCount: 1 })));
    const { authenticatorData } = await passkey.get(options.challenge, { signCount: 2 });
    if (own === undefined || foreign === undefined) throw new Error('nothing was signed');
    for (const assertion of [
      { ...foreign, id: own.id },
      { ...own, signature: foreign.signature },
      { ...own, authenticatorData },
      { ...own, authenticatorData: 'AAAA' },
      { ...own, authenticatorData: 'A'.repeat(50) },
      { ...own, signature: 'AAAA' },
    ])
      expect(outcome(await patch(login, giving(assertion)))).toBe('WEBAU-3M9si');
    expect(await countersOf(user)).toEqual({});
    expect(outcome(await patch(login, giving(own)))).toBe('ok');
  });

  it('that is none is refused as such where a challenge is open, and for want of one where none is', async () => {
    const { user, passkey } = await newPasskeyUser();
    expect(outcome(await patch(await newSession(user), giving(undefined)))).toBe('COMMAND-Ioqu5');
    const { login, options } = await challenged(await newSession(user));
    const assertion = await passkey.get(options.challenge);
    expect(outcome(await patch(login, giving(undefined)))).toBe('WEBAU-ADgv4');
    expect(outcome(await patch(login, giving({ ...assertion, clientDataJSON: 'AAAA' })))).toBe('WEBAU-ADgv4');
  });

  it('of a credential that the challenge was not offered to, or is another user’s, is refused', async () => {
    const { user } = await newPasskeyUser();
    const other = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    const late = await register(user);
    for (const passkey of [late.passkey, other.passkey])
      expect(outcome(await patch(login, giving(await passkey.get(options.challenge, { userHandle: null }))))).toBe('COMMAND-Aej7i');
  });

  it('of a credential that may be backed up has to go on saying so', async () => {
    const { user, id, passkey } = await newPasskeyUser();
    await env.DB.prepare('UPDATE credential SET backup_eligible = 1 WHERE id = ?1').bind(id).run();
    const signedIn = async (flags: number) => outcome((await answered(await newSession(user), passkey, { flags })).result);
    expect([await signedIn(UP | UV | BE), await signedIn(UP | UV | BE | BS), await signedIn(UP | UV)]).toEqual(['ok', 'ok', 'WEBAU-3M9si']);
  });
});

describe('a session without a user', () => {
  it('is given the user whom the assertion proves, who is admitted only then', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession());
    expect(options.allowCredentials).toEqual([]);
    expect(outcome(await patch(login, giving(await passkey.get(options.challenge, { rpId: 'example.org' }))))).toBe('WEBAU-3M9si');
    expect(await rowsOf(user, 'admission')).toEqual([]);
    const passed = await patch(login, giving(await passkey.get(options.challenge, { signCount: 1 })));
    expect(outcome(passed)).toBe('ok');
    expect(await rowsOf(user, 'admission')).toMatchObject([{ session_cell: login.sessionCell }]);
    const { session } = must(await read({ ...login, token: tokenAfter(passed) }));
    expect(session).toMatchObject({ user: { id: user.id, verifiedAt: session.changeDate }, factors: { webAuthN: { userVerified: true } } });
    expect(await countersOf(user)).not.toEqual({});
  });

  it('is not told whether there is such a user or credential', async () => {
    const [one, other] = [await newPasskeyUser(), await newPasskeyUser()];
    const without = await newUser();
    const deleted = await newPasskeyUser();
    await transit(deleted.user, 'delete');
    const { login, options } = await challenged(await newSession());
    const { challenge } = options;
    const assertions = [
      await (await Passkey.for('nobody')).get(challenge),
      await (await Passkey.for(one.user.id)).get(challenge),
      await (await Passkey.for(without.id)).get(challenge),
      await other.passkey.get(challenge, { userHandle: one.passkey.userHandle }),
      await deleted.passkey.get(challenge),
      await one.passkey.get(challenge, { userHandle: null }),
      await one.passkey.get(challenge, { userHandle: '_w' }),
    ];
    const answers = await Promise.all(assertions.map((assertion) => patch(login, giving(assertion))));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers.map(outcome)).toEqual(assertions.map(() => 'COMMAND-Aej7i'));
    for (const { user } of [one, other]) expect(await rowsOf(user, 'admission')).toEqual([]);
  });

  it('is told that the user is stopped by a right assertion alone', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession());
    await transit(user, 'lock');
    const foreign = await Passkey.for(user.id);
    expect(outcome(await patch(login, giving(await foreign.get(options.challenge))))).toBe('COMMAND-Aej7i');
    const forged = { ...(await foreign.get(options.challenge)), id: passkey.credentialId };
    expect(outcome(await patch(login, giving(forged)))).toBe('WEBAU-3M9si');
    expect(outcome(await patch(login, giving(await passkey.get(options.challenge))))).toBe('SESSION-Gj4ko');
    expect(must(await read(login)).session.user).toBeUndefined();
  });

  it('is told what is wrong with the assertion as any other: nothing is open, nothing was given', async () => {
    const { passkey } = await newPasskeyUser();
    const bare = await newSession();
    expect(outcome(await patch(bare, giving(await passkey.get('AAAA'))))).toBe('COMMAND-Ioqu5');
    const began = stopClock();
    const { login, options } = await challenged(bare);
    expect(outcome(await patch(login, giving(undefined)))).toBe('WEBAU-ADgv4');
    expect(outcome(await patch(login, giving(await passkey.get('AAAA'))))).toBe('WEBAU-3M9si');
    vi.setSystemTime(began + 5 * MINUTE);
    expect(outcome(await patch(login, giving(await passkey.get(options.challenge))))).toBe('COMMAND-Ioqu5');
  });

  it('that requires a verified user takes passkeys alone, and those of its RP ID', async () => {
    const { user, passkey } = await newPasskeyUser();
    const u2f = await register(user, { kind: 'u2f' });
    const elsewhere = await register(user);
    await env.DB.prepare("UPDATE credential SET rp_id = 'example.org' WHERE id = ?1").bind(elsewhere.id).run();
    const login = await newSession();
    const asked = await patch(login, asking('required'));
    const { challenge = '' } = must(asked).handedBack.webAuthN ?? {};
    const open = { ...login, token: tokenAfter(asked) };
    for (const key of [u2f.passkey, elsewhere.passkey]) expect(outcome(await patch(open, giving(await key.get(challenge))))).toBe('COMMAND-Aej7i');
    expect(outcome(await patch(open, giving(await passkey.get(challenge))))).toBe('ok');
  });

  it('keeps the counter of its assertion for the request that is overtaken and begins again on top', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged({ ...(await newSession()), token: undefined });
    let overtaken = 0;
    const rival = interposed(async (verb) => {
      if (verb !== 'commit' || overtaken > 0) return;
      overtaken += 1;
      must(await patch(login, { metadata: [['rival', 'MQ==']] }));
    });
    expect(outcome(await patch(login, giving(await passkey.get(options.challenge, { signCount: 1 })), { cells: rival }))).toBe('ok');
    expect(overtaken).toBe(1);
    expect(await rowsOf(user, 'trail')).toEqual([]);
  });

  it('takes no assertion beside a password, which comes first and lacks its user', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession());
    const both = giving(await passkey.get(options.challenge), { password: { password: PASSWORD } });
    expect(outcome(await patch(login, both))).toBe('COMMAND-Sfw3f');
    expect(await rowsOf(user, 'admission')).toEqual([]);
  });

  it('takes the assertion of the user that the request itself names, and of no other', async () => {
    const [one, other] = [await newPasskeyUser(), await newPasskeyUser()];
    const { login, options } = await challenged(await newSession());
    const named = { user: { userId: one.user.id } };
    expect(outcome(await patch(login, giving(await other.passkey.get(options.challenge), named)))).toBe('COMMAND-Aej7i');
    expect(outcome(await patch(login, giving(await one.passkey.get(options.challenge, { userHandle: null }), named)))).toBe('WEBAU-3M9si');
    expect(outcome(await patch(login, giving(await one.passkey.get(options.challenge), named)))).toBe('ok');
  });

  it('is not given a user who is deleted while the assertion is verified', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession());
    let statements = 0;
    const db = new Proxy(env.DB, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (name !== 'prepare') return typeof value === 'function' ? value.bind(target) : value;
        return (query: string) => {
          statements += 1;
          const statement = target.prepare(query);
          if (statements !== 2) return statement;
          const bind = (...values: unknown[]) => ({ first: () => transit(user, 'delete').then(() => statement.bind(...values).first()) });
          return { bind };
        };
      },
    });
    expect(outcome(await patch(login, giving(await passkey.get(options.challenge)), { db }))).toBe('COMMAND-Aej7i');
    expect(statements).toBe(2);
    expect(await rowsOf(user, 'admission')).toEqual([]);
  });

  it('of which the user is checked meanwhile needs the user handle still, and takes no other user’s', async () => {
    const [one, other] = [await newPasskeyUser(), await newPasskeyUser()];
    const { login, options } = await challenged({ ...(await newSession()), token: undefined });
    expect(outcome(await patch(login, { checks: { user: { userId: one.user.id } } }))).toBe('ok');
    expect(outcome(await patch(login, giving(await one.passkey.get(options.challenge, { userHandle: null }))))).toBe('WEBAU-3M9si');
    expect(outcome(await patch(login, giving(await other.passkey.get(options.challenge))))).toBe('COMMAND-Aej7i');
    expect(outcome(await patch(login, giving(await one.passkey.get(options.challenge))))).toBe('ok');
  });

  it('is given one user, when two prove themselves at once', async () => {
    const [one, other] = [await newPasskeyUser(), await newPasskeyUser()];
    const first = await challenged({ ...(await newSession()), token: undefined });
    const second = await challenged(first.login);
    const outcomes = await Promise.all([
      patch(first.login, giving(await one.passkey.get(first.options.challenge))),
      patch(first.login, giving(await other.passkey.get(second.options.challenge))),
    ]);
    expect(outcomes.map(outcome).filter((each) => each === 'ok')).toHaveLength(1);
    const winner = outcomes[0]?.ok ? one : other;
    expect(must(await read({ ...first.login, token: '' })).session.user?.id).toBe(winner.user.id);
  });
});

describe('a request with an Idempotency-Key', () => {
  it('that opens a challenge is told the same options and token each time, also when 16 come at once', async () => {
    for (const user of [undefined, (await newPasskeyUser()).user]) {
      const login = await newSession(user);
      const answers = (await Promise.all(Array.from({ length: 16 }, () => repeat(login, asking())))).map(must);
      const first = must(await repeat(login, asking()));
      expect(first.handedBack.webAuthN?.challenge).toMatch(/^[\w-]{43}$/);
      for (const answer of answers) expect(answer).toEqual(first);
      expect(must(await read(login)).session).toMatchObject({ sequence: first.sequence, challenges: { webAuthN: [{}] } });
    }
  });

  it('that answers one is told the same token each time, and is committed once of 16 at once', async () => {
    const { user, id, passkey } = await newPasskeyUser();
    for (const [who, signCount] of [
      [user, 1],
      [undefined, 2],
    ] as const) {
      const { login, options } = await challenged(await newSession(who));
      const before = must(await read(login)).session.sequence;
      const command = giving(await passkey.get(options.challenge, { signCount }));
      const answers = (await Promise.all(Array.from({ length: 16 }, () => repeat(login, command)))).map(must);
      for (const answer of [...answers, must(await repeat(login, command))]) expect(answer).toEqual(answers[0]);
      expect(must(await read(login)).session.sequence).toBe(before + (who ? 2 : 3));
      expect(await countersOf(user)).toEqual({ [id]: signCount });
    }
    expect(await rowsOf(user, 'trail')).toEqual([]);
  });

  it('succeeds when it is repeated after its walk ended between settle and commit, with and without a user', async () => {
    const { user, passkey } = await newPasskeyUser();
    const ending = interposed((verb) => {
      if (verb === 'commit') throw new Error('the walk ended');
    });
    for (const [who, signCount] of [
      [user, 1],
      [undefined, 2],
    ] as const) {
      const { login, options } = await challenged(await newSession(who));
      const command = giving(await passkey.get(options.challenge, { signCount }));
      await expect(repeat(login, command, { cells: ending })).rejects.toThrow('the walk ended');
      const again = must(await repeat(login, command));
      expect(must(await repeat(login, command))).toEqual(again);
      expect(outcome((await answered(await newSession(user), passkey, { signCount })).result)).toBe('WEBAU-4M90s');
    }
  });
});

describe('a registration', () => {
  const begin = async (user: User, body: object = {}, path = 'passkeys') => {
    const { status, body: begun } = await send('POST', `/v2/users/${user.id}/${path}`, { domain: 'example.com', ...body });
    expect(status).toBe(200);
    const { challenge } = begun.publicKeyCredentialCreationOptions.publicKey;
    return { id: String(begun.passkeyId ?? begun.u2fId), challenge: String(challenge) };
  };
  const finish = async (user: User, id: string, publicKeyCredential: object) =>
    refusal(await send('POST', `/v2/users/${user.id}/passkeys/${id}`, { publicKeyCredential, passkeyName: 'A key' }));
  const pending = async (user: User) => {
    const { results } = await env.DB.prepare('SELECT id FROM credential_registration WHERE user_id = ?1').bind(user.id).all<{ id: string }>();
    return results.map(({ id }) => id).sort();
  };
  const credentialIds = async (user: User) => (await findCredentials(env.DB, user.id)).map(({ credentialId }) => credentialId);

  it('can be finished for five minutes, to the millisecond, and once', async () => {
    const user = await newUser();
    const began = stopClock();
    for (const [later, expected] of [
      [5 * MINUTE, [400, 'WEBAU-5M9so']],
      [5 * MINUTE - 1, [200, undefined]],
    ] as const) {
      const passkey = await Passkey.for(user.id);
      vi.setSystemTime(began);
      const { id, challenge } = await begin(user);
      vi.setSystemTime(began + later);
      expect(await finish(user, id, await passkey.create(challenge))).toEqual(expected);
      expect(await credentialIds(user)).toEqual(later < 5 * MINUTE ? [passkey.credentialId] : []);
      expect(await finish(user, id, await passkey.create(challenge))).toEqual([400, 'WEBAU-5M9so']);
    }
  });

  it('that has expired is gone when anybody begins the next', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const began = stopClock();
    await begin(user);
    vi.setSystemTime(began + 1);
    const second = await begin(user);
    vi.setSystemTime(began + 5 * MINUTE);
    await begin(other);
    expect(await pending(user)).toEqual([second.id]);
    vi.setSystemTime(began + 5 * MINUTE + 1);
    const third = await begin(user);
    expect(await pending(user)).toEqual([third.id]);
  });

  it('is one of ten that are under way for a user; an eleventh takes the place of the oldest', async () => {
    const user = await newUser();
    const began = stopClock();
    const ids: string[] = [];
    for (let n = 0; n < 11; n += 1) {
      vi.setSystemTime(began + n * 1000);
      ids.push((await begin(user)).id);
    }
    expect(await pending(user)).toEqual(ids.slice(1).sort());
  });

  it('of one credential by two users at once is finished for one of them', async () => {
    const users = [await newUser(), await newUser()];
    const passkey = await Passkey.for('either');
    const begun = await Promise.all(users.map((user) => begin(user)));
    const answers = await Promise.all(
      users.map(async (user, n) => finish(user, begun[n]?.id ?? '', await passkey.create(begun[n]?.challenge ?? ''))),
    );
    expect(answers.map(([status]) => status).sort()).toEqual([200, 400]);
    expect(answers).toContainEqual([400, 'WEBAU-3Vb9s']);
    const ids = await Promise.all(users.map(credentialIds));
    expect(ids.map(({ length }) => length)).toEqual(answers.map(([status]) => (status === 200 ? 1 : 0)));
  });

  it('that is finished many times at once yields one credential, and counts as one change of its user', async () => {
    const user = await newUser();
    const { id, challenge } = await begin(user);
    const passkey = await Passkey.for(user.id);
    const sequence = async () => (await env.DB.prepare('SELECT sequence FROM user WHERE id = ?1').bind(user.id).first<number>('sequence')) ?? 0;
    const before = await sequence();
    const answers = await Promise.all(Array.from({ length: 6 }, async () => finish(user, id, await passkey.create(challenge))));
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1);
    for (const [status, errorId] of answers) if (status !== 200) expect(['WEBAU-3Vb9s', 'WEBAU-5M9so']).toContain(errorId);
    expect(await credentialIds(user)).toEqual([passkey.credentialId]);
    expect([await sequence(), await pending(user)]).toEqual([before + 1, []]);
  });

  it('with two credentials at once yields one of them', async () => {
    const user = await newUser();
    const { id, challenge } = await begin(user);
    const keys = [await Passkey.for(user.id), await Passkey.for(user.id)];
    const answers = await Promise.all(keys.map(async (key) => finish(user, id, await key.create(challenge))));
    const winner = keys[answers.findIndex(([status]) => status === 200)];
    expect(await credentialIds(user)).toEqual([winner?.credentialId]);
  });

  it('by a code is begun for one of many who come with it at once', async () => {
    const user = await newUser();
    const { body } = await send('POST', `/v2/users/${user.id}/passkeys/registration_link`, { returnCode: {} });
    const come = () => send('POST', `/v2/users/${user.id}/passkeys`, { domain: 'example.com', code: body.code });
    const answers = await Promise.all(Array.from({ length: 6 }, come));
    const [told, ...others] = answers.toSorted((left, right) => left.status - right.status);
    expect(others.map(refusal)).toEqual(Array(5).fill([400, 'COMMAND-Eeb2a']));
    for (const { body: answer } of others) expect(answer).not.toHaveProperty('passkeyId');
    const passkey = await Passkey.for(user.id);
    const { challenge } = told?.body.publicKeyCredentialCreationOptions.publicKey ?? {};
    expect(await finish(user, told?.body.passkeyId, await passkey.create(challenge))).toEqual([200, undefined]);
    expect(refusal(await come())).toEqual([400, 'COMMAND-Eeb2a']);
  });

  const key = (algorithm: number[], length: number) =>
    // COSE_Key of RSA: n of that many bytes, e of three.
    Uint8Array.from([
      0xa4,
      0x01,
      0x03,
      0x03,
      ...algorithm,
      0x20,
      0x59,
      length >> 8,
      length & 0xff,
      ...new Uint8Array(length).fill(0xa5),
      0x21,
      0x43,
      1,
      0,
      1,
    ]);
  const RS256 = [0x39, 0x01, 0x00];
  it.each<[string, CreateSaying, [number, string | undefined]]>([
    ['as it should be', {}, [200, undefined]],
    ['of a user who was not verified', { flags: UP }, [200, undefined]],
    ['of an RSA key of 8192 bits', { publicKey: key(RS256, 1024) }, [200, undefined]],
    ['of a larger key', { publicKey: key(RS256, 2048) }, [400, 'WEBAU-3Vb9s']],
    ['of an algorithm that was not asked for', { publicKey: key([0x39, 0xff, 0xfe], 256) }, [400, 'WEBAU-3Vb9s']],
    ['of a credential that goes by another id', { id: new Uint8Array(16) }, [400, 'WEBAU-3Vb9s']],
    ['of a user who was not there', { flags: UV }, [400, 'WEBAU-3Vb9s']],
    ['for another RP ID', { rpId: 'example.org' }, [400, 'WEBAU-3Vb9s']],
    ['of another challenge', { clientData: { challenge: 'AAAA' } }, [400, 'WEBAU-3Vb9s']],
    ['of another origin', { clientData: { origin: 'https://example.org' } }, [400, 'WEBAU-3Vb9s']],
    ['of a page within another site’s', { clientData: { crossOrigin: true } }, [400, 'WEBAU-3Vb9s']],
    ['of an assertion’s type', { clientData: { type: 'webauthn.get' } }, [400, 'WEBAU-3Vb9s']],
    ['of client data that is none', { clientData: { origin: null } }, [400, 'WEBAU-sEr8c']],
  ])('that is answered with an attestation %s', async (_, saying, expected) => {
    const user = await newUser();
    const { id, challenge } = await begin(user);
    const passkey = await Passkey.for(user.id);
    expect(await finish(user, id, await passkey.create(challenge, saying))).toEqual(expected);
    expect(await credentialIds(user)).toEqual(expected[0] === 200 ? [passkey.credentialId] : []);
    // What was refused may be tried again.
    if (expected[0] !== 200) expect(await finish(user, id, await passkey.create(challenge))).toEqual([200, undefined]);
  });

  it('keeps what the authenticator says of its counter and of backups, which its assertions are held to', async () => {
    const user = await newUser();
    const { id, challenge } = await begin(user);
    const passkey = await Passkey.for(user.id);
    expect(await finish(user, id, await passkey.create(challenge, { signCount: 7, flags: UP | UV | BE }))).toEqual([200, undefined]);
    const signedIn = async (saying: Saying) => outcome((await answered(await newSession(user), passkey, saying)).result);
    expect(await signedIn({ signCount: 7, flags: UP | UV | BE })).toBe('WEBAU-4M90s');
    expect(await signedIn({ signCount: 8, flags: UP | UV })).toBe('WEBAU-3M9si');
    expect(await signedIn({ signCount: 8, flags: UP | UV | BE | BS })).toBe('ok');
  });

  it('takes a credential id of 1023 bytes, and none that is longer', async () => {
    const user = await newUser();
    for (const [length, expected] of [
      [1023, [200, undefined]],
      [1024, [400, 'WEBAU-3Vb9s']],
    ] as const) {
      const { id, challenge } = await begin(user);
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      const rawId = bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
      const created = await (await Passkey.for(user.id)).create(challenge, { id: bytes });
      expect(await finish(user, id, { ...created, id: rawId, rawId })).toEqual(expected);
    }
  });

  it('is finished, and its credential removed, as what it was begun as and by its own user', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const { id, challenge } = await begin(user, {}, 'u2f');
    const created = await (await Passkey.for(user.id)).create(challenge);
    const finishU2f = async (whose: User) =>
      refusal(await send('POST', `/v2/users/${whose.id}/u2f/${id}`, { publicKeyCredential: created, tokenName: 'A key' }));
    const remove = async (whose: User, path: string) => refusal(await send('DELETE', `/v2/users/${whose.id}/${path}/${id}`));
    expect([await finish(user, id, created), await finishU2f(other)]).toEqual(Array(2).fill([400, 'WEBAU-5M9so']));
    expect(await finishU2f(user)).toEqual([200, undefined]);
    expect([await remove(user, 'passkeys'), await remove(other, 'u2f')]).toEqual(Array(2).fill([404, 'COMMAND-DAfb2']));
    expect([await remove(user, 'u2f'), await remove(user, 'u2f')]).toEqual([
      [200, undefined],
      [404, 'COMMAND-DAfb2'],
    ]);
  });

  it('of a user who is deleted meanwhile comes to nothing', async () => {
    const user = await newUser();
    const { id, challenge } = await begin(user);
    await transit(user, 'delete');
    const created = await (await Passkey.for(user.id)).create(challenge);
    expect(await finish(user, id, created)).toEqual([404, 'COMMAND-Mv9sd']);
    expect([await pending(user), await credentialIds(user)]).toEqual([[], []]);
  });
});
