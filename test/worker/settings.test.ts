import { createExecutionContext, env } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import worker from '../../src/index.ts';

/** What a deployment with other settings says at one of the paths. */
async function settingsWith(settings: object, path: string) {
  const request = new Request(`https://sallyport.example/v2/settings${path}`, { headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` } });
  const answer = await worker.fetch(request, { ...env, ...settings }, createExecutionContext());
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into the answer
  return ((await answer.json()) as any).settings;
}

describe('what login pages are told', () => {
  it('of lockout is the policy that is in force, and nothing when it is off', async () => {
    expect(await settingsWith({ LOCK_AFTER: '3' }, '/lockout')).toMatchObject({ maxPasswordAttempts: '3', maxOtpAttempts: '3' });
    expect(await settingsWith({ LOCK_AFTER: '0' }, '/lockout')).toEqual({ resourceOwnerType: 'RESOURCE_OWNER_TYPE_INSTANCE' });
  });

  it('of second factors is whether they are forced', async () => {
    expect(await settingsWith({ FORCE_MFA: 'true' }, '/login')).toMatchObject({ forceMfa: true });
    expect(await settingsWith({ FORCE_MFA: 'false' }, '/login')).not.toHaveProperty('forceMfa');
  });

  it('of colours, pictures and links is what the deployment set', async () => {
    const BRANDING = '{"darkTheme":{"primaryColor":"#123456","logoUrl":"/logo.svg"},"hideLoginNameSuffix":true}';
    expect(await settingsWith({ BRANDING }, '/branding')).toMatchObject({
      darkTheme: { primaryColor: '#123456', logoUrl: '/logo.svg', warnColor: '#ff3b5b' },
      hideLoginNameSuffix: true,
    });
    const LEGAL_AND_SUPPORT = '{"helpLink":"https://help.example/","supportEmail":"help@example.com"}';
    expect(await settingsWith({ LEGAL_AND_SUPPORT }, '/legal_support')).toEqual({
      helpLink: 'https://help.example/',
      supportEmail: 'help@example.com',
      resourceOwnerType: 'RESOURCE_OWNER_TYPE_INSTANCE',
    });
  });
});
