import { createExecutionContext, runDurableObjectAlarm, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { cellOfSession } from '../../src/cells/session-id.ts';
import { registerTotp, verifyTotp } from '../../src/directory/totp.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { sealSeed } from '../../src/login-step/totp-seed.ts';
import { authenticator } from '../support/authenticator.ts';
import { type Bill, bill, billOf, FREE } from './bill.ts';
import { newOtpUser } from './otp-user.ts';
import { newPasskeyUser, RP_ID } from './passkey-user.ts';
import { cells, config, newUser, PASSWORD } from './world.ts';

const ADMIN = `Bearer ${env.ADMIN_TOKEN}`;

/** A request through the whole Worker. */
async function send(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<any> {
  const context = createExecutionContext();
  const init = { method, headers: { authorization: ADMIN, ...headers }, ...(body && { body: JSON.stringify(body) }) };
  const response = await app.fetch(new Request(`http://sallyport.test${path}`, init), env, context);
  await waitOnExecutionContext(context);
  const answer = await response.json<any>();
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** A session whose cell, like its user's, is on the bill and has nothing left to do. */
class Session {
  readonly id: string;
  token: string;
  readonly stub: DurableObjectStub;

  private constructor(id: string, token: string, stub: DurableObjectStub) {
    this.id = id;
    this.token = token;
    this.stub = stub;
  }

  static async of(user?: User, body: object = {}): Promise<Session> {
    const { sessionId, sessionToken } = await send('POST', '/v2/sessions', { ...(user && { checks: { user: { userId: user.id } } }), ...body });
    const stub = env.SESSIONS.getByName((await cellOfSession(sessionId, config.sessionIdKeys)) ?? '');
    await bill(stub, ...(user ? [env.USERS.getByName(user.cell)] : []));
    if (user) await cells.user(user.cell).load(user.id);
    return new Session(sessionId, sessionToken, stub);
  }

  async patch(body: object, headers?: Record<string, string>): Promise<any> {
    const answer = await send('PATCH', `/v2/sessions/${this.id}`, { sessionToken: this.token, ...body }, headers);
    this.token = answer.sessionToken;
    return answer;
  }

  costOf = (body: object, headers?: Record<string, string>): Promise<Bill> => billOf(() => this.patch(body, headers));
}

describe('p', () => {
  it('p', async () => {
    const s = await Session.of();
    console.log('meta', JSON.stringify(await s.costOf({ metadata: { a: 'MQ==' } })));
    console.log('idem', JSON.stringify(await s.costOf({ metadata: { a: 'MQ=k' } }, {'idempotency-key':'k1'}).catch(String)));
    console.log('idem', JSON.stringify(await s.costOf({ metadata: { a: 'MTE=' } }, {'idempotency-key':'k2'})));
    console.log('life', JSON.stringify(await s.costOf({ lifetime: '60s' })));
    console.log('life', JSON.stringify(await s.costOf({ lifetime: '61s' })));
    console.log('get', JSON.stringify(await billOf(() => send('GET', `/v2/sessions/${s.id}`))));
    console.log('bearer', JSON.stringify(await billOf(() => send('GET', `/v2/sessions/${s.id}`, undefined, { authorization: `Bearer ${s.token}` })).catch(String)));
    const user = await newUser();
    const u = await Session.of(user);
    console.log('user', JSON.stringify(await u.costOf({ checks: { user: { userId: user.id } } })));
    console.log('password', JSON.stringify(await u.costOf({ checks: { password: { password: PASSWORD } } })));
    console.log('bearer', JSON.stringify(await billOf(() => send('GET', `/v2/sessions/${u.id}`, undefined, { authorization: `Bearer ${u.token}` })).catch(String)));
    console.log('alarm', JSON.stringify(await billOf(() => runDurableObjectAlarm(u.stub))));
    const o = await newOtpUser();
    const os = await Session.of(o);
    let code = '';
    console.log('otp challenge', JSON.stringify(await billOf(async () => { code = (await os.patch({ challenges: { otpEmail: { returnCode: {} } } })).challenges.otpEmail; })));
    console.log('otp', JSON.stringify(await os.costOf({ checks: { otpEmail: { code } } })));
    const { user: p, passkey } = await newPasskeyUser();
    const ps = await Session.of(p);
    let challenge: any;
    console.log('passkey challenge', JSON.stringify(await billOf(async () => { challenge = (await ps.patch({ challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 3 } } })).challenges; })));
    const assertion = await passkey.get(challenge.webAuthN.publicKeyCredentialRequestOptions.publicKey.challenge, { signCount: 7 });
    console.log(JSON.stringify(assertion).slice(0,200));
  });
});
