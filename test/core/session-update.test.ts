import { describe, expect, it } from 'vitest';
import { EVERYWHERE, NOWHERE } from '../../src/core/permission.ts';
import { needsFindingOut } from '../../src/core/session/command.ts';
import { evolve } from '../../src/core/session/session.ts';
import { terminate } from '../../src/core/session/terminate.ts';
import {
  checkBoth,
  checkPassword,
  checkUser,
  DAY,
  eventsOf,
  inOrg,
  MINUTE,
  mickey,
  minnie,
  must,
  mustFail,
  NOW,
  newSession,
  ORG,
  OTHER_ORG,
  outcomeOf,
  pair,
  passwordOf,
  patch,
  policy,
  sessionOf,
  stepOf,
  stopped,
} from './builders.ts';

const ended = (session = sessionOf()) => must(terminate(session, { token: 'current', delete: NOWHERE }, NOW)).session;
const metadata = [pair('a', '1')];
const write = { write: EVERYWHERE };
const withoutToken = { token: 'absent', write: EVERYWHERE } as const;
const superseded = { token: 'superseded' } as const;
const rightPassword = { password: passwordOf('minnie') };

describe('the refusals of a PATCH', () => {
  it('are worded as Zitadel words them', () => {
    expect(mustFail(patch(sessionOf(), { metadata }))).toEqual({
      kind: 'permission-denied',
      id: 'AUTH-AWfge',
      message: 'No matching permissions found',
    });
    expect(mustFail(patch(undefined))).toEqual({ kind: 'not-found', id: 'QUERY-SFeaa', message: 'Session does not exist' });
    expect(mustFail(patch(sessionOf(), {}, { standing: superseded }))).toEqual({
      kind: 'permission-denied',
      id: 'COMMAND-sGr42',
      message: 'Session Token is invalid',
    });
    expect(mustFail(patch(sessionOf(), {}, { at: { now: NOW + 30 * DAY } }))).toEqual({
      kind: 'failed-precondition',
      id: 'COMMAND-Hkl3d',
      message: 'Session has expired',
    });
    expect(mustFail(patch(sessionOf(), {}, { at: { stopOf: stopped('minnie') } }))).toEqual({
      kind: 'failed-precondition',
      id: 'SESSION-Gj4ko',
      message: 'User is not active',
    });
    const named = { verdicts: { user: mickey() }, standing: write };
    expect(mustFail(patch(sessionOf(), checkUser, named))).toEqual({ kind: 'invalid-argument', id: '', message: 'user change not possible' });
    expect(mustFail(patch(newSession(), checkPassword))).toEqual({
      kind: 'failed-precondition',
      id: 'COMMAND-Sfw3f',
      message: 'User ID missing',
    });
  });

  it('are for a verdict on any factor that is too old, and for metadata that are too many', () => {
    const old = { userId: 'minnie', reservedAt: NOW - 15_001 };
    expect(outcomeOf(patch(sessionOf(), { checks: { totp: { code: '000000' } } }, { verdicts: { totp: old } }))).toBe('SALLY-Retry');
    const many = Array.from({ length: 65 }, (_, n) => pair(`key ${n}`, '1'));
    expect(mustFail(patch(sessionOf(), { metadata: many }, { standing: write })).kind).toBe('invalid-argument');
  });

  it('tell a repeat with another token that its token is not current, and one with another body that its key was used', () => {
    const answer = { key: 'key', body: 'body', previous: 'token', sequence: 2, at: NOW, sealed: 'sealed' };
    const told = (same: { sameToken: boolean; sameBody: boolean }) =>
      outcomeOf(patch(sessionOf(), {}, { standing: { ...superseded, repeat: { answer, ...same } } }));
    expect(told({ sameToken: false, sameBody: true })).toBe('COMMAND-sGr42');
    expect(told({ sameToken: true, sameBody: false })).toBe('SALLY-KeyReused');
    expect(patch(sessionOf(), {}, { standing: { ...superseded, repeat: { answer, sameToken: true, sameBody: true } } })).toEqual({
      ok: true,
      value: { repeat: answer },
    });
  });

  /** Everything at once that a PATCH can be refused for; each step of the ladder takes the foremost fault away. */
  it('come in the order of the contract, whatever else is wrong', () => {
    const late = { now: NOW + 400 * DAY };
    const stop = { stopOf: stopped('minnie') };
    const verdicts = { user: mickey({ admittedAt: 0 }), password: passwordOf('nobody', 0) };
    const asked = { ...checkBoth, metadata: Array.from({ length: 65 }, (_, n) => pair(String(n), '1')), lifetimeMs: 1 };
    const ladder = [
      patch(ended(), asked, { standing: superseded, verdicts, at: { ...late, ...stop } }),
      patch(ended(), asked, { standing: { ...superseded, ...write }, verdicts, at: { ...late, ...stop } }),
      patch(sessionOf(), asked, { standing: { ...superseded, ...write }, verdicts, at: { ...late, ...stop } }),
      patch(sessionOf(), asked, { standing: { ...write, basis: 'digest-0' }, verdicts, at: { ...late, ...stop } }),
      patch(sessionOf(), asked, { standing: { ...write, basis: 'digest-0' }, verdicts, at: stop }),
    ];
    expect(ladder.map(outcomeOf)).toEqual(['AUTH-AWfge', 'QUERY-SFeaa', 'COMMAND-sGr42', 'COMMAND-Hkl3d', 'SESSION-Gj4ko']);
    expect(must(patch(sessionOf(), asked, { standing: { ...write, basis: 'digest-0' }, verdicts }))).toBe('raced');

    const checks = [
      patch(sessionOf(), asked, { standing: write, verdicts }),
      patch(sessionOf(), asked, { standing: write, verdicts: { user: mickey(), password: passwordOf('nobody') } }),
      patch(sessionOf(), asked, { standing: write, verdicts: { user: minnie(), password: passwordOf('nobody') } }),
      patch(sessionOf(), asked, { standing: write, verdicts: { user: minnie(), ...rightPassword } }),
    ];
    expect(checks.map((result) => mustFail(result).message)).toEqual([
      'The checks took too long',
      'user change not possible',
      'The password was verified for another user',
      'invalid metadata: at most 64 keys, after the merge',
    ]);
  });
});

