import { describe, expect, it } from 'vitest';
import { type CreateSession, create } from '../../src/core/session/create.ts';
import {
  checkBoth,
  checkPassword,
  checkUser,
  command,
  DAY,
  MINUTE,
  minnie,
  moment,
  must,
  mustFail,
  NOW,
  outcomeOf,
  pair,
  passwordOf,
  policy,
  stopped,
} from './builders.ts';

const created = (...[asked = {}, verdicts = {}, at = {}]: Parameters<typeof request>) => must(request(asked, verdicts, at));
const request = (asked: Partial<CreateSession> = {}, verdicts: Parameters<typeof create>[3] = {}, at: Partial<Parameters<typeof create>[4]> = {}) =>
  create('session-1', 'creator-1', command(asked), verdicts, moment(at));

describe('creating a session', () => {
  it('makes one without user, factors or metadata out of an empty request, with a token all the same', () => {
    expect(created().session).toEqual({
      id: 'session-1',
      creator: 'creator-1',
      sequence: 2,
      creationDate: NOW,
      changeDate: NOW,
      token: 'digest-2',
      factors: {},
      metadata: {},
      lifetimeEndsAt: NOW + 30 * DAY,
      expiresAt: NOW + 30 * DAY,
    });
  });

  it('records what happened in order, the token last', () => {
    const { events, session } = created(
      { ...checkBoth, metadata: [pair('a', '1')], lifetimeMs: MINUTE },
      { user: minnie(), password: passwordOf('minnie') },
    );
    expect(events.map(({ type }) => type)).toEqual([
      'session.added',
      'session.user.checked',
      'session.password.checked',
      'session.metadata.set',
      'session.lifetime.set',
      'session.token.set',
    ]);
    expect(session.sequence).toBe(6);
  });

  it('carries checks, metadata, agent and lifetime at once', () => {
    const userAgent = { fingerprintId: 'f', header: { accept: ['a', 'b'] } };
    const { session } = created(
      { ...checkBoth, metadata: [pair('a', '1')], lifetimeMs: MINUTE, userAgent },
      { user: minnie({ admittedAt: NOW - 1 }), password: passwordOf('minnie', NOW - 1) },
    );
    const { admittedAt, ...user } = minnie();
    expect(session).toMatchObject({
      user: { ...user, verifiedAt: NOW },
      factors: { password: { verifiedAt: NOW, version: 1 } },
      metadata: { a: btoa('1') },
      userAgent,
      expiresAt: NOW + MINUTE,
    });
    expect(session.user).not.toHaveProperty('admittedAt');
  });

  it('gives the default lifetime where none is asked for', () => {
    expect(created({}, {}, { policy: policy({ defaultLifetimeMs: 5 * MINUTE }) }).session.expiresAt).toBe(NOW + 5 * MINUTE);
  });

  it('gives the lifetime asked for, be it shorter or longer than the default', () => {
    expect(created({ lifetimeMs: 1 }).session.expiresAt).toBe(NOW + 1);
    expect(created({ lifetimeMs: 31 * DAY }).session.expiresAt).toBe(NOW + 31 * DAY);
  });

  it('clamps a lifetime to the maximum', () => {
    const at = { policy: policy({ maxLifetimeMs: 40 * DAY }) };
    expect(created({ lifetimeMs: 40 * DAY }, {}, at).session.expiresAt).toBe(NOW + 40 * DAY);
    expect(created({ lifetimeMs: 40 * DAY + 1 }, {}, at).session.expiresAt).toBe(NOW + 40 * DAY);
  });

  it('expires after the idle time where that comes before the end of the lifetime', () => {
    const at = { policy: policy({ idleTimeoutMs: MINUTE }) };
    expect(created({}, {}, at).session).toMatchObject({ expiresAt: NOW + MINUTE, lifetimeEndsAt: NOW + 30 * DAY });
    expect(created({ lifetimeMs: 1 }, {}, at).session.expiresAt).toBe(NOW + 1);
    expect(created({}, {}, { policy: policy({ idleTimeoutMs: 1 }) }).session.expiresAt).toBe(NOW + 1);
  });

  it('leaves the agent out where none was given', () => {
    expect(created().session).not.toHaveProperty('userAgent');
  });

  it('leaves empty values out of the metadata', () => {
    expect(created({ metadata: [pair('a', ''), pair('b', '1')] }).session.metadata).toEqual({ b: btoa('1') });
  });

  it('does not record metadata that come to nothing', () => {
    expect(created({ metadata: [pair('a', '')] }).events.map(({ type }) => type)).toEqual(['session.added', 'session.token.set']);
  });
});

describe('creating a session is refused', () => {
  it('with a password and no user', () => {
    expect(mustFail(request(checkPassword))).toEqual({ kind: 'failed-precondition', id: 'COMMAND-Sfw3f', message: 'User ID missing' });
  });

  it('with a password that was verified for somebody else', () => {
    expect(outcomeOf(request(checkBoth, { user: minnie(), password: passwordOf('mickey') }))).toBe('SALLY-Retry');
  });

  it('with a password verdict and nobody whose it could be', () => {
    expect(outcomeOf(request({}, { password: passwordOf('minnie') }))).toBe('SALLY-Retry');
  });

  it('with metadata beyond the limits', () => {
    const metadata = Array.from({ length: 65 }, (_, n) => pair(String(n), '1'));
    expect(mustFail(request({ metadata })).kind).toBe('invalid-argument');
  });

  it('with a user who was stopped after being admitted', () => {
    const verdicts = { user: minnie({ epoch: 3 }) };
    expect(outcomeOf(request(checkUser, verdicts, { stopOf: stopped('minnie', { epoch: 4 }) }))).toBe('SESSION-Gj4ko');
    expect(outcomeOf(request(checkUser, verdicts, { stopOf: stopped('minnie', { epoch: 4, deleted: true }) }))).toBe('SESSION-Gj4ko');
  });

  it('not with a user who was admitted after the stop', () => {
    const verdicts = { user: minnie({ epoch: 4 }) };
    expect(outcomeOf(request(checkUser, verdicts, { stopOf: stopped('minnie', { epoch: 4 }) }))).toBe('ok');
  });

  it('with a verdict that is older than 15 s, and not at 15 s exactly', () => {
    const at15s = { user: minnie({ admittedAt: NOW - 15_000 }), password: passwordOf('minnie', NOW - 15_000) };
    expect(outcomeOf(request(checkBoth, at15s))).toBe('ok');
    expect(outcomeOf(request(checkBoth, { ...at15s, user: minnie({ admittedAt: NOW - 15_001 }) }))).toBe('SALLY-Retry');
    expect(outcomeOf(request(checkBoth, { ...at15s, password: passwordOf('minnie', NOW - 15_001) }))).toBe('SALLY-Retry');
  });
});
