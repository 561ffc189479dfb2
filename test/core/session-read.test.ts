import { describe, expect, it } from 'vitest';
import { EVERYWHERE, NOWHERE } from '../../src/core/permission.ts';
import { type Reader, read } from '../../src/core/session/read.ts';
import { terminate } from '../../src/core/session/terminate.ts';
import { DAY, inOrg, MINUTE, minnie, must, mustFail, NOW, newSession, noStops, ORG, OTHER_ORG, outcomeOf, sessionOf, stopped } from './builders.ts';

const by = (overrides: Partial<Reader> = {}): Reader => ({ token: 'absent', read: NOWHERE, callerId: 'somebody', ...overrides });
const withToken = by({ token: 'current' });
const all = by({ read: EVERYWHERE });
const session = sessionOf();
const ended = must(terminate(session, { token: 'current', delete: NOWHERE }, NOW)).session;
const readAs = (reader: Reader, of: Parameters<typeof read>[0] = session) => outcomeOf(read(of, reader, noStops, NOW));
const stateOf = (at: number, stopOf = noStops) => must(read(session, all, stopOf, at)).state;

describe('a session may be read', () => {
  it('with its current token, by anybody', () => {
    expect(must(read(session, withToken, noStops, NOW))).toEqual({ session, state: 'active' });
  });

  it('by its creator and by its own user', () => {
    expect(readAs(by({ callerId: 'creator-1' }))).toBe('ok');
    expect(readAs(by({ callerId: 'minnie' }))).toBe('ok');
    expect(readAs(by({ callerId: 'creator-1' }), newSession())).toBe('ok');
  });

  it('by another session of the same agent, where the agent has a name', () => {
    const ofAgent = (fingerprintId: string) => ({ ...session, userAgent: { fingerprintId } });
    expect(readAs(by({ fingerprintId: 'browser' }), ofAgent('browser'))).toBe('ok');
    expect(readAs(by({ fingerprintId: 'browser' }), ofAgent('other'))).toBe('AUTH-AWfge');
    expect(readAs(by({ fingerprintId: 'browser' }))).toBe('AUTH-AWfge');
    expect(readAs(by({ fingerprintId: '' }), ofAgent(''))).toBe('AUTH-AWfge');
    expect(readAs(by(), ofAgent('browser'))).toBe('AUTH-AWfge');
    expect(readAs(by({ fingerprintId: 'browser', token: 'superseded' }), ofAgent('browser'))).toBe('QUERY-dsfr3');
  });

  it('with session.read where its user is', () => {
    expect(readAs(by({ read: inOrg(ORG) }))).toBe('ok');
    expect(readAs(by({ read: inOrg(OTHER_ORG) }))).toBe('AUTH-AWfge');
    expect(readAs(by({ read: inOrg(ORG) }), newSession())).toBe('AUTH-AWfge');
    expect(readAs(all, newSession())).toBe('ok');
  });
});

describe('reading a session is refused', () => {
  it('to a stranger without a token', () => {
    expect(mustFail(read(session, by(), noStops, NOW))).toMatchObject({ kind: 'permission-denied', id: 'AUTH-AWfge' });
    expect(readAs(by(), newSession())).toBe('AUTH-AWfge');
  });

  it('with a token that is not the live one, whoever comes with it', () => {
    const superseded = by({ token: 'superseded', read: EVERYWHERE, callerId: 'creator-1' });
    expect(mustFail(read(session, superseded, noStops, NOW))).toEqual({
      kind: 'permission-denied',
      id: 'QUERY-dsfr3',
      message: 'Permission denied',
    });
  });

  it('when it is not there or has ended, also with the token that it died with', () => {
    expect(mustFail(read(ended, withToken, noStops, NOW))).toMatchObject({ kind: 'not-found', id: 'QUERY-SFeaa' });
    expect(readAs(all, ended)).toBe('QUERY-SFeaa');
    expect(readAs(by({ callerId: 'creator-1' }), ended)).toBe('QUERY-SFeaa');
    expect(outcomeOf(read(undefined, all, noStops, NOW))).toBe('QUERY-SFeaa');
    expect(outcomeOf(read(undefined, by({ token: 'superseded' }), noStops, NOW))).toBe('QUERY-SFeaa');
  });

  it('when its user was deleted', () => {
    const stopOf = stopped('minnie', { deleted: true });
    expect(outcomeOf(read(session, withToken, stopOf, NOW))).toBe('QUERY-SFeaa');
    expect(outcomeOf(read(session, all, stopOf, NOW))).toBe('QUERY-SFeaa');
  });

  it('without a word on whether it is there, to who has neither token nor permission', () => {
    expect(outcomeOf(read(undefined, by(), noStops, NOW))).toBe('AUTH-AWfge');
    expect(outcomeOf(read(undefined, by({ read: inOrg(ORG) }), noStops, NOW))).toBe('AUTH-AWfge');
    expect(readAs(by(), ended)).toBe('AUTH-AWfge');
    expect(outcomeOf(read(session, by(), stopped('minnie', { deleted: true }), NOW))).toBe('AUTH-AWfge');
  });
});

describe('the state of a session', () => {
  it('is active until the moment of its expiry, and expired from then on', () => {
    const end = NOW - MINUTE + 30 * DAY;
    expect([end - 1, end, end + 1].map((at) => stateOf(at))).toEqual(['active', 'expired', 'expired']);
  });

  it('is stopped once its user was locked or deactivated, whether it has expired or not', () => {
    expect(stateOf(NOW, stopped('minnie'))).toBe('stopped');
    expect(stateOf(NOW + 31 * DAY, stopped('minnie'))).toBe('stopped');
  });

  it('is active when it was admitted after the stop', () => {
    const later = sessionOf(minnie({ epoch: 1, admittedAt: NOW - MINUTE }));
    expect(must(read(later, all, stopped('minnie', { epoch: 1, deleted: true }), NOW)).state).toBe('active');
  });
});