describe('a current token alone', () => {
  it('carries a login forward', () => {
    expect(outcomeOf(patch(sessionOf(), checkPassword, { verdicts: rightPassword }))).toBe('ok');
    expect(outcomeOf(patch(sessionOf()))).toBe('ok');
  });

  it('does not name the user, set metadata or set the lifetime', () => {
    expect(outcomeOf(patch(newSession(), checkUser, { verdicts: { user: minnie() } }))).toBe('AUTH-AWfge');
    expect(outcomeOf(patch(newSession(), { metadata }))).toBe('AUTH-AWfge');
    expect(outcomeOf(patch(newSession(), { lifetimeMs: 1 }))).toBe('AUTH-AWfge');
  });

  it('does not name the user even where another one is refused, nor again the one that is there', () => {
    expect(outcomeOf(patch(sessionOf(), checkUser, { verdicts: { user: minnie() } }))).toBe('AUTH-AWfge');
    expect(outcomeOf(patch(sessionOf(), checkUser, { verdicts: { user: mickey() } }))).toBe('AUTH-AWfge');
  });

  it('does so together with session.write', () => {
    expect(outcomeOf(patch(newSession(), checkUser, { standing: write, verdicts: { user: minnie() } }))).toBe('ok');
    expect(outcomeOf(patch(newSession(), { metadata }, { standing: write }))).toBe('ok');
    expect(outcomeOf(patch(newSession(), { lifetimeMs: 1 }, { standing: write }))).toBe('ok');
  });
});

