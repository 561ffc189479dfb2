import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newOrganization, newUser, PASSWORD } from '../support/api.ts';
import { authenticator } from '../support/authenticator.ts';
import { create, createFor, get, password, set } from '../support/login.ts';
import { SecurityKey } from '../support/security-key.ts';
import { challenge, check, enrol } from '../support/security-key-steps.ts';
import { knock, PROTOCOL, watchByBearer, watchByToken } from './watcher.ts';

const NOT_THERE = [404, 'QUERY-SFeaa'];
const NO_PERMISSION = [403, 'AUTH-AWfge'];
const WRONG_TOKEN = [403, 'QUERY-dsfr3'];

const metadata = (key: string) => ({ metadata: { [key]: 'MQ==' } });

/** The token of a person who is signed in with their password. */
async function signedIn(userId: string) {
  const login = await createFor(userId);
  await set(login, password(PASSWORD));
  return login;
}

describe('GET /v2/sessions/{sessionId}/watch', () => {
  it('is begun by the current token, as a subprotocol, and speaks the subprotocol of watches', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    const watcher = watchByToken(login);
    const [whole] = await watcher.told(1);
    const { session } = (await get(login)).body;
    expect(whole).toEqual({ sequence: session.sequence, session });
    expect(watcher.socket.protocol).toBe(PROTOCOL);
  });

  it('is begun by whoever may read the session: its creator, its user, and session.read', async () => {
    const { userId } = await newUser();
    const reader = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    const creator = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const login = await create({ checks: { user: { userId } } }, api(creator.token));
    const other = await signedIn(userId);
    for (const bearer of [reader.token, creator.token, other.token]) {
      expect(await watchByBearer(login, bearer).told(1)).toMatchObject([{ session: { id: login.id } }]);
    }
  });

  it('is begun by another session of the same agent, whatever that is called', async () => {
    for (const fingerprintId of ['agent', 'Müs’s bröwser 🐭 "1"']) {
      const login = await create({ userAgent: { fingerprintId } });
      for (const [agent, outcome] of [
        [fingerprintId, [101, undefined]],
        ['another', NO_PERMISSION],
      ] as const) {
        const other = await create({ userAgent: { fingerprintId: agent }, checks: { user: { userId: (await newUser()).userId } } });
        await set(other, password(PASSWORD));
        expect(await knock(login.id, { bearer: other.token }), agent).toEqual(outcome);
      }
    }
  });

  it('reads within the organisation in which session.read is held, and nowhere else', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    const inside = await newMachine({ organization: ['ORG_OWNER'], organizationId: await anOrganization() });
    const outside = await newMachine({ organization: ['ORG_OWNER'], organizationId: await newOrganization() });
    expect(await knock(login.id, { bearer: inside.token })).toEqual([101, undefined]);
    expect(await knock(login.id, { bearer: outside.token })).toEqual(NO_PERMISSION);
  });

  it('is refused to strangers, to other users, and without any caller', async () => {
    const [{ userId }, stranger] = [await newUser(), await newUser()];
    const login = await createFor(userId);
    expect(await knock(login.id, { bearer: (await newMachine()).token })).toEqual(NO_PERMISSION);
    expect(await knock(login.id, { bearer: (await signedIn(stranger.userId)).token })).toEqual(NO_PERMISSION);
    expect(await knock(login.id)).toEqual([401, 'auth header missing']);
    expect(await knock(login.id, { protocols: [] })).toEqual([401, 'auth header missing']);
    expect((await knock(login.id, { bearer: 'nonsense' }))[0]).toBe(401);
    expect((await knock(login.id, { bearer: 'nonsense', protocols: [PROTOCOL, login.token] }))[0]).toBe(401);
  });

  it('is refused with a token that is wrong, superseded, or of another session, whoever asks', async () => {
    const [login, other] = [await create(), await create()];
    const old = login.token;
    await set(login, metadata('a'));
    const wrong = login.token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const reader = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    for (const token of [old, wrong, other.token]) {
      const refused = await knock(login.id, { protocols: [PROTOCOL, token] });
      expect(refused).toEqual(WRONG_TOKEN);
      expect(await knock(login.id, { protocols: [PROTOCOL, token], bearer: reader.token })).toEqual(refused);
    }
    expect(await knock(login.id, { protocols: [PROTOCOL, login.token] })).toEqual([101, undefined]);
    expect(await knock(login.id, { protocols: [login.token, PROTOCOL], bearer: (await newMachine()).token })).toEqual([101, undefined]);
  });

  it('is refused for a session that was never there, or has ended', async () => {
    const login = await create();
    await api().delete(`/v2/sessions/${login.id}`);
    const unknown = login.id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const bearer = (await newMachine({ instance: ['IAM_OWNER_VIEWER'] })).token;
    for (const id of [login.id, unknown, 'nonsense']) {
      expect(await knock(id, { bearer })).toEqual(NOT_THERE);
      expect(await knock(id, { protocols: [PROTOCOL, login.token] })).toEqual(NOT_THERE);
    }
  });

  it('is answered 400 without Upgrade, or with another one, once it is clear who asks', async () => {
    const login = await create();
    const protocols = [PROTOCOL, login.token];
    for (const upgrade of ['', 'h2c']) expect(await knock(login.id, { protocols, upgrade })).toEqual([400, 'SALLY-Upgrade']);
    expect(await knock(login.id, { upgrade: '' })).toEqual([401, 'auth header missing']);
    expect(await knock(login.id, { protocols, upgrade: 'WebSocket' })).toEqual([101, undefined]);
  });

  it('is refused to the 33rd watcher of a session', async () => {
    const login = await create();
    const watchers = Array.from({ length: 32 }, () => watchByToken(login));
    for (const watcher of watchers) await watcher.told(1);
    expect(await knock(login.id, { protocols: [PROTOCOL, login.token] })).toEqual([429, 'SALLY-Watches']);
    for (const watcher of watchers) watcher.socket.close();
  });
});

