import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { SettingsService } from '@zitadel/proto/zitadel/settings/v2/settings_service_pb.js';
import { SettingsService as SettingsServiceBeta } from '@zitadel/proto/zitadel/settings/v2beta/settings_service_pb.js';
import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newUser, unique } from '../support/api.ts';

const DETAILS = { resourceOwner: 'sallyport' };
const OF_INSTANCE = { resourceOwnerType: 'RESOURCE_OWNER_TYPE_INSTANCE' };

const EXPECTED: readonly (readonly [path: string, rpc: string, settings: object])[] = [
  [
    '/login',
    'GetLoginSettings',
    {
      allowUsernamePassword: true,
      allowExternalIdp: true,
      passkeysType: 'PASSKEYS_TYPE_ALLOWED',
      disableLoginWithEmail: true,
      disableLoginWithPhone: true,
      passwordCheckLifetime: '864000s',
      externalLoginCheckLifetime: '864000s',
      mfaInitSkipLifetime: '2592000s',
      secondFactorCheckLifetime: '64800s',
      multiFactorCheckLifetime: '43200s',
      secondFactors: ['SECOND_FACTOR_TYPE_OTP', 'SECOND_FACTOR_TYPE_U2F', 'SECOND_FACTOR_TYPE_OTP_EMAIL', 'SECOND_FACTOR_TYPE_OTP_SMS'],
      multiFactors: ['MULTI_FACTOR_TYPE_U2F_WITH_VERIFICATION'],
      ...OF_INSTANCE,
    },
  ],
  [
    '/password/complexity',
    'GetPasswordComplexitySettings',
    { minLength: '8', requiresUppercase: true, requiresLowercase: true, requiresNumber: true, requiresSymbol: true, ...OF_INSTANCE },
  ],
  ['/password/expiry', 'GetPasswordExpirySettings', OF_INSTANCE],
  [
    '/branding',
    'GetBrandingSettings',
    {
      lightTheme: { primaryColor: '#5469d4', backgroundColor: '#fafafa', warnColor: '#cd3d56', fontColor: '#000000' },
      darkTheme: { primaryColor: '#2073c4', backgroundColor: '#111827', warnColor: '#ff3b5b', fontColor: '#ffffff' },
      themeMode: 'THEME_MODE_AUTO',
      ...OF_INSTANCE,
    },
  ],
  ['/domain', 'GetDomainSettings', OF_INSTANCE],
  ['/legal_support', 'GetLegalAndSupportSettings', OF_INSTANCE],
  ['/lockout', 'GetLockoutSettings', { maxPasswordAttempts: '10', maxOtpAttempts: '10', ...OF_INSTANCE }],
  ['/security', 'GetSecuritySettings', { embeddedIframe: {} }],
];

