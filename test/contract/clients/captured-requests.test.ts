import { describe, expect, inject, it } from 'vitest';
import { api, newUser, PASSWORD } from '../../support/api.ts';
import { createFor, get, type Login, set } from '../../support/login.ts';

/** Requests in the form in which clients that cannot be installed here were seen to send them. */
const send = (method: string, path: string, headers: Record<string, string>, body?: string) =>
  fetch(new URL(path, inject('baseUrl')), {
    method,
    headers: { authorization: `Bearer ${inject('adminToken')}`, ...headers },
    ...(body !== undefined && { body }),
  });

async function loginOfSomebody(): Promise<Login & { userId: string }> {
  const { userId } = await newUser({ phone: { phone: '+41791234567', isVerified: true } });
  for (const factor of ['otp_email', 'otp_sms']) await api().post(`/v2/users/${userId}/${factor}`, {});
  return { ...(await createFor(userId)), userId };
}

describe('a PATCH', () => {
  it('of the Python SDK: spaces in its JSON, and no encoding accepted', async () => {
    const { id, token } = await loginOfSomebody();
    const body = `{"sessionToken": "${token}", "checks": {"password": {"password": "${PASSWORD}"}}, "lifetime": "300s"}`;
    const headers = { 'content-type': 'application/json', accept: 'application/json', 'accept-encoding': 'identity' };
    const answer = await send('PATCH', `/v2/sessions/${id}`, headers, body);
    expect([answer.status, answer.headers.get('content-encoding')]).toEqual([200, null]);
  });

  it('of the PHP client: both codes handed back, one by an empty message and one by a flag, and an organisation in the query', async () => {
    const login = await loginOfSomebody();
    const body = JSON.stringify({ sessionToken: login.token, challenges: { otpEmail: { returnCode: {} }, otpSms: { returnCode: true } } });
    const answer = await send('PATCH', `/v2/sessions/${login.id}?ctx.orgId=1`, { accept: 'application/json' }, body);
    expect(answer.status).toBe(200);
    const { sessionToken, challenges } = (await answer.json()) as { sessionToken: string; challenges: { otpEmail: string; otpSms: string } };
    login.token = sessionToken;
    const checks = { otpEmail: { code: challenges.otpEmail }, otpSms: { code: challenges.otpSms } };
    expect((await set(login, { checks })).status).toBe(200);
  });
});

describe('a GET', () => {
  it('without a content type, or with one and no body, or with keys in its query that nobody knows', async () => {
    const { id, token, userId } = await loginOfSomebody();
    for (const headers of [{}, { 'content-type': 'application/json' }, { accept: 'application/json' }] as Record<string, string>[]) {
      const answer = await send('GET', `/v2/sessions/${id}?sessionToken=${token}&orgId=1&ctx.orgId=1`, headers);
      expect(await answer.json()).toMatchObject({ session: { id, factors: { user: { id: userId } } } });
    }
  });
});

describe('a DELETE', () => {
  it.each([
    ['with an empty message and a content type', { 'content-type': 'application/json' }, '{}'],
    ['with an empty message alone', {}, '{}'],
    ['without a body', {}, undefined],
    ['without a body, of a content type', { 'content-type': 'application/json' }, undefined],
  ] as [string, Record<string, string>, string | undefined][])('%s ends the session', async (_, headers, body) => {
    const login = await loginOfSomebody();
    expect((await send('DELETE', `/v2/sessions/${login.id}`, headers, body)).status).toBe(200);
    expect((await get(login)).status).toBe(404);
  });
});