describe('a PATCH without a token', () => {
  it('needs session.write, whatever it asks for', () => {
    expect(outcomeOf(patch(sessionOf(), {}, { standing: { token: 'absent' } }))).toBe('AUTH-AWfge');
    expect(outcomeOf(patch(sessionOf(), checkPassword, { standing: { token: 'absent' }, verdicts: rightPassword }))).toBe('AUTH-AWfge');
    expect(outcomeOf(patch(sessionOf(), {}, { standing: withoutToken }))).toBe('ok');
  });

  it('is told nothing of a session that it may not change', () => {
    const standing = { token: 'absent', write: inOrg(ORG) } as const;
    expect(outcomeOf(patch(undefined, {}, { standing }))).toBe('AUTH-AWfge');
    expect(outcomeOf(patch(newSession(), {}, { standing }))).toBe('AUTH-AWfge');
  });

  it('needs session.write where the user of the session is', () => {
    expect(outcomeOf(patch(sessionOf(), {}, { standing: { token: 'absent', write: inOrg(ORG) } }))).toBe('ok');
    expect(outcomeOf(patch(sessionOf(), {}, { standing: { token: 'absent', write: inOrg(OTHER_ORG) } }))).toBe('AUTH-AWfge');
  });

  it('needs session.write everywhere for a session without a user, also when the request names one', () => {
    const standing = { token: 'absent', write: inOrg(ORG) } as const;
    expect(outcomeOf(patch(newSession(), checkUser, { standing, verdicts: { user: minnie() } }))).toBe('AUTH-AWfge');
    expect(outcomeOf(patch(newSession(), checkUser, { standing: withoutToken, verdicts: { user: minnie() } }))).toBe('ok');
  });

  it('begins again when another change came between its checks and its commit', () => {
    const standing = { ...withoutToken, basis: 'digest-0' };
    expect(must(patch(sessionOf(), checkPassword, { standing, verdicts: rightPassword }))).toBe('raced');
    expect(outcomeOf(patch(sessionOf(), checkPassword, { standing: { ...standing, basis: 'digest-1' }, verdicts: rightPassword }))).toBe('ok');
  });

  it('learns of an end, an expiry or a stop rather than of a race', () => {
    const standing = { ...withoutToken, basis: 'digest-0' };
    expect(outcomeOf(patch(ended(), {}, { standing }))).toBe('QUERY-SFeaa');
    expect(outcomeOf(patch(sessionOf(), {}, { standing, at: { now: NOW + 30 * DAY } }))).toBe('COMMAND-Hkl3d');
    expect(outcomeOf(patch(sessionOf(), {}, { standing, at: { stopOf: stopped('minnie') } }))).toBe('SESSION-Gj4ko');
  });
});

describe('a token that is not the live one', () => {
  it('is refused even where session.write would be enough without it', () => {
    expect(outcomeOf(patch(sessionOf(), {}, { standing: { ...superseded, ...write } }))).toBe('COMMAND-sGr42');
  });
});

describe('a PATCH that changes nothing', () => {
  const session = sessionOf(undefined, { metadata });

  it('records nothing and keeps the token', () => {
    expect(stepOf(patch(session, {}))).toEqual({ session, events: [] });
    expect(stepOf(patch(session, {})).session).toBe(session);
  });

  it('is one with metadata that are there already, or that delete what is not there', () => {
    expect(stepOf(patch(session, { metadata }, { standing: write })).events).toEqual([]);
    expect(stepOf(patch(session, { metadata: [pair('b', '')] }, { standing: write })).events).toEqual([]);
    expect(stepOf(patch(session, { metadata: [pair('a', '2'), ...metadata] }, { standing: write })).events).toEqual([]);
  });

  it('does not put the end of the idle time off', () => {
    const at = { policy: policy({ idleTimeoutMs: 2 * MINUTE }) };
    const idle = newSession({}, {}, at);
    expect(stepOf(patch(idle, {}, { at })).session.expiresAt).toBe(NOW + MINUTE);
  });

  it('is not one that asks for the lifetime that is running already', () => {
    expect(eventsOf(patch(session, { lifetimeMs: 30 * DAY }, { standing: write, at: { now: session.creationDate } }))).toEqual([
      'session.lifetime.set',
      'session.token.set',
    ]);
  });
});

