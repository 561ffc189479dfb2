import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYWHERE } from '../../src/core/permission.ts';
import { bearerUser, mfaProblem } from '../../src/core/session/bearer.ts';
import type { AssertionOpening, CodeOpening, UpdateSession, Verdicts } from '../../src/core/session/command.ts';
import { needsFindingOut, needsWrite } from '../../src/core/session/command.ts';
import { create } from '../../src/core/session/create.ts';
import { evolve, type Session } from '../../src/core/session/session.ts';
import { subjectOf } from '../../src/core/session/subject.ts';
import { terminate } from '../../src/core/session/terminate.ts';
import {
  checkPassword,
  command,
  eventsOf,
  frozen,
  MINUTE,
  mickey,
  minnie,
  moment,
  must,
  mustFail,
  NOW,
  newSession,
  noStops,
  outcomeOf,
  passwordOf,
  patch,
  sessionOf,
  stepOf,
} from './builders.ts';

const LIFETIME = 5 * MINUTE;
const opening = (id: string, offeredTo: readonly string[] | undefined = ['passkey-1']): AssertionOpening => ({
  method: 'webAuthN',
  id,
  challenge: `challenge of ${id}`,
  rpId: 'example.com',
  userVerification: 'preferred',
  offeredTo,
  lifetimeMs: LIFETIME,
});
const codeOpening: CodeOpening = { method: 'otpEmail', id: 'code', box: 'box', lifetimeMs: LIFETIME };
const asking: Partial<UpdateSession> = { challenges: { webAuthN: { rpId: 'example.com', userVerification: 'preferred' } } };
const giving: Partial<UpdateSession> = { checks: { webAuthN: { assertion: undefined } } };
const given = (challengeId: string, userId = 'minnie', userVerified = true): Verdicts => ({
  webAuthN: { userId, reservedAt: NOW, challengeId, userVerified },
});

/** A session after challenges of these ids were opened, one after the other. */
const challenged = (ids: readonly string[], session: Session = sessionOf(), now = NOW): Session =>
  ids.reduce((before, id) => frozen(stepOf(patch(before, asking, { verdicts: { openings: [opening(id)] }, at: { now } })).session), session);
const openIn = ({ challenges }: Session): string[] | undefined => challenges?.webAuthN?.map(({ id }) => id);

describe('a challenge of WebAuthn', () => {
  it('is open for as long as it lasts, with what its answer is checked against, and renews the token', () => {
    const before = sessionOf();
    const result = patch(before, asking, { verdicts: { openings: [opening('first')] } });
    expect(eventsOf(result)).toEqual(['session.webAuthN.challenged', 'session.token.set']);
    const { method: _, lifetimeMs, ...open } = opening('first');
    const { session } = stepOf(result);
    expect(session.challenges).toEqual({ webAuthN: [{ ...open, expiresAt: NOW + lifetimeMs }] });
    expect([session.sequence, session.changeDate, session.token]).toEqual([before.sequence + 2, NOW, 'digest-2']);
    expect(session.factors).toEqual(before.factors);
  });

  it('is open beside three others, the oldest first; a fifth takes the place of the oldest', () => {
    expect(openIn(challenged(['1', '2', '3', '4']))).toEqual(['1', '2', '3', '4']);
    expect(openIn(challenged(['1', '2', '3', '4', '5']))).toEqual(['2', '3', '4', '5']);
    expect(openIn(challenged(['1', '2', '3', '4', '5', '6']))).toEqual(['3', '4', '5', '6']);
  });

  it('takes the place of those that have expired, to the millisecond, before it takes that of an open one', () => {
    const old = challenged(['old-1', 'old-2', 'old-3']);
    const both = challenged(['new'], old, NOW + MINUTE);
    expect(openIn(challenged(['next'], both, NOW + LIFETIME - 1))).toEqual(['old-2', 'old-3', 'new', 'next']);
    expect(openIn(challenged(['next'], both, NOW + LIFETIME))).toEqual(['new', 'next']);
  });

  it('leaves codes alone, and they leave it alone', () => {
    const withCode = stepOf(patch(challenged(['1']), { challenges: { otpEmail: { returnCode: false } } }, { verdicts: { openings: [codeOpening] } }));
    expect([openIn(withCode.session), withCode.session.challenges?.otpEmail?.id]).toEqual([['1'], 'code']);
    const answered = stepOf(patch(withCode.session, giving, { verdicts: given('1') })).session;
    expect(answered.challenges).toEqual({ otpEmail: withCode.session.challenges?.otpEmail });
    const codeGiven = stepOf(
      patch(
        withCode.session,
        { checks: { otpEmail: { code: '1' } } },
        { verdicts: { otpEmail: { userId: 'minnie', reservedAt: NOW, challengeId: 'code' } } },
      ),
    );
    expect(codeGiven.session.challenges).toEqual({ webAuthN: withCode.session.challenges?.webAuthN });
  });

  it('of which nothing was opened is a defect that lets nobody in', () => {
    expect(mustFail(patch(sessionOf(), asking)).kind).toBe('unavailable');
    expect(mustFail(patch(sessionOf(), asking, { verdicts: { openings: [codeOpening] } })).kind).toBe('unavailable');
  });

  it('needs no session.write beside the token, but has to be found out; so does its answer', () => {
    for (const asked of [asking, giving]) {
      expect(needsWrite(command(asked))).toBe(false);
      expect(needsFindingOut(command(asked))).toBe(true);
    }
    expect(outcomeOf(patch(sessionOf(), { ...giving, ...asking }, { verdicts: { ...given('1'), openings: [opening('2')] } }))).not.toBe('AUTH-AWfge');
  });

  it('is in no session that has ended', () => {
    const ended = must(terminate(challenged(['1', '2']), { token: 'absent', delete: EVERYWHERE, selfId: 'x' }, NOW)).session;
    expect(ended).not.toHaveProperty('challenges');
  });

  it('may be asked for by a new session, with and without a user', () => {
    for (const user of [undefined, minnie()]) {
      const openings = [opening('1', user && ['passkey-1'])];
      const { session, events } = must(create('session-1', 'creator-1', command(asking), { ...(user && { user }), openings }, moment()));
      expect(openIn(session)).toEqual(['1']);
      expect(events.map(({ type }) => type)).toContain('session.webAuthN.challenged');
    }
  });
});

