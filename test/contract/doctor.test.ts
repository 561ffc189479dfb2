import { describe, expect, inject, it } from 'vitest';
import { api, newMachine } from '../support/api.ts';
import { refusal } from '../support/login.ts';

describe('the doctor', () => {
  it('finds the bindings and the secrets of a deployment, and tells its keys by number', async () => {
    const { status, body } = await api().get('/doctor');
    expect(status).toBe(200);
    const levels = Object.fromEntries(body.findings.map(({ subject, level }: { subject: string; level: string }) => [subject, level]));
    expect(levels).toMatchObject({ DB: 'ok', SESSIONS: 'ok', USERS: 'ok', ADMIN_TOKEN: 'ok' });
    expect(Object.keys(levels)).toEqual(expect.arrayContaining(['SESSION_ID_KEYS', 'PEPPER_KEYS', 'SEAL_KEYS', 'IDEMPOTENCY_KEYS']));
    expect(JSON.stringify(body)).not.toContain(inject('adminToken'));
  });

  it('talks to the operator alone', async () => {
    const owner = await newMachine({ instance: ['IAM_OWNER'] });
    expect(refusal(await api(owner.token).get('/doctor'))).toEqual([403, 'AUTH-AWfge']);
    expect((await api('').get('/doctor')).status).toBe(401);
  });
});
