import { describe, expect, it } from 'vitest';
import { EVERYWHERE, NOWHERE } from '../../src/core/permission.ts';
import { type Terminator, terminate } from '../../src/core/session/terminate.ts';
import {
  checkBoth,
  DAY,
  frozen,
  inOrg,
  MINUTE,
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
  sessionOf,
} from './builders.ts';

const by = (overrides: Partial<Terminator> = {}): Terminator => ({ token: 'absent', delete: NOWHERE, ...overrides });
const withToken = by({ token: 'current' });
const full = newSession(
  { ...checkBoth, metadata: [pair('a', '1')], userAgent: { ip: '192.0.2.1', description: 'Firefox' } },
  { user: minnie({ admittedAt: NOW - MINUTE }), password: passwordOf('minnie', NOW - MINUTE) },
);
const ended = frozen(must(terminate(full, withToken, NOW)).session);

describe('a DELETE', () => {
  it('ends a session with its current token alone', () => {
    const { session, events } = must(terminate(full, withToken, NOW));
    expect(events).toEqual([{ type: 'session.terminated' }]);
    expect(session).toMatchObject({ terminatedAt: NOW, changeDate: NOW, sequence: full.sequence + 1 });
  });

  it('is refused with a token that is not the live one, whatever the caller may do', () => {
    const superseded = by({ token: 'superseded', delete: EVERYWHERE, selfId: 'minnie' });
    expect(mustFail(terminate(full, superseded, NOW))).toMatchObject({ kind: 'permission-denied', id: 'COMMAND-sGr42' });
    expect(outcomeOf(terminate(ended, superseded, NOW))).toBe('COMMAND-sGr42');
  });

  it('without a token needs session.delete where the user of the session is', () => {
    expect(mustFail(terminate(full, by(), NOW))).toMatchObject({ kind: 'permission-denied', id: 'AUTH-AWfge' });
    expect(outcomeOf(terminate(full, by({ delete: inOrg(OTHER_ORG) }), NOW))).toBe('AUTH-AWfge');
    expect(outcomeOf(terminate(full, by({ delete: inOrg(ORG) }), NOW))).toBe('ok');
    expect(outcomeOf(terminate(full, by({ delete: EVERYWHERE }), NOW))).toBe('ok');
  });

  it('without a token needs session.delete everywhere for a session without a user', () => {
    expect(outcomeOf(terminate(newSession(), by({ delete: inOrg(ORG) }), NOW))).toBe('AUTH-AWfge');
    expect(outcomeOf(terminate(newSession(), by({ delete: EVERYWHERE }), NOW))).toBe('ok');
  });

  it('lets users end their own sessions, and not those of others or of nobody', () => {
    expect(outcomeOf(terminate(full, by({ selfId: 'minnie' }), NOW))).toBe('ok');
    expect(outcomeOf(terminate(full, by({ selfId: 'mickey' }), NOW))).toBe('AUTH-AWfge');
    expect(outcomeOf(terminate(newSession(), by({ selfId: 'minnie' }), NOW))).toBe('AUTH-AWfge');
    expect(outcomeOf(terminate(newSession(), by(), NOW))).toBe('AUTH-AWfge');
  });

  it('does not let creators end what they created, without session.delete', () => {
    expect(outcomeOf(terminate(full, by({ selfId: 'creator-1' }), NOW))).toBe('AUTH-AWfge');
  });

  it('tells only those who may that a session is not there', () => {
    expect(outcomeOf(terminate(undefined, by({ selfId: 'minnie' }), NOW))).toBe('AUTH-AWfge');
    expect(outcomeOf(terminate(undefined, by({ delete: inOrg(ORG) }), NOW))).toBe('AUTH-AWfge');
    expect(mustFail(terminate(undefined, by({ delete: EVERYWHERE }), NOW))).toMatchObject({ kind: 'not-found', id: 'QUERY-SFeaa' });
    expect(outcomeOf(terminate(undefined, by({ token: 'superseded' }), NOW))).toBe('QUERY-SFeaa');
  });

  it('ends an expired session too', () => {
    expect(must(terminate(full, withToken, NOW + 400 * DAY)).session.terminatedAt).toBe(NOW + 400 * DAY);
  });
});

describe('a DELETE of an ended session', () => {
  it('changes nothing and succeeds, with the token that it died with as well', () => {
    const again = must(terminate(ended, withToken, NOW + MINUTE));
    expect(again.events).toEqual([]);
    expect(again.session).toBe(ended);
  });

  it('is still open to its user and to whoever holds session.delete there, and to nobody else', () => {
    expect(outcomeOf(terminate(ended, by({ selfId: 'minnie' }), NOW))).toBe('ok');
    expect(outcomeOf(terminate(ended, by({ delete: inOrg(ORG) }), NOW))).toBe('ok');
    expect(outcomeOf(terminate(ended, by({ delete: inOrg(OTHER_ORG) }), NOW))).toBe('AUTH-AWfge');
  });
});

describe('an ended session', () => {
  it('keeps nothing personal', () => {
    for (const personal of ['minnie@mouse.com', 'Minnie Mouse', '192.0.2.1', 'Firefox', btoa('1')]) {
      expect(JSON.stringify(full)).toContain(personal);
      expect(JSON.stringify(ended)).not.toContain(personal);
    }
    expect(ended).toMatchObject({ factors: {}, metadata: {}, user: { loginName: '', displayName: '', preferredLanguage: '' } });
    expect(ended).not.toHaveProperty('userAgent');
  });

  it('keeps what a repeated DELETE needs', () => {
    expect(ended).toMatchObject({ id: full.id, token: full.token, creator: full.creator, user: { id: 'minnie', organizationId: ORG } });
  });

  it('has no user when it had none', () => {
    expect(must(terminate(newSession(), withToken, NOW)).session).not.toHaveProperty('user');
    expect(must(terminate(sessionOf(), withToken, NOW)).session).toHaveProperty('user');
  });
});
