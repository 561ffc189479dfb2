import { env } from 'cloudflare:workers';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Config, configOf } from '../../src/config.ts';
import { ok } from '../../src/core/result.ts';
import { callerOf } from '../../src/http/caller.ts';
import { cells, outcome } from './world.ts';

const SECOND = 1000;
const ISSUER = { issuer: 'https://id.example', audience: 'sallyport', jwksUrl: 'https://id.example/keys' };
const key = generateKeyPair('ES256', { extractable: true });
const now = 1_900_000_000 * SECOND;
const at = (seconds: number) => now / SECOND + seconds;

let config: Config;

async function sign(claims: JWTPayload): Promise<string> {
  const payload = { iss: ISSUER.issuer, aud: ISSUER.audience, sub: crypto.randomUUID(), ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'a' }).sign((await key).privateKey);
}

const passFence = async () => ok(undefined);
const ask = async (token: string, moment: number) => outcome(await callerOf(`Bearer ${token}`, { config, db: env.DB, cells, passFence }, moment));

/** From here on the issuer is down, and its keys are forgotten: what is still known is known from a verdict. */
function goDown(): void {
  vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('down'));
  vi.setSystemTime(Date.now() + 6 * 60 * SECOND);
}

beforeEach(async () => {
  const jwk = { ...(await exportJWK((await key).publicKey)), kid: 'a' };
  vi.useFakeTimers({ toFake: ['Date'], now });
  vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => Response.json({ keys: [jwk] }));
  config = configOf({ ...env, JWT_ISSUERS: [ISSUER] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a verdict on a JWT', () => {
  it('is taken from memory for thirty seconds', async () => {
    const token = await sign({ exp: at(3600) });
    expect(await ask(token, now)).toBe('ok');
    goDown();
    expect(await ask(token, now + 30 * SECOND - 1)).toBe('ok');
    expect(await ask(token, now + 30 * SECOND)).toBe('SALLY-Retry');
  });

  it('ends with the token', async () => {
    const token = await sign({ exp: at(10) });
    expect(await ask(token, now)).toBe('ok');
    goDown();
    expect(await ask(token, now + 10 * SECOND - 1)).toBe('ok');
    expect(await ask(token, now + 10 * SECOND)).toBe('SALLY-Retry');
  });

  it('is not kept when it was a refusal', async () => {
    const token = await sign({ exp: at(3600), nbf: at(10) });
    expect(await ask(token, now)).toBe('AUTH-7fs1e');
    expect(await ask(token, now + 10 * SECOND)).toBe('ok');
  });

  it('allows clocks that are five seconds apart, and no more', async () => {
    const late = await sign({ exp: at(0) });
    expect(await ask(late, now + 5 * SECOND - 1)).toBe('ok');
    expect(await ask(late, now + 5 * SECOND)).toBe('AUTH-7fs1e');
    const early = await sign({ exp: at(60), nbf: at(5) });
    expect(await ask(early, now - 1)).toBe('AUTH-7fs1e');
    expect(await ask(early, now)).toBe('ok');
  });

  it('is refused without asking anybody where no issuer is trusted, or not that one', async () => {
    const token = await sign({ exp: at(3600) });
    const fetched = vi.mocked(fetch);
    config = configOf({ ...env });
    expect(await ask(token, now)).toBe('AUTH-7fs1e');
    config = configOf({ ...env, JWT_ISSUERS: [{ ...ISSUER, issuer: 'https://another.example' }] });
    expect(await ask(token, now)).toBe('AUTH-7fs1e');
    expect(fetched).not.toHaveBeenCalled();
  });

  it('is about the claim that the setting names', async () => {
    config = configOf({ ...env, JWT_ISSUERS: [{ ...ISSUER, roleClaim: 'https://id.example/roles' }] });
    const token = await sign({ exp: at(3600), roles: 'IAM_OWNER', 'https://id.example/roles': ['SESSION_CLIENT'] });
    const caller = await callerOf(`Bearer ${token}`, { config, db: env.DB, cells, passFence }, now);
    expect(caller).toMatchObject({ value: { kind: 'jwt', membership: { instance: ['SESSION_CLIENT'], organizations: {} } } });
    expect(caller).not.toHaveProperty('value.userId');
    expect(caller).not.toHaveProperty('value.organizationId');
  });
});