describe.each([
  ['v2', SettingsService],
  ['v2beta', SettingsServiceBeta],
] as const)('the settings that login pages read, by %s,', (version, service) => {
  /** An answer is one that Zitadel's clients can read. */
  const readable = (rpc: string, body: JsonValue) => {
    const method = service.methods.find(({ name }) => name === rpc);
    if (method === undefined) throw new Error(`there is no ${rpc}`);
    expect(() => fromJson(method.output, body)).not.toThrow();
  };

  it.each(EXPECTED)('are told at %s', async (path, rpc, settings) => {
    const { status, body } = await api().get(`/${version}/settings${path}`);
    expect({ status, body }).toEqual({ status: 200, body: { details: DETAILS, settings } });
    readable(rpc, body);
    const overConnect = await api().post(`/zitadel.settings.${version}.SettingsService/${rpc}`, {});
    expect(overConnect).toMatchObject({ status: 200, body });
  });

  it('name the organisation of those that name none, and the languages that people are written to in', async () => {
    const { body } = await api().get(`/${version}/settings`);
    expect(body).toEqual({ defaultOrgId: expect.stringMatching(/^\d+$/), defaultLanguage: 'en', supportedLanguages: ['en', 'de'] });
    readable('GetGeneralSettings', body);
    const { body: created } = await api().post(`/${version}/users/human`, {
      profile: { givenName: 'a', familyName: 'b' },
      email: { email: `${unique('a')}@example.com` },
    });
    expect(created.details.resourceOwner).toBe(body.defaultOrgId);
  });

  it('are those of the instance for whatever organisation', async () => {
    const orgId = await anOrganization();
    for (const query of [`ctx.orgId=${orgId}`, 'ctx.org_id=unknown', 'ctx.instance=true', 'orgId=1']) {
      expect((await api().get(`/${version}/settings/lockout?${query}`)).body.settings.maxPasswordAttempts).toBe('10');
    }
    for (const query of ['ctx.instance=perhaps', `ctx.orgId=${orgId}&ctx.instance=true`]) {
      expect(await api().get(`/${version}/settings/lockout?${query}`)).toMatchObject({ status: 400, body: { code: 3 } });
    }
  });

  it('are for those who may read policies', async () => {
    const readers = ['IAM_LOGIN_CLIENT', 'IAM_OWNER_VIEWER', 'ORG_OWNER'];
    for (const role of readers) {
      const { token } = await newMachine(role.startsWith('IAM') ? { instance: [role] } : { organization: [role] });
      expect(await api(token).get(`/${version}/settings/branding`)).toMatchObject({ status: 200 });
      expect(await api(token).get(`/${version}/settings`)).toMatchObject({ status: 200 });
      expect(await api(token).get(`/${version}/settings/login/idps`)).toMatchObject({ status: 200 });
      expect(await api(token).get(`/${version}/settings/security`)).toMatchObject({ status: role.startsWith('IAM') ? 200 : 403 });
    }
    const nobody = await newMachine({ instance: ['SESSION_CLIENT'] });
    for (const path of ['', ...EXPECTED.map(([one]) => one), '/login/idps']) {
      expect(await api(nobody.token).get(`/${version}/settings${path}`)).toMatchObject({ status: 403, body: { details: [{ id: 'AUTH-AWfge' }] } });
      expect(await api('').get(`/${version}/settings${path}`)).toMatchObject({ status: 401 });
    }
  });

  it('list the identity providers that are in use, without their secrets', async () => {
    const names = { plain: unique('plain'), creating: unique('creating'), off: unique('off') };
    const provider = (name: string, providerOptions: object) =>
      api().post('/admin/v1/idps/generic_oidc', {
        name,
        issuer: 'https://id.example.com',
        clientId: 'c',
        clientSecret: 'hush-hush',
        providerOptions,
      });
    await provider(names.plain, {});
    await provider(names.creating, {
      isCreationAllowed: true,
      isLinkingAllowed: true,
      isAutoCreation: true,
      autoLinking: 'AUTO_LINKING_OPTION_EMAIL',
    });
    const off = await provider(names.off, {});
    await api().post(`/admin/v1/idps/${off.body.id}/_deactivate`);
    const listed = async (query: string): Promise<string[]> => {
      const { body } = await api().get(`/${version}/settings/login/idps${query}`);
      readable('GetActiveIdentityProviders', body);
      expect(JSON.stringify(body)).not.toContain('hush-hush');
      expect(Number(body.details.totalResult)).toBe(body.identityProviders.length);
      for (const { type } of body.identityProviders) expect(type).toMatch(/^IDENTITY_PROVIDER_TYPE_/);
      return body.identityProviders.map(({ name }: { name: string }) => name).filter((name: string) => Object.values(names).includes(name));
    };
    expect((await listed('')).sort()).toEqual([names.creating, names.plain].sort());
    for (const filter of ['creationAllowed', 'linkingAllowed', 'autoCreation', 'autoLinking']) {
      const matching = version === 'v2' ? [names.creating] : [names.creating, names.plain].sort();
      expect((await listed(`?${filter}=true`)).sort()).toEqual(matching);
      if (version === 'v2') expect(await listed(`?${filter}=false`)).toEqual([names.plain]);
    }
  });

  it('tell the password rules that are in force', async () => {
    const { minLength } = (await api().get(`/${version}/settings/password/complexity`)).body.settings;
    const { userId } = await newUser();
    const set = (password: string) => api().post(`/v2/users/${userId}/password`, { newPassword: { password } });
    const longEnough = `Aa1!${'x'.repeat(Number(minLength) - 4)}`;
    expect(await set(longEnough.slice(0, -1))).toMatchObject({ status: 400 });
    for (const kind of [/[A-Z]/, /[a-z]/g, /\d/, /!/]) {
      const without = longEnough.replace(kind, kind.global ? 'X' : 'x').replace('!', kind.source === '!' ? 'x' : '!');
      expect(await set(without)).toMatchObject({ status: 400 });
    }
    expect(await set(longEnough)).toMatchObject({ status: 200 });
  });
});
