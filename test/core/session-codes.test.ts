import { describe, expect, it } from 'vitest';
import { EVERYWHERE } from '../../src/core/permission.ts';
import { bearerUser } from '../../src/core/session/bearer.ts';
import type { Opening, UpdateSession, Verdicts } from '../../src/core/session/command.ts';
import { needsWrite } from '../../src/core/session/command.ts';
import { isCodeOpen } from '../../src/core/session/open-code.ts';
import type { OtpMethod, Session } from '../../src/core/session/session.ts';
import { terminate } from '../../src/core/session/terminate.ts';
import {
  command,
  eventsOf,
  frozen,
  MINUTE,
  must,
  mustFail,
  NOW,
  noStops,
  outcomeOf,
  passwordOf,
  patch,
  sessionOf,
  stepOf,
  stopped,
} from './builders.ts';

const opening = (id: string, method: OtpMethod = 'otpEmail'): Opening => ({ method, id, box: `box of ${id}`, lifetimeMs: 5 * MINUTE });
const asking: Partial<UpdateSession> = { challenges: { otpEmail: { returnCode: false } } };
const giving: Partial<UpdateSession> = { checks: { otpEmail: { code: '1' } } };
const given = (challengeId: string, userId = 'minnie'): Verdicts => ({ otpEmail: { userId, reservedAt: NOW, challengeId } });

/** A session in which the code `first` is open since a minute. */
const challenged = (): Session =>
  frozen(stepOf(patch(sessionOf(), asking, { verdicts: { openings: [opening('first')] }, at: { now: NOW - MINUTE } })).session);

describe('a challenge', () => {
  it('opens a code for as long as it lasts, and renews the token', () => {
    const result = patch(sessionOf(), asking, { verdicts: { openings: [opening('first')] } });
    expect(eventsOf(result)).toEqual(['session.otp.email.challenged', 'session.token.set']);
    expect(stepOf(result).session.challenges).toEqual({ otpEmail: { id: 'first', box: 'box of first', expiresAt: NOW + 5 * MINUTE } });
  });

  it('takes the place of the one before, and leaves the other method’s alone', () => {
    const both = stepOf(
      patch(challenged(), { challenges: { otpSms: { returnCode: false } } }, { verdicts: { openings: [opening('sms', 'otpSms')] } }),
    );
    const next = stepOf(patch(both.session, asking, { verdicts: { openings: [opening('second')] } }));
    expect([next.session.challenges?.otpEmail?.id, next.session.challenges?.otpSms?.id]).toEqual(['second', 'sms']);
  });

  it('of which nothing was opened is a defect that lets nobody in', () => {
    expect(mustFail(patch(sessionOf(), asking)).kind).toBe('unavailable');
    expect(mustFail(patch(sessionOf(), asking, { verdicts: { openings: [opening('sms', 'otpSms')] } })).kind).toBe('unavailable');
  });

  it('that hands the code back, or leads to a link of the caller’s own, needs session.write beside the token', () => {
    const needy = [
      { otpEmail: { returnCode: true } },
      { otpSms: { returnCode: true } },
      { otpEmail: { returnCode: false, urlTemplate: 'https://a' } },
      { otpSms: { returnCode: false }, otpEmail: { returnCode: true } },
    ];
    const modest = [{}, { otpEmail: { returnCode: false } }, { otpSms: { returnCode: false }, otpEmail: { returnCode: false } }];
    expect(needy.map((challenges) => needsWrite(command({ challenges })))).toEqual([true, true, true, true]);
    expect(modest.map((challenges) => needsWrite(command({ challenges })))).toEqual([false, false, false]);
    expect(outcomeOf(patch(sessionOf(), { challenges: { otpEmail: { returnCode: true } } }, { verdicts: { openings: [opening('x')] } }))).toBe(
      'AUTH-AWfge',
    );
  });
});

describe('a code that was found right', () => {
  it('verifies its factor and is open no more', () => {
    const { session } = stepOf(patch(challenged(), giving, { verdicts: given('first') }));
    expect(session.factors).toEqual({ otpEmail: { verifiedAt: NOW } });
    expect(session.challenges).toEqual({});
  });

  it('is not taken when another took its place, or it was given, meanwhile', () => {
    expect(mustFail(patch(challenged(), giving, { verdicts: given('zeroth') })).kind).toBe('unavailable');
    const { session } = stepOf(patch(challenged(), giving, { verdicts: given('first') }));
    expect(mustFail(patch(session, giving, { verdicts: given('first') })).kind).toBe('unavailable');
  });

  it('is not taken for another user', () => {
    expect(mustFail(patch(challenged(), giving, { verdicts: given('first', 'mickey') })).kind).toBe('unavailable');
  });

  it('comes before a code that the same request opens', () => {
    const result = patch(challenged(), { ...giving, ...asking }, { verdicts: { ...given('first'), openings: [opening('second')] } });
    expect(eventsOf(result)).toEqual(['session.otp.email.checked', 'session.otp.email.challenged', 'session.token.set']);
    expect(stepOf(result).session.challenges?.otpEmail?.id).toBe('second');
  });
});

describe('a code that is to be sent', () => {
  const open = (session: Session | undefined, id = 'first', now = NOW) => isCodeOpen(session, 'otpEmail', id, noStops, now);

  it('is open until it is replaced, given or expired', () => {
    expect(open(challenged())).toBe(true);
    expect([open(challenged(), 'second'), open(undefined)]).toEqual([false, false]);
    expect([open(challenged(), 'first', NOW + 4 * MINUTE - 1), open(challenged(), 'first', NOW + 4 * MINUTE)]).toEqual([true, false]);
    expect(open(stepOf(patch(challenged(), giving, { verdicts: given('first') })).session)).toBe(false);
  });

  it('is open no more when its session has ended or its user was stopped', () => {
    const ended = must(terminate(challenged(), { token: 'absent', delete: EVERYWHERE, selfId: 'x' }, NOW)).session;
    expect(ended).not.toHaveProperty('challenges');
    expect(open(ended)).toBe(false);
    expect(isCodeOpen(challenged(), 'otpEmail', 'first', stopped('minnie'), NOW)).toBe(false);
    expect(open({ ...challenged(), expiresAt: NOW })).toBe(false);
  });
});

describe('a session token as bearer', () => {
  it('is one of several factors from the second one on', () => {
    const one = stepOf(patch(sessionOf(), { checks: { password: { password: 'p' } } }, { verdicts: { password: passwordOf('minnie') } })).session;
    const two = stepOf(patch({ ...one, challenges: challenged().challenges ?? {} }, giving, { verdicts: given('first') })).session;
    expect([one, two].map((session) => must(bearerUser(session, 'current', noStops, NOW)).multiFactor)).toEqual([false, true]);
  });
});