describe('a watcher', () => {
  it('is told of every kind of change as it happens, and never of a token, a challenge, a code, or a secret', async () => {
    const key = new SecurityKey();
    const { userId } = await newUser();
    await enrol(userId, key, 'u2f');
    await api().post(`/v2/users/${userId}/otp_email`, {});
    const registered = await api().post(`/v2/users/${userId}/totp`, {});
    const app = authenticator(registered.body.uri);
    await api().post(`/v2/users/${userId}/totp/verify`, { code: app.code() });
    const login = await create();
    const watcher = watchByToken(login);
    await watcher.told(1);

    const markers = [registered.body.secret, PASSWORD, login.token];
    const step = async (body: object) => {
      const answer = await set(login, body);
      expect([answer.status, answer.body.message]).toEqual([200, undefined]);
      markers.push(login.token, login.token.slice(-43));
      return answer.body.challenges;
    };
    await step({ checks: { user: { userId } } });
    await step(password(PASSWORD));
    const { otpEmail } = await step({ challenges: { otpEmail: { returnCode: {} } } });
    const opened = await step(challenge('DISCOURAGED'));
    const options = opened.webAuthN.publicKeyCredentialRequestOptions;
    const assertion = key.get(options);
    await step({ checks: { otpEmail: { code: otpEmail } } });
    await step(check(assertion));
    await step({ ...metadata('a'), lifetime: '3600s' });
    markers.push(otpEmail, options.publicKey.challenge, assertion.response.signature);

    const told = await watcher.told(8, 1);
    expect(told.map(({ events = [] }) => events.filter((event) => event !== 'session.token.set'))).toEqual([
      ['session.user.checked'],
      ['session.password.checked'],
      ['session.otp.email.challenged'],
      ['session.webAuthN.challenged'],
      ['session.otp.email.checked'],
      ['session.webAuthN.checked'],
      ['session.metadata.set', 'session.lifetime.set'],
    ]);
    expect(told.at(-1)?.session).toEqual((await get(login)).body.session);
    const everything = watcher.texts.join('\n');
    for (const marker of markers) {
      expect(marker.length).toBeGreaterThan(7);
      expect(everything).not.toContain(marker);
    }
    // Neither a digest nor a sealed box has a place to stand in: these are all the members there are.
    const members = new Set(
      told.flatMap(({ session }) => [...Object.keys(session), ...Object.values(session.factors).flatMap((f) => Object.keys(f ?? {}))]),
    );
    expect([...members].sort()).toEqual(MEMBERS);
  });

  it('is told that a change of the password drops what it had verified', async () => {
    const { userId } = await newUser();
    const login = await signedIn(userId);
    const watcher = watchByToken(login);
    await watcher.told(1);
    const changed = await api().post(`/v2/users/${userId}/password`, { newPassword: { password: 'An0ther!Secret' } });
    expect(changed.status).toBe(200);
    const [dropped] = await watcher.told(2, 1);
    expect(dropped?.events).toContain('session.password.dropped');
    expect(Object.keys(dropped?.session.factors)).toEqual(['user']);
  });

  it('is sent away when the session is deleted, when its user is locked, and when the sessions of its user are ended', async () => {
    const endings = {
      terminated: (id: string, _: string) => api().delete(`/v2/sessions/${id}`),
      stopped: (_: string, userId: string) => api().post(`/v2/users/${userId}/lock`, {}),
    };
    const sentAway = Object.entries(endings).map(async ([reason, end]) => {
      const { userId } = await newUser();
      const login = await createFor(userId);
      const watcher = watchByToken(login);
      await watcher.told(1);
      expect((await end(login.id, userId)).status).toBe(200);
      expect(await watcher.ended()).toEqual([4000, reason]);
    });
    const { userId } = await newUser();
    const [ended, spared] = [await createFor(userId), await createFor(userId)];
    const [atEnded, atSpared] = [watchByToken(ended), watchByToken(spared)];
    await Promise.all([atEnded.told(1), atSpared.told(1)]);
    expect((await api().delete(`/v2/users/${userId}/sessions`, { exceptSessionId: spared.id })).status).toBe(200);
    await Promise.all(sentAway);
    expect(await atEnded.ended()).toEqual([4000, 'terminated']);
    await set(spared, metadata('a'));
    expect(await atSpared.told(2)).toHaveLength(2);
    expect(atSpared.ending).toBeUndefined();
  });

  it('is sent away when the session expires', async () => {
    const login = await create({ lifetime: '2s' });
    const watcher = watchByToken(login);
    await watcher.told(1);
    expect(await watcher.ended()).toEqual([4000, 'expired']);
  });
});

const MEMBERS = [
  'changeDate',
  'creationDate',
  'displayName',
  'expirationDate',
  'factors',
  'id',
  'loginName',
  'metadata',
  'organizationId',
  'sequence',
  'userVerified',
  'verifiedAt',
];