describe('an assertion that was found right', () => {
  it('verifies its factor, with what it says of the user’s verification, and its challenge is open no more', () => {
    for (const userVerified of [true, false]) {
      const result = patch(challenged(['1', '2', '3']), giving, { verdicts: given('2', 'minnie', userVerified) });
      expect(eventsOf(result)).toEqual(['session.webAuthN.checked', 'session.token.set']);
      expect(stepOf(result).events[0]).toEqual({ type: 'session.webAuthN.checked', challengeId: '2', userVerified });
      const { session } = stepOf(result);
      expect(session.factors).toEqual({ webAuthN: { verifiedAt: NOW, userVerified } });
      expect(openIn(session)).toEqual(['1', '3']);
    }
  });

  it('leaves no challenges behind when it answers the last one', () => {
    expect(stepOf(patch(challenged(['1']), giving, { verdicts: given('1') })).session.challenges).toEqual({});
  });

  it('is not taken again, nor for a challenge that was pushed out or was never open', () => {
    const { session } = stepOf(patch(challenged(['1', '2']), giving, { verdicts: given('1') }));
    expect(mustFail(patch(session, giving, { verdicts: given('1') })).kind).toBe('unavailable');
    expect(stepOf(patch(session, giving, { verdicts: given('2') })).session.challenges).toEqual({});
    expect(mustFail(patch(challenged(['1', '2', '3', '4', '5']), giving, { verdicts: given('1') })).kind).toBe('unavailable');
    for (const never of [sessionOf(), challenged(['1'])]) expect(mustFail(patch(never, giving, { verdicts: given('0') })).kind).toBe('unavailable');
    // The id of an open code is none of a challenge.
    const withCode = stepOf(
      patch(sessionOf(), { challenges: { otpEmail: { returnCode: false } } }, { verdicts: { openings: [codeOpening] } }),
    ).session;
    expect(mustFail(patch(withCode, giving, { verdicts: given('code') })).kind).toBe('unavailable');
  });

  it('is not taken for another user, nor for nobody', () => {
    expect(mustFail(patch(challenged(['1']), giving, { verdicts: given('1', 'mickey') })).kind).toBe('unavailable');
    expect(mustFail(patch(challenged(['1']), giving)).kind).toBe('unavailable');
    const nobodys = challenged(['1'], newSession());
    expect(outcomeOf(patch(nobodys, giving, { verdicts: given('1') }))).toBe('COMMAND-eeR2e');
  });

  it('brings the user along into a session that had none, and into no other', () => {
    const nobodys = challenged(['1'], newSession());
    const result = patch(nobodys, giving, { verdicts: { ...given('1'), user: minnie() } });
    expect(eventsOf(result)).toEqual(['session.user.checked', 'session.webAuthN.checked', 'session.token.set']);
    expect(stepOf(result).session).toMatchObject({ user: { id: 'minnie', verifiedAt: NOW }, factors: { webAuthN: { userVerified: true } } });
    expect(mustFail(patch(challenged(['1']), giving, { verdicts: { ...given('1', 'mickey'), user: mickey() } })).message).toBe(
      'user change not possible',
    );
    expect(mustFail(patch(nobodys, giving, { verdicts: { ...given('1', 'mickey'), user: minnie() } })).kind).toBe('unavailable');
  });

  it('comes after a password and before a code, and before the challenge that the same request opens', () => {
    const before = challenged(['1']);
    const asked = { checks: { totp: { code: '1' }, ...giving.checks, ...checkPassword.checks }, ...asking };
    const verdicts = {
      ...given('1'),
      totp: { userId: 'minnie', reservedAt: NOW },
      password: passwordOf('minnie'),
      openings: [codeOpening, opening('2')],
    };
    const result = patch(before, { ...asked, challenges: { ...asking.challenges, otpEmail: { returnCode: false } } }, { verdicts });
    expect(eventsOf(result)).toEqual([
      'session.password.checked',
      'session.webAuthN.checked',
      'session.totp.checked',
      'session.otp.email.challenged',
      'session.webAuthN.challenged',
      'session.token.set',
    ]);
    expect(openIn(stepOf(result).session)).toEqual(['2']);
  });

  it('is not taken in the challenge that the same request opens', () => {
    expect(mustFail(patch(sessionOf(), { ...giving, ...asking }, { verdicts: { ...given('1'), openings: [opening('1')] } })).kind).toBe(
      'unavailable',
    );
  });
});