describe('a PATCH that changes something', () => {
  it('records the checks in their order, then metadata and lifetime, the token last', () => {
    const verdicts = { ...rightPassword, user: minnie() };
    expect(eventsOf(patch(newSession(), { lifetimeMs: 1, metadata, ...checkBoth }, { standing: write, verdicts }))).toEqual([
      'session.user.checked',
      'session.password.checked',
      'session.metadata.set',
      'session.lifetime.set',
      'session.token.set',
    ]);
  });

  it('puts the next token in the place of the one before', () => {
    expect(stepOf(patch(sessionOf(), checkPassword, { verdicts: rightPassword, at: { nextToken: 'digest-9' } })).session.token).toBe('digest-9');
    expect(stepOf(patch(sessionOf(), { metadata }, { standing: write })).session.token).toBe('digest-2');
  });

  it('counts each event in the sequence and moves the change date, but never the creation date', () => {
    const before = sessionOf();
    const { session } = stepOf(patch(before, { metadata, lifetimeMs: MINUTE }, { standing: write }));
    expect(session).toMatchObject({ sequence: before.sequence + 3, changeDate: NOW, creationDate: NOW - MINUTE });
  });

  it('leaves alone what it does not name', () => {
    const before = sessionOf(undefined, { metadata, userAgent: { ip: '192.0.2.1' } });
    const { session } = stepOf(patch(before, checkPassword, { verdicts: rightPassword }));
    expect(session).toEqual({
      ...before,
      sequence: before.sequence + 2,
      changeDate: NOW,
      token: 'digest-2',
      factors: { password: { verifiedAt: NOW, version: 1 } },
    });
  });
});

it('a request has checks when any of them is there, whatever else is not', () => {
  const nothing = [{ checks: {} }, { checks: {}, challenges: {} }];
  const something = [checkUser, checkPassword, checkBoth, { checks: {}, challenges: { otpSms: { returnCode: true } } }];
  expect(nothing.map(needsFindingOut)).toEqual([false, false]);
  expect(something.map(needsFindingOut)).toEqual([true, true, true, true]);
});

describe('a user check', () => {
  it('gives a session its user, with the names of that moment and the time of the commit', () => {
    const { admittedAt, ...user } = minnie({ admittedAt: NOW - 5 });
    const { session } = stepOf(patch(newSession(), checkUser, { standing: write, verdicts: { user: minnie({ admittedAt: NOW - 5 }) } }));
    expect(session.user).toEqual({ ...user, verifiedAt: NOW });
  });

  it('may be repeated for the same user, and renews what is known of it', () => {
    const user = minnie({ displayName: 'Minerva Mouse', epoch: 2 });
    const { session } = stepOf(patch(sessionOf(), checkUser, { standing: write, verdicts: { user } }));
    expect(session.user).toMatchObject({ id: 'minnie', displayName: 'Minerva Mouse', epoch: 2, verifiedAt: NOW });
  });

  it('never changes the user of a session', () => {
    expect(mustFail(patch(sessionOf(), checkUser, { standing: write, verdicts: { user: mickey() } })).message).toBe('user change not possible');
  });

  it('keeps the factors that were verified before it', () => {
    const before = newSession(checkBoth, { user: minnie({ admittedAt: NOW - MINUTE }), password: passwordOf('minnie', NOW - MINUTE) });
    const { session } = stepOf(patch(before, checkUser, { standing: write, verdicts: { user: minnie() } }));
    expect(session.factors).toEqual({ password: { verifiedAt: NOW - MINUTE, version: 1 } });
  });
});

describe('a password check', () => {
  it('is refused on a session without a user', () => {
    expect(outcomeOf(patch(newSession(), checkPassword))).toBe('COMMAND-Sfw3f');
  });

  it('counts for the user that the same request names', () => {
    const verdicts = { user: minnie(), ...rightPassword };
    expect(stepOf(patch(newSession(), checkBoth, { standing: write, verdicts })).session.factors).toEqual({
      password: { verifiedAt: NOW, version: 1 },
    });
  });

  it('is not taken when it was verified for another user', () => {
    expect(mustFail(patch(sessionOf(), checkPassword, { verdicts: { password: passwordOf('mickey') } }))).toMatchObject({
      kind: 'unavailable',
      message: 'The password was verified for another user',
    });
    const verdicts = { user: minnie(), password: passwordOf('mickey') };
    expect(mustFail(patch(newSession(), checkBoth, { standing: write, verdicts })).kind).toBe('unavailable');
  });

  it('is not taken when nobody is there whose it could be', () => {
    expect(mustFail(patch(newSession(), {}, { verdicts: rightPassword })).kind).toBe('unavailable');
  });

  it('of a version that a newer password has replaced is refused, and may be repeated', () => {
    const refused = patch(sessionOf(), checkPassword, { verdicts: rightPassword, at: { passwordVersionOf: () => 2 } });
    expect(mustFail(refused)).toMatchObject({ kind: 'unavailable' });
    expect(outcomeOf(patch(sessionOf(), checkPassword, { verdicts: rightPassword, at: { passwordVersionOf: () => 1 } }))).toBe('ok');
  });

  it('moves the time of the factor when it is passed again', () => {
    const before = newSession(checkBoth, { user: minnie({ admittedAt: NOW - MINUTE }), password: passwordOf('minnie', NOW - MINUTE) });
    expect(before.factors.password).toEqual({ verifiedAt: NOW - MINUTE, version: 1 });
    expect(stepOf(patch(before, checkPassword, { verdicts: rightPassword })).session.factors).toEqual({ password: { verifiedAt: NOW, version: 1 } });
  });
});

