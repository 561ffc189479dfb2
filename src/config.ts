import * as z from 'zod';
import { BRANDING_SHAPE, type Branding, type LegalAndSupport } from './branding.ts';
import { isLoopback } from './core/loopback.ts';
import type { LifetimePolicy } from './core/session/policy.ts';
import type { AttemptPolicy } from './core/user/attempts.ts';
import { isListableOrigin } from './core/web-authn/origin.ts';
import { type KeyPurpose, type KeyRing, keyRing } from './crypto/key-ring.ts';
import { PASSWORD_SCHEMES, type PasswordHashing } from './crypto/password-hashing.ts';
import { NOTIFY_SHAPE, type NotifySettings, notifySettings } from './notify/settings.ts';
import { flag, json, seconds, whole } from './setting.ts';

/** Everything that a deployment can set, typed. Read once an isolate. */
export interface Config {
  readonly instanceId: string;
  readonly directoryGeneration: string;
  readonly sessionsPerUser: number;
  readonly defaultOrganizationId: string | undefined;
  readonly adminTokens: readonly string[];
  readonly loginClientTokens: readonly string[];
  readonly loginName: string;
  readonly sessionIdKeys: KeyRing;
  readonly sealKeys: KeyRing;
  readonly idempotencyKeys: KeyRing;
  readonly passwords: PasswordHashing;
  readonly sessionCells: number;
  readonly userCells: number;
  readonly forceMfa: boolean;
  readonly codes: { readonly digits: number; readonly lifetimeMs: number };
  /** Without a slash at its end. */
  readonly loginUrl: string | undefined;
  /** Without a slash at its end. */
  readonly publicOrigin: string | undefined;
  readonly returnOrigins: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly totpIssuer: string;
  readonly webAuthN: { readonly rpName: string; readonly origins: readonly string[] };
  readonly lifetime: LifetimePolicy;
  readonly attempts: AttemptPolicy;
  readonly deadlineMs: number;
  readonly jwtIssuers: readonly TrustedIssuer[];
  readonly branding: Branding;
  readonly legalAndSupport: LegalAndSupport;
  readonly notify: NotifySettings;
}

/** An issuer whose JWTs sign callers in: the `iss` and `aud` that they hold, where its keys are, and the claim that names roles. */
export interface TrustedIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  readonly roleClaim: string;
}

/** A setting that is missing or wrong. Its message names the setting and never its value; the caller is answered 503 with it. */
export class ConfigurationError extends Error {}