describe('the open challenges of a session', () => {
  const happening = fc.oneof(
    fc.record({ does: fc.constant('open' as const), lifetimeMs: fc.integer({ min: 1, max: LIFETIME }), after: fc.nat(2 * MINUTE) }),
    fc.record({ does: fc.constant('answer' as const), nth: fc.nat(5), after: fc.nat(2 * MINUTE) }),
  );

  it('are never more than four, each opened and not answered; the newest is there, and none goes that need not', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
        let [session, now, number] = [sessionOf(), NOW, 0];
        const answered = new Set<string>();
        for (const each of happenings) {
          now += each.after;
          const before = session.challenges?.webAuthN ?? [];
          if (each.does === 'open') {
            number += 1;
            const { method: _, lifetimeMs: __, ...challenge } = opening(String(number));
            session = frozen(
              evolve(session, { type: 'session.webAuthN.challenged', challenge: { ...challenge, expiresAt: now + each.lifetimeMs } }, now),
            );
            const kept = before.filter(({ expiresAt }) => now < expiresAt);
            expect(openIn(session)).toEqual([...kept.map(({ id }) => id), String(number)].slice(-4));
          } else {
            const id = before[each.nth]?.id ?? 'none';
            answered.add(id);
            session = frozen(evolve(session, { type: 'session.webAuthN.checked', challengeId: id, userVerified: true }, now));
            expect(openIn(session) ?? []).toEqual(before.map((open) => open.id).filter((open) => open !== id));
          }
          const open = openIn(session) ?? [];
          expect(open.length).toBeLessThanOrEqual(4);
          expect(open.filter((id) => answered.has(id))).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('whom a request is about', () => {
  const nobody = (asked: Partial<UpdateSession>) => outcomeOf(subjectOf(undefined, undefined, command(asked)));

  it('need not be known for a challenge of WebAuthn', () => {
    expect(subjectOf(undefined, undefined, command(asking))).toEqual({ ok: true, value: undefined });
  });

  it('is needed by its check, which comes after the password and before the codes', () => {
    expect(nobody(giving)).toBe('COMMAND-eeR2e');
    expect(mustFail(subjectOf(undefined, undefined, command(giving))).kind).toBe('failed-precondition');
    expect(nobody({ checks: { ...giving.checks, ...checkPassword.checks } })).toBe('COMMAND-Sfw3f');
    expect(nobody({ checks: { totp: { code: '1' }, ...giving.checks } })).toBe('COMMAND-eeR2e');
    expect(nobody({ ...giving, challenges: { otpSms: { returnCode: false } } })).toBe('COMMAND-eeR2e');
    expect(nobody({ challenges: { ...asking.challenges, otpSms: { returnCode: false } } })).toBe('COMMAND-JKL3g');
  });

  it('is the user whom the assertion names, who is the session’s own where it has one', () => {
    expect(must(subjectOf(undefined, minnie(), command(giving)))).toMatchObject({ id: 'minnie' });
    expect(must(subjectOf(minnie(), undefined, command(giving)))).toMatchObject({ id: 'minnie' });
    expect(mustFail(subjectOf(minnie(), mickey(), command(giving))).message).toBe('user change not possible');
  });
});

describe('a session token as bearer', () => {
  const bearer = (factors: Session['factors']) => must(bearerUser({ ...sessionOf(), factors }, 'current', noStops, NOW));
  const demanded = { everybody: true, ready: true };

  it('is nobody’s while nothing but the user is known', () => {
    const named = bearerUser({ ...sessionOf(), factors: {} }, 'current', noStops, NOW);
    expect(named).toMatchObject({ ok: false, problem: { id: 'AUTHZ-Kl3p0', message: 'authentication required' } });
  });

  it('is of several factors with a passkey alone where it verified its user', () => {
    const verified = bearer({ webAuthN: { verifiedAt: NOW, userVerified: true } });
    const unverified = bearer({ webAuthN: { verifiedAt: NOW, userVerified: false } });
    expect([verified.multiFactor, unverified.multiFactor]).toEqual([true, false]);
    expect(mfaProblem(verified, demanded)).toBeUndefined();
    expect(mfaProblem(unverified, demanded)).toMatchObject({ kind: 'permission-denied', message: 'mfa required' });
    expect(mfaProblem(unverified, { everybody: false, ready: false })).toBeUndefined();
  });

  it('is of several factors with any two', () => {
    const password = { verifiedAt: NOW, version: 1 };
    expect(bearer({ password, webAuthN: { verifiedAt: NOW, userVerified: false } }).multiFactor).toBe(true);
    expect(bearer({ password }).multiFactor).toBe(false);
  });
});