describe('a verdict', () => {
  it('is taken at an age of 15 s and not a millisecond later', () => {
    const aged = (ms: number) => patch(sessionOf(), checkPassword, { verdicts: { password: passwordOf('minnie', NOW - ms) } });
    expect(outcomeOf(aged(15_000))).toBe('ok');
    expect(mustFail(aged(15_001))).toEqual({
      kind: 'unavailable',
      id: 'SALLY-Retry',
      message: 'The checks took too long',
      evidence: { retryAfterSeconds: '1' },
    });
  });

  it('is as old as the oldest of those that came with it', () => {
    const both = (userMs: number, passwordMs: number) =>
      outcomeOf(
        patch(newSession(), checkBoth, {
          standing: write,
          verdicts: { user: minnie({ admittedAt: NOW - userMs }), password: passwordOf('minnie', NOW - passwordMs) },
        }),
      );
    expect(both(15_000, 15_000)).toBe('ok');
    expect(both(15_001, 0)).toBe('SALLY-Retry');
    expect(both(0, 15_001)).toBe('SALLY-Retry');
  });

  it('is taken from a cell whose clock is ahead', () => {
    expect(outcomeOf(patch(sessionOf(), checkPassword, { verdicts: { password: passwordOf('minnie', NOW + MINUTE) } }))).toBe('ok');
  });

  it('counts for nothing when its user was stopped since it was admitted', () => {
    const admitted = (epoch: number, deleted = false) =>
      outcomeOf(
        patch(newSession(), checkUser, {
          standing: write,
          verdicts: { user: minnie({ epoch }) },
          at: { stopOf: stopped('minnie', { epoch: 4, deleted }) },
        }),
      );
    expect([admitted(3), admitted(3, true), admitted(4), admitted(5)]).toEqual(['SESSION-Gj4ko', 'SESSION-Gj4ko', 'ok', 'ok']);
  });

  it('is not touched by the stop of somebody else', () => {
    const at = { stopOf: stopped('mickey', { epoch: 9 }) };
    expect(outcomeOf(patch(newSession(), checkUser, { standing: write, verdicts: { user: minnie() }, at }))).toBe('ok');
  });

  it('says that its user was stopped rather than that it took too long', () => {
    const at = { stopOf: stopped('minnie') };
    expect(outcomeOf(patch(newSession(), checkUser, { standing: write, verdicts: { user: minnie({ admittedAt: 0 }) }, at }))).toBe('SESSION-Gj4ko');
  });
});

describe('a stop', () => {
  const of = (epoch: number) => sessionOf(minnie({ epoch, admittedAt: NOW - MINUTE }));

  it('ends the sessions that were admitted under an older epoch, and no others', () => {
    const stopOf = stopped('minnie', { epoch: 2 });
    expect([1, 2, 3].map((epoch) => outcomeOf(patch(of(epoch), {}, { at: { stopOf } })))).toEqual(['SESSION-Gj4ko', 'ok', 'ok']);
  });

  it('of a deleted user takes the session away altogether', () => {
    const at = { stopOf: stopped('minnie', { epoch: 2, deleted: true }) };
    expect([1, 2].map((epoch) => outcomeOf(patch(of(epoch), {}, { at })))).toEqual(['QUERY-SFeaa', 'ok']);
    expect(outcomeOf(patch(of(1), {}, { standing: superseded, at }))).toBe('QUERY-SFeaa');
  });

  it('does not concern a session of another user, or without one', () => {
    expect(outcomeOf(patch(sessionOf(), {}, { at: { stopOf: stopped('mickey') } }))).toBe('ok');
    expect(outcomeOf(patch(newSession(), {}, { at: { stopOf: () => ({ epoch: 9, deleted: true }) } }))).toBe('ok');
  });

  it('is not lifted by naming the user again under the new epoch', () => {
    const verdicts = { user: minnie({ epoch: 2 }) };
    expect(outcomeOf(patch(of(1), checkUser, { standing: write, verdicts, at: { stopOf: stopped('minnie', { epoch: 2 }) } }))).toBe('SESSION-Gj4ko');
  });
});