const keys = (purpose: KeyPurpose) =>
  z.string().transform((list, context) => {
    try {
      return keyRing(list, purpose);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

/** Keys and tokens cross the network: only https keeps them what they were, and loopback needs none. A "|" would end the issuer in a caller's id. */
const webAddress = (name: string) => {
  const rule = `each ${name} is an https URL (http on loopback only) of at most 500 characters, without a user, a fragment or "|"`;
  return z.string(rule).max(500, rule).refine(isWebAddress, rule);
};

function isWebAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s|#@]+$/i.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopback(hostname);
}

const isWebOrigin = (text: string): boolean => isWebAddress(text) && new URL(text).origin === text;

const ISSUER_LIST = 'a list of {issuer, audience, jwksUrl, roleClaim}, in JSON';
const trustedIssuers = json(
  z
    .array(
      z.strictObject(
        {
          issuer: webAddress('issuer'),
          audience: z.string('each issuer has an audience').min(1, 'each issuer has an audience'),
          jwksUrl: webAddress('jwksUrl'),
          roleClaim: z.string('a roleClaim is a name').min(1, 'a roleClaim is a name').default('roles'),
        },
        ISSUER_LIST,
      ),
      ISSUER_LIST,
    )
    .refine((list) => new Set(list.map(({ issuer }) => issuer)).size === list.length, 'each issuer stands in it once')
    .default([]),
);

const ORIGIN_RULE = 'https origins (scheme, host and port only) and android:apk-key-hash: origins, separated by commas';
const list = z.string().transform((text) => text.split(',').flatMap((entry) => entry.trim() || []));
const webOrigins = list.refine((origins) => origins.every(isWebOrigin), 'https origins (http on loopback only), separated by commas').default([]);

const TOKENS_RULE = 'one or two tokens of at least 32 characters';
const tokens = z
  .string()
  .transform((list) => list.split(',').map((token) => token.trim()))
  .refine((given) => given.length <= 2 && given.every((token) => token.length >= 32), TOKENS_RULE);

const SHAPE = z.object({
  /** Secret. The operator's bearer token (IAM_OWNER and IAM_LOGIN_CLIENT); two, separated by a comma, while it is rotated. At least 32 characters each. */
  ADMIN_TOKEN: tokens,
  /** Secret. The bearer token (IAM_LOGIN_CLIENT) of the login pages; two while it is rotated. Without it there are no login pages. */
  LOGIN_CLIENT_TOKEN: tokens.default([]),
  /** What the login pages call the place that one signs in to. */
  LOGIN_NAME: z.string().min(1).max(100).default('Sallyport'),
  /** Secret. Key list (`1:base64,2:base64`, at least 32 bytes each) of the MAC in session ids. Dropping a key makes its sessions unknown. */
  SESSION_ID_KEYS: keys('SHA-256'),
  /** Secret. Key list of the pepper in password hashes. Dropping a key makes the passwords hashed under it unusable. */
  PEPPER_KEYS: keys('SHA-512'),
  /** How new passwords are hashed: `pbkdf2-sha512`, `argon2id` or `scrypt`. Whatever it is, every hash that is stored is verified by its own scheme. */
  PASSWORD_HASH: z.enum(PASSWORD_SCHEMES, `one of ${PASSWORD_SCHEMES.join(', ')}`).default('pbkdf2-sha512'),
  /** Secret. Key list, keys of just 32 bytes, that seals secrets at rest. Dropping a key makes what was sealed under it unreadable. */
  SEAL_KEYS: keys('AES-GCM'),
  /** Secret. Key list that recognises repeats of a request (Idempotency-Key) and of an attempt. Five minutes after a new one, the old one can go. */
  IDEMPOTENCY_KEYS: keys('SHA-256'),
  /** Id of the instance, shown as the resource owner of sessions. */
  INSTANCE_ID: z.string().min(1).max(200).default('sallyport'),
  /** To be changed, to whatever, when D1 was restored to an earlier time: open intents are void, and the cells tell its index anew. */
  DIRECTORY_GENERATION: z.string().max(100).default(''),
  /** Live sessions that a user may have; with one more the oldest ends. 0 is off. */
  SESSIONS_PER_USER: whole(0, 0, 1000),
  /** Organisation of a new user for which none is named. Default: the caller's, or else the oldest. */
  DEFAULT_ORGANIZATION_ID: z.string().min(1).max(200).optional(),
  /** Durable Objects a region among which new sessions are spread. May be raised at any time. */
  SESSION_CELLS: whole(8, 1, 10_000),
  /** Durable Objects a region among which new users are spread. May be raised at any time. */
  USER_CELLS: whole(8, 1, 10_000),
  /** Whether a session's token is taken as a bearer only once two factors (or a user-verified passkey) are proved in it. */
  FORCE_MFA: flag(),
  /** Lifetime, in seconds, of a session whose creator asks for none. 30 days. */
  SESSION_DEFAULT_LIFETIME_SECONDS: seconds(30 * 86_400, 1),
  /** Longest lifetime, in seconds; longer requests are clamped. One year. */
  SESSION_MAX_LIFETIME_SECONDS: seconds(365 * 86_400, 1),
  /** Seconds without a successful PATCH after which a session expires; 0 is off. */
  SESSION_IDLE_TIMEOUT_SECONDS: seconds(0),
  /** Digits of a code by SMS or e-mail. */
  OTP_DIGITS: whole(8, 6, 12),
  /** Seconds that such a code lasts. 5 minutes. */
  OTP_LIFETIME_SECONDS: seconds(300, 30).refine((value) => value <= 86_400_000, 'a day at most'),
  /** Where your login pages are: links in messages begin with it. Default: `/login` where the request came to. */
  LOGIN_URL: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  /** Where people's browsers reach this Worker, to which identity providers send them back: scheme and host. Default: where the request came to. */
  PUBLIC_ORIGIN: z.string().refine(isWebOrigin, 'an https origin (http on loopback only)').optional(),
  /**
   * Origins, separated by commas, that people may be sent on to after a log-in at an identity provider, beside that of LOGIN_URL. None by
   * default.
   */
  RETURN_ORIGINS: webOrigins,
  /** Origins, separated by commas, whose scripts may call the API from a browser (CORS). None by default. */
  CORS_ORIGINS: webOrigins,
  /** Who an authenticator app says that a TOTP is of. */
  TOTP_ISSUER: z.string().min(1).max(100).default('Sallyport'),
  /** Whom a browser names as the site that a passkey is for. */
  WEBAUTHN_RP_NAME: z.string().min(1).max(100).default('Sallyport'),
  /**
   * Origins, separated by commas, that passkeys may be used from beside https at their own domain and below: native apps
   * (`android:apk-key-hash:...`) and related origins (`https://shop.example`). None by default.
   */
  WEBAUTHN_ORIGINS: list.refine((origins) => origins.every(isListableOrigin), ORIGIN_RULE).default([]),
  /** Failures in a row from which attempts of that method are made one at a time, each after a wait; 0 is off. */
  BACK_OFF_FROM: whole(5, 0, 1000),
  /** The first wait, in seconds; it doubles with each further failure. */
  BACK_OFF_SECONDS: seconds(1, 1),
  /** The longest wait, in seconds. */
  BACK_OFF_MAX_SECONDS: seconds(60, 1),
  /** Failures in a row that lock that method; 0 is off. */
  LOCK_AFTER: whole(10, 0, 1000),
  /** How long it stays locked, in seconds; then the counter is 0 again. 15 minutes. */
  LOCK_SECONDS: seconds(15 * 60, 1),
  /** Seconds after which a request whose stores do not answer is answered 503; no more than a reservation lives. */
  DEADLINE_SECONDS: seconds(10, 1, 15),
  /**
   * Issuers whose JWTs sign callers in, as JSON text or a list: `[{"issuer":"https://id.example","audience":"sallyport",
   * "jwksUrl":"https://id.example/keys","roleClaim":"roles"}]`. `roleClaim` is "roles" unless it is given. None by default.
   */
  JWT_ISSUERS: trustedIssuers,
  /** What login pages are told. */
  ...BRANDING_SHAPE,
  /** How people are told things. */
  ...NOTIFY_SHAPE,
});
const SETTINGS = SHAPE.transform((settings, context) => {
  const fault = (setting: string, message: string) => context.addIssue({ code: 'custom', message, path: [setting] });
  return { ...settings, notify: notifySettings(settings, fault) };
});

const parsed = new WeakMap<object, Config>();

/** The configuration of this isolate. @throws ConfigurationError naming the first setting that is missing or wrong */
export function configOf(env: object): Config {
  const known = parsed.get(env);
  if (known) return known;
  const read = SETTINGS.safeParse(env);
  if (!read.success) {
    const [issue] = read.error.issues;
    const setting = String(issue?.path[0]);
    const missing = [undefined, ''].includes((env as Record<string, string | undefined>)[setting]);
    throw new ConfigurationError(missing ? `Setting ${setting} is missing` : `Setting ${setting} is not valid: ${issue?.message}`);
  }
  const settings = read.data;
  const config: Config = {
    instanceId: settings.INSTANCE_ID,
    directoryGeneration: settings.DIRECTORY_GENERATION,
    sessionsPerUser: settings.SESSIONS_PER_USER,
    defaultOrganizationId: settings.DEFAULT_ORGANIZATION_ID,
    adminTokens: settings.ADMIN_TOKEN,
    loginClientTokens: settings.LOGIN_CLIENT_TOKEN,
    loginName: settings.LOGIN_NAME,
    sessionIdKeys: settings.SESSION_ID_KEYS,
    sealKeys: settings.SEAL_KEYS,
    idempotencyKeys: settings.IDEMPOTENCY_KEYS,
    passwords: { scheme: settings.PASSWORD_HASH, peppers: settings.PEPPER_KEYS },
    sessionCells: settings.SESSION_CELLS,
    userCells: settings.USER_CELLS,
    codes: { digits: settings.OTP_DIGITS, lifetimeMs: settings.OTP_LIFETIME_SECONDS },
    loginUrl: settings.LOGIN_URL,
    publicOrigin: settings.PUBLIC_ORIGIN,
    returnOrigins: settings.RETURN_ORIGINS,
    corsOrigins: settings.CORS_ORIGINS,
    totpIssuer: settings.TOTP_ISSUER,
    webAuthN: { rpName: settings.WEBAUTHN_RP_NAME, origins: settings.WEBAUTHN_ORIGINS },
    forceMfa: settings.FORCE_MFA,
    lifetime: {
      defaultLifetimeMs: Math.min(settings.SESSION_DEFAULT_LIFETIME_SECONDS, settings.SESSION_MAX_LIFETIME_SECONDS),
      maxLifetimeMs: settings.SESSION_MAX_LIFETIME_SECONDS,
      idleTimeoutMs: settings.SESSION_IDLE_TIMEOUT_SECONDS,
    },
    attempts: {
      backOffFrom: settings.BACK_OFF_FROM,
      backOffMs: settings.BACK_OFF_SECONDS,
      backOffMaxMs: settings.BACK_OFF_MAX_SECONDS,
      lockAfter: settings.LOCK_AFTER,
      lockMs: settings.LOCK_SECONDS,
    },
    deadlineMs: settings.DEADLINE_SECONDS,
    jwtIssuers: settings.JWT_ISSUERS,
    branding: settings.BRANDING,
    legalAndSupport: settings.LEGAL_AND_SUPPORT,
    notify: settings.notify,
  };
  parsed.set(env, config);
  return config;
}
