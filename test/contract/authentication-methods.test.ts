import { describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, refusal } from '../support/login.ts';

const list = (userId: string, bearer?: string, version = 'v2') => api(bearer).get(`/${version}/users/${userId}/authentication_methods`);
const methods = async (userId: string, version = 'v2'): Promise<string[]> => {
  const { status, body } = await list(userId, undefined, version);
  expect(status).toBe(200);
  expect(body.details).toEqual({ ...(body.authMethodTypes && { totalResult: String(body.authMethodTypes.length) }), timestamp: expect.any(String) });
  return (body.authMethodTypes ?? []).map((name: string) => name.replace('AUTHENTICATION_METHOD_TYPE_', ''));
};

describe('GET /users/{userId}/authentication_methods', () => {
  it('lists what a user can sign in with, in both versions; recovery codes in v2 only', async () => {
    const { userId } = await newUser({ phone: { phone: '+41791234567', isVerified: true } });
    expect(await methods(userId)).toEqual(['PASSWORD']);
    for (const factor of ['otp_email', 'otp_sms', 'recovery_codes']) await api().post(`/v2/users/${userId}/${factor}`, {});
    expect(await methods(userId)).toEqual(['PASSWORD', 'OTP_SMS', 'OTP_EMAIL', 'RECOVERY_CODE']);
    expect(await methods(userId, 'v2beta')).toEqual(['PASSWORD', 'OTP_SMS', 'OTP_EMAIL']);
    for (const factor of ['otp_email', 'otp_sms', 'recovery_codes']) await api().delete(`/v2/users/${userId}/${factor}`);
    expect(await methods(userId)).toEqual(['PASSWORD']);
  });

  it('lists codes only while the address that they go to is verified', async () => {
    const { userId } = await newUser();
    await api().post(`/v2/users/${userId}/otp_email`, {});
    const email = `${unique('mini')}@mouse.com`;
    const { body } = await api().post(`/v2/users/${userId}/email`, { email, returnCode: {} });
    expect(await methods(userId)).toEqual(['PASSWORD']);
    await api().post(`/v2/users/${userId}/email/verify`, { verificationCode: body.verificationCode });
    expect(await methods(userId)).toEqual(['PASSWORD', 'OTP_EMAIL']);
  });

  it('lists nothing of a user without a factor, nor of a machine', async () => {
    const { userId } = await newUser({ password: undefined });
    expect(await methods(userId)).toEqual([]);
    expect(await methods((await newMachine()).userId)).toEqual([]);
  });

  it('takes the domain query, which concerns passkeys alone', async () => {
    const { userId } = await newUser();
    const path = `/v2/users/${userId}/authentication_methods?domainQuery.domain=mouse.com&domainQuery.includeWithoutDomain=true`;
    expect((await api().get(path)).body.authMethodTypes).toEqual(['AUTHENTICATION_METHOD_TYPE_PASSWORD']);
  });

  it('needs user.read where the user is, or is asked by users of themselves', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own } });
    const foreign = await newUser();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const stranger = await newMachine();
    expect((await list(mine.userId, '')).status).toBe(401);
    expect((await list(mine.userId, manager.token)).status).toBe(200);
    expect(refusal(await list(foreign.userId, manager.token))).toEqual([404, 'QUERY-Dfbg2']);
    expect(refusal(await list(mine.userId, stranger.token))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await list('nobody'))).toEqual([404, 'QUERY-Dfbg2']);
    const { token } = await create({ checks: { user: { userId: mine.userId }, password: { password: PASSWORD } } });
    expect((await list(mine.userId, token)).status).toBe(200);
    expect(refusal(await list(foreign.userId, token))).toEqual([403, 'AUTH-AWfge']);
  });
});