describe('the lifetime', () => {
  it('is over exactly at its end', () => {
    const session = newSession({ lifetimeMs: 2 * MINUTE });
    expect(outcomeOf(patch(session, {}, { at: { now: NOW + MINUTE - 1 } }))).toBe('ok');
    expect(outcomeOf(patch(session, {}, { at: { now: NOW + MINUTE } }))).toBe('COMMAND-Hkl3d');
    expect(outcomeOf(patch(session, { lifetimeMs: DAY }, { standing: write, at: { now: NOW + MINUTE } }))).toBe('COMMAND-Hkl3d');
  });

  it('starts anew from the PATCH that sets it, longer or shorter', () => {
    const expiry = (lifetimeMs: number) => stepOf(patch(sessionOf(), { lifetimeMs }, { standing: write })).session.expiresAt;
    expect(expiry(90 * DAY)).toBe(NOW + 90 * DAY);
    expect(expiry(1)).toBe(NOW + 1);
  });

  it('is clamped to the maximum', () => {
    const at = { policy: policy({ maxLifetimeMs: DAY }) };
    const expiry = (lifetimeMs: number) => stepOf(patch(sessionOf(), { lifetimeMs }, { standing: write, at })).session.expiresAt;
    expect([DAY - 1, DAY, DAY + 1].map(expiry)).toEqual([NOW + DAY - 1, NOW + DAY, NOW + DAY]);
  });

  it('is not touched by a PATCH that does not name it', () => {
    expect(stepOf(patch(sessionOf(), checkPassword, { verdicts: rightPassword })).session.expiresAt).toBe(NOW - MINUTE + 30 * DAY);
  });
});

describe('the idle time', () => {
  const at = { policy: policy({ idleTimeoutMs: 10 * MINUTE }) };
  const session = newSession({}, {}, at);

  it('ends a session that nobody changed', () => {
    expect(outcomeOf(patch(session, {}, { at: { ...at, now: NOW + 9 * MINUTE - 1 } }))).toBe('ok');
    expect(outcomeOf(patch(session, {}, { at: { ...at, now: NOW + 9 * MINUTE } }))).toBe('COMMAND-Hkl3d');
  });

  it('starts anew with each PATCH that changes something', () => {
    expect(stepOf(patch(session, { metadata }, { standing: write, at })).session.expiresAt).toBe(NOW + 10 * MINUTE);
  });

  it('never outlives the lifetime, and an idle session forgets nothing of its lifetime', () => {
    const brief = stepOf(patch(session, { lifetimeMs: MINUTE }, { standing: write, at })).session;
    expect(brief.expiresAt).toBe(NOW + MINUTE);
    const long = stepOf(patch(brief, { lifetimeMs: DAY }, { standing: write, at })).session;
    expect(long).toMatchObject({ expiresAt: NOW + 10 * MINUTE, lifetimeEndsAt: NOW + DAY });
  });

  it('is over with the next change once it is switched off', () => {
    expect(stepOf(patch(session, { metadata }, { standing: write })).session.expiresAt).toBe(NOW - MINUTE + 30 * DAY);
  });

  it('leaves no trace in the events while it is off', () => {
    expect(stepOf(patch(session, { metadata }, { standing: write })).events.at(-1)).toEqual({ type: 'session.token.set', token: 'digest-2' });
  });
});

describe('the events of a session', () => {
  it('cannot begin with anything but its creation', () => {
    expect(() => evolve(undefined, { type: 'session.terminated' }, NOW)).toThrow('session.terminated before session.added');
  });

  it('never hold the secret of a check', () => {
    const verdicts = { user: minnie(), ...rightPassword };
    const step = stepOf(patch(newSession(), { ...checkBoth, metadata }, { standing: write, verdicts }));
    expect(JSON.stringify(step)).not.toContain('V3ryS3cure!');
  });
});
