import { describe, expect, it } from 'vitest';
import { type Config, ConfigurationError, configOf } from '../../src/config.ts';

const key = (byte: number, length = 32) => Buffer.alloc(length, byte).toString('base64');
const TOKEN = 't'.repeat(32);
const SECRETS = {
  ADMIN_TOKEN: TOKEN,
  SESSION_ID_KEYS: `1:${key(1)}`,
  PEPPER_KEYS: `1:${key(2)}`,
  SEAL_KEYS: `1:${key(3)}`,
  IDEMPOTENCY_KEYS: `1:${key(4)}`,
};

const configWith = (settings: object = {}): Config => configOf({ ...SECRETS, ...settings });
const faultOf = (env: object): string => {
  try {
    configOf(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  return 'no fault';
};
const faultWith = (settings: object): string => faultOf({ ...SECRETS, ...settings });

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const CENTURY = 100 * 365 * 86_400;

describe('the configuration', () => {
  it('needs five secrets and has a default for everything else', () => {
    const { sessionIdKeys, passwords, sealKeys, idempotencyKeys, ...rest } = configWith();
    expect(rest).toEqual({
      instanceId: 'sallyport',
      directoryGeneration: '',
      sessionsPerUser: 0,
      defaultOrganizationId: undefined,
      adminTokens: [TOKEN],
      loginClientTokens: [],
      loginName: 'Sallyport',
      sessionCells: 8,
      userCells: 8,
      codes: { digits: 8, lifetimeMs: 300 * SECOND },
      loginUrl: undefined,
      publicOrigin: undefined,
      returnOrigins: [],
      corsOrigins: [],
      totpIssuer: 'Sallyport',
      webAuthN: { rpName: 'Sallyport', origins: [] },
      forceMfa: false,
      lifetime: { defaultLifetimeMs: 30 * DAY, maxLifetimeMs: 365 * DAY, idleTimeoutMs: 0 },
      attempts: { backOffFrom: 5, backOffMs: 1 * SECOND, backOffMaxMs: 60 * SECOND, lockAfter: 10, lockMs: 900 * SECOND },
      deadlineMs: 10 * SECOND,
      jwtIssuers: [],
      branding: {
        lightTheme: { primaryColor: '#5469d4', backgroundColor: '#fafafa', warnColor: '#cd3d56', fontColor: '#000000' },
        darkTheme: { primaryColor: '#2073c4', backgroundColor: '#111827', warnColor: '#ff3b5b', fontColor: '#ffffff' },
        hideLoginNameSuffix: false,
        disableWatermark: false,
        themeMode: 'THEME_MODE_AUTO',
      },
      legalAndSupport: {},
      notify: {
        email: { provider: 'none' },
        sms: { provider: 'none' },
        smsDomain: undefined,
        overrides: {},
        deadlineMs: 8 * SECOND,
        devMailbox: false,
      },
    });
    expect([sessionIdKeys, passwords.peppers, sealKeys, idempotencyKeys].map(({ newest }) => newest)).toEqual([1, 1, 1, 1]);
    expect(passwords.scheme).toBe('pbkdf2-sha512');
  });

  it.each([
    ['RETURN_ORIGINS', 'returnOrigins'],
    ['CORS_ORIGINS', 'corsOrigins'],
  ] as const)('lists the origins of %s', (setting, name) => {
    const origins = ['https://login.example.com', 'https://app.example.com:8443', 'http://localhost:3000'];
    expect(configWith({ [setting]: ` ${origins.join(' , ')},` })[name]).toEqual(origins);
    for (const wrong of [
      '*',
      'null',
      'http://login.example.com',
      'https://login.example.com/',
      'https://login.example.com/login',
      'login.example.com',
    ]) {
      expect(faultWith({ [setting]: `https://fine.example,${wrong}` })).toBe(
        `Setting ${setting} is not valid: https origins (http on loopback only), separated by commas`,
      );
    }
  });

  it('takes how login pages look, and where they lead people, as JSON text or as it is', () => {
    const branding = {
      lightTheme: { primaryColor: '#00ff00', logoUrl: 'https://cdn.example/logo.svg' },
      fontUrl: '/font.woff2',
      themeMode: 'THEME_MODE_DARK',
    };
    const legal = { tosLink: 'https://example.com/terms', supportEmail: 'help@example.com', customLinkText: 'More' };
    for (const given of [(value: object) => JSON.stringify(value), (value: object) => value]) {
      const config = configWith({ BRANDING: given(branding), LEGAL_AND_SUPPORT: given(legal) });
      expect(config.branding).toMatchObject({ ...branding, lightTheme: { ...branding.lightTheme, backgroundColor: '#fafafa' } });
      expect(config.legalAndSupport).toEqual(legal);
    }
  });

  it.each([
    ['BRANDING', '{', 'an object of lightTheme'],
    ['BRANDING', '{"lightTheme":{"primaryColor":"red"}}', 'colours are #rrggbb'],
    ['BRANDING', '{"lightTheme":{"logoUrl":"http://cdn.example/logo.svg"}}', 'pictures and fonts are https URLs'],
    ['BRANDING', '{"darkTheme":{"iconUrl":"//cdn.example/logo.svg"}}', 'pictures and fonts are https URLs'],
    ['BRANDING', '{"fontUrl":"javascript:alert(1)"}', 'pictures and fonts are https URLs'],
    ['BRANDING', '{"themeMode":"DARK"}', 'themeMode is one of'],
    ['BRANDING', '{"colour":"#000000"}', 'an object of lightTheme'],
    ['LEGAL_AND_SUPPORT', '[]', 'an object of tosLink'],
    ['LEGAL_AND_SUPPORT', '{"tosLink":"javascript:alert(1)"}', 'links are https URLs'],
    ['LEGAL_AND_SUPPORT', '{"supportEmail":"nobody"}', 'supportEmail is an e-mail address'],
    ['LEGAL_AND_SUPPORT', '{"customLinkText":""}', 'customLinkText is a text'],
  ])('refuses %s of %s', (setting, value, message) => {
    expect(faultWith({ [setting]: value })).toContain(`Setting ${setting} is not valid: ${message}`);
  });

  it('is read once an isolate', () => {
    const env = { ...SECRETS };
    expect(configOf(env)).toBe(configOf(env));
    expect(configOf({ ...SECRETS })).not.toBe(configOf(env));
  });

  it('keeps the keys of each purpose apart', () => {
    const config = configWith({ SESSION_ID_KEYS: `3:${key(1)},1:${key(2)}`, PEPPER_KEYS: `7:${key(3)}` });
    expect([config.sessionIdKeys.newest, [...config.sessionIdKeys.keys.keys()], config.passwords.peppers.newest]).toEqual([3, [3, 1], 7]);
  });
});

/** Each figure: how to set it, how to read it back (in its own unit), its least and its most. */
const FIGURES: readonly (readonly [string, (config: Config) => number, number, number])[] = [
  ['SESSION_CELLS', (config) => config.sessionCells, 1, 10_000],
  ['USER_CELLS', (config) => config.userCells, 1, 10_000],
  ['SESSION_MAX_LIFETIME_SECONDS', (config) => config.lifetime.maxLifetimeMs / SECOND, 1, CENTURY],
  ['SESSION_IDLE_TIMEOUT_SECONDS', (config) => config.lifetime.idleTimeoutMs / SECOND, 0, CENTURY],
  ['OTP_DIGITS', (config) => config.codes.digits, 6, 12],
  ['OTP_LIFETIME_SECONDS', (config) => config.codes.lifetimeMs / SECOND, 30, 86_400],
  ['BACK_OFF_FROM', (config) => config.attempts.backOffFrom, 0, 1000],
  ['BACK_OFF_SECONDS', (config) => config.attempts.backOffMs / SECOND, 1, CENTURY],
  ['BACK_OFF_MAX_SECONDS', (config) => config.attempts.backOffMaxMs / SECOND, 1, CENTURY],
  ['LOCK_AFTER', (config) => config.attempts.lockAfter, 0, 1000],
  ['LOCK_SECONDS', (config) => config.attempts.lockMs / SECOND, 1, CENTURY],
  ['DEADLINE_SECONDS', (config) => config.deadlineMs / SECOND, 1, 15],
  ['DELIVERY_DEADLINE_SECONDS', (config) => config.notify.deadlineMs / SECOND, 1, 30],
];

describe.each(FIGURES)('%s', (setting, figureOf, least, most) => {
  it('may be set to its bounds, as text or as a number', () => {
    expect(figureOf(configWith({ [setting]: String(least) }))).toBe(least);
    expect(figureOf(configWith({ [setting]: String(most) }))).toBe(most);
    expect(figureOf(configWith({ [setting]: most }))).toBe(most);
  });

  it('is refused beyond them, as text and as a number, and named', () => {
    for (const value of [least - 1, most + 1, String(least - 1), String(most + 1)]) {
      expect(faultWith({ [setting]: value })).toMatch(`Setting ${setting} is not valid: `);
    }
  });

  it.each(['1.5', 'many', '5s', 'NaN', 'Infinity', '-', '1,000'])('is refused when it is no whole number, and not repeated: %s', (value) => {
    const fault = faultWith({ [setting]: value });
    expect(fault).toMatch(`Setting ${setting} is not valid: `);
    expect(fault).not.toContain(`"${value}"`);
  });

  it.each(['', ' '])('is never taken for 0 when it is empty: %j', (value) => {
    expect(faultWith({ [setting]: value })).toMatch(new RegExp(`^Setting ${setting} is (missing|not valid)`));
  });
});

describe('the rule that two factors are needed', () => {
  it('is switched by true and false, and by nothing else', () => {
    for (const on of [true, 'true']) expect(configWith({ FORCE_MFA: on }).forceMfa).toBe(true);
    for (const off of [false, 'false']) expect(configWith({ FORCE_MFA: off }).forceMfa).toBe(false);
    for (const neither of ['yes', '1', 1, null]) expect(faultWith({ FORCE_MFA: neither })).toContain('FORCE_MFA');
  });
});

describe('the default lifetime', () => {
  it('may be set to a second and is refused below', () => {
    expect(configWith({ SESSION_DEFAULT_LIFETIME_SECONDS: '1' }).lifetime.defaultLifetimeMs).toBe(SECOND);
    expect(faultWith({ SESSION_DEFAULT_LIFETIME_SECONDS: '0' })).toMatch('Setting SESSION_DEFAULT_LIFETIME_SECONDS is not valid: ');
  });

  it('is never longer than the longest', () => {
    const config = configWith({ SESSION_DEFAULT_LIFETIME_SECONDS: '100', SESSION_MAX_LIFETIME_SECONDS: '60' });
    expect(config.lifetime).toMatchObject({ defaultLifetimeMs: 60 * SECOND, maxLifetimeMs: 60 * SECOND });
  });
});

describe('the login pages', () => {
  it('may be at any http or https URL, slashes at its end left out', () => {
    for (const url of ['https://login.example', 'http://localhost:3000/login', 'https://acme.example/a/b']) {
      for (const end of ['', '/', '//']) expect(configWith({ LOGIN_URL: url + end }).loginUrl).toBe(url);
    }
  });

  it.each(['', ' ', 'login.example', '/login', 'ftp://login.example', 'javascript:alert(1)', 'https://', 7, null])(
    'are at no such place: %j',
    (url) => {
      expect(faultWith({ LOGIN_URL: url })).toMatch(/^Setting LOGIN_URL is (missing|not valid)/);
    },
  );
});

describe('the issuer that an authenticator app shows', () => {
  it('has 1 to 100 characters', () => {
    expect(configWith({ TOTP_ISSUER: 'A' }).totpIssuer).toBe('A');
    expect(configWith({ TOTP_ISSUER: 'x'.repeat(100) }).totpIssuer).toHaveLength(100);
    expect(faultWith({ TOTP_ISSUER: '' })).toMatch(/^Setting TOTP_ISSUER is (missing|not valid)/);
    expect(faultWith({ TOTP_ISSUER: 'x'.repeat(101) })).toMatch('Setting TOTP_ISSUER is not valid: ');
  });
});

describe('a name', () => {
  it.each([
    ['INSTANCE_ID', (config: Config) => config.instanceId],
    ['DEFAULT_ORGANIZATION_ID', (config: Config) => config.defaultOrganizationId],
  ] as const)('has 1 to 200 characters: %s', (setting, nameOf) => {
    expect(nameOf(configWith({ [setting]: 'x' }))).toBe('x');
    expect(nameOf(configWith({ [setting]: 'x'.repeat(200) }))).toHaveLength(200);
    expect(faultWith({ [setting]: '' })).toBe(`Setting ${setting} is missing`);
    expect(faultWith({ [setting]: 'x'.repeat(201) })).toMatch(`Setting ${setting} is not valid: `);
  });
});

describe('the hash of new passwords', () => {
  it.each(['pbkdf2-sha512', 'argon2id', 'scrypt'])('may be %s', (scheme) => {
    expect(configWith({ PASSWORD_HASH: scheme }).passwords.scheme).toBe(scheme);
  });

  it.each(['', 'bcrypt', 'md5', 'Argon2id'])('is refused when it is another: %j', (scheme) => {
    expect(faultWith({ PASSWORD_HASH: scheme })).toMatch(/^Setting PASSWORD_HASH is (missing|not valid: one of pbkdf2-sha512, argon2id, scrypt)$/);
  });
});

describe("the operator's token", () => {
  it('may be two while it is rotated, white space around them left out', () => {
    const other = 'o'.repeat(32);
    expect(configWith({ ADMIN_TOKEN: ` ${TOKEN} , ${other}\n` }).adminTokens).toEqual([TOKEN, other]);
  });

  it.each([
    ['is shorter than 32 characters', 't'.repeat(31)],
    ['is blank', ' '],
    ['is one of three', `${TOKEN},${TOKEN},${TOKEN}`],
    ['stands beside an empty one', `${TOKEN},`],
    ['stands beside a short one', `${TOKEN},short`],
  ])('is refused when it %s', (_, value) => {
    expect(faultWith({ ADMIN_TOKEN: value })).toBe('Setting ADMIN_TOKEN is not valid: one or two tokens of at least 32 characters');
  });
});

describe('the trusted issuers', () => {
  const ISSUER = { issuer: 'https://id.example', audience: 'sallyport', jwksUrl: 'https://id.example/keys' };
  const faultOfIssuer = (wrong: object) => faultWith({ JWT_ISSUERS: [{ ...ISSUER, ...wrong }] });

  it('are a list, as JSON text or as it is, and name roles in "roles" unless told otherwise', () => {
    const list = [ISSUER, { ...ISSUER, issuer: 'https://other.example/tenant', roleClaim: 'urn:example:roles' }];
    const expected = [{ ...ISSUER, roleClaim: 'roles' }, list[1]];
    expect(configWith({ JWT_ISSUERS: list }).jwtIssuers).toEqual(expected);
    expect(configWith({ JWT_ISSUERS: JSON.stringify(list) }).jwtIssuers).toEqual(expected);
    expect(configWith({ JWT_ISSUERS: '[]' }).jwtIssuers).toEqual([]);
  });

  it.each(['http://localhost', 'http://127.0.0.1:8080/a', 'http://[::1]:8080', 'https://id.example:8443/a?b=c'])('may be at %s', (url) => {
    expect(configWith({ JWT_ISSUERS: [{ ...ISSUER, issuer: url, jwksUrl: url }] }).jwtIssuers).toMatchObject([{ issuer: url, jwksUrl: url }]);
  });

  it.each([
    undefined,
    7,
    '',
    'id.example',
    'http://id.example',
    'http://localhost.example',
    'http://127.0.0.1.example',
    'http://127.0.0.2',
    'ftp://localhost',
    'https://',
    'https://id.example/a|b',
    'https://id.example/a b',
    'https://id.example\n',
    ' https://id.example',
    'https://user:password@id.example',
    'https://id.example/#keys',
    `https://id.example/${'x'.repeat(500)}`,
  ])('have their issuer and keys at no such place: %j', (url) => {
    for (const name of ['issuer', 'jwksUrl'])
      expect(faultOfIssuer({ [name]: url })).toMatch(`Setting JWT_ISSUERS is not valid: each ${name} is an https URL`);
  });

  it.each([
    ['an audience', { audience: undefined }],
    ['an audience', { audience: '' }],
    ['an audience', { audience: ['sallyport'] }],
    ['a roleClaim', { roleClaim: '' }],
    ['a roleClaim', { roleClaim: null }],
  ])('need %s that is a name: %j', (what, wrong) => {
    expect(faultOfIssuer(wrong)).toMatch(`Setting JWT_ISSUERS is not valid: `);
    expect(faultOfIssuer(wrong)).toContain(what);
  });

  it.each(['text', '{', '{}', 'null', '"https://id.example"', '["https://id.example"]', '[null]', '[[]]'])('are nothing else: %s', (list) => {
    expect(faultWith({ JWT_ISSUERS: list })).toBe('Setting JWT_ISSUERS is not valid: a list of {issuer, audience, jwksUrl, roleClaim}, in JSON');
  });

  it('hold nothing that we do not know: it may be a name misspelt', () => {
    expect(faultOfIssuer({ roleclaim: 'groups' })).toMatch('Setting JWT_ISSUERS is not valid: a list of ');
  });

  it('stand in the list once each', () => {
    expect(faultWith({ JWT_ISSUERS: [ISSUER, { ...ISSUER, audience: 'another' }] })).toBe(
      'Setting JWT_ISSUERS is not valid: each issuer stands in it once',
    );
  });
});

describe('a fault', () => {
  it.each(Object.keys(SECRETS))('names a secret that is missing or empty: %s', (setting) => {
    const { [setting as keyof typeof SECRETS]: _, ...others } = SECRETS;
    expect(faultOf(others)).toBe(`Setting ${setting} is missing`);
    expect(faultWith({ [setting]: '' })).toBe(`Setting ${setting} is missing`);
  });

  it('is told for one setting at a time', () => {
    expect(faultOf({})).toBe('Setting ADMIN_TOKEN is missing');
  });

  it.each(['SESSION_ID_KEYS', 'PEPPER_KEYS', 'SEAL_KEYS', 'IDEMPOTENCY_KEYS'])('of a key list never shows the keys: %s', (setting) => {
    const secret = key(9, 31);
    for (const list of [`1:${secret}`, secret, `1:${key(9)},1:${key(9)}`, `1:${key(9)},${secret}`, ' ', 'x:y']) {
      const fault = faultWith({ [setting]: list });
      expect(fault).toMatch(`Setting ${setting} is not valid: `);
      expect(fault).not.toContain(secret.slice(0, 8));
    }
  });

  it('of a token never shows the token', () => {
    expect(faultWith({ ADMIN_TOKEN: 'hunter2' })).not.toContain('hunter2');
  });

  it('is found again with every request', () => {
    const env = { ...SECRETS, LOCK_AFTER: '-1' };
    expect([faultOf(env), faultOf(env)]).toEqual(Array(2).fill(faultWith({ LOCK_AFTER: '-1' })));
  });
});
