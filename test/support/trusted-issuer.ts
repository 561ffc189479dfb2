import { importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import { inject } from 'vitest';
import { AUDIENCE, type IssuerName, type IssuerState, type Mood } from './issuer.ts';

type Claims = Record<string, unknown>;

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** One of the issuers that the Worker under test trusts, in a test's hands. */
export function trustedIssuer(name: IssuerName) {
  const issuer = `${inject('issuers')}/${name}`;
  const control = async (what: string, body?: string): Promise<IssuerState> =>
    (await fetch(`${issuer}/${what}`, { method: 'POST', ...(body && { body }) })).json();
  const keys = async (): Promise<readonly JWK[]> => (await control('state')).keys;
  /** Signs whatever is asked, by the issuer's first key unless another is given. A claim or header that is undefined is left out. */
  const sign = async (claims: Claims = {}, header: Claims = {}, key?: JWK): Promise<string> => {
    const [first] = await keys();
    const jwk = key ?? first ?? {};
    const payload = { iss: issuer, aud: AUDIENCE, sub: crypto.randomUUID(), exp: inSeconds(600), ...claims } as JWTPayload;
    const protectedHeader = { alg: 'ES256', kid: jwk.kid, ...header } as { alg: string };
    return new SignJWT(payload).setProtectedHeader(protectedHeader).sign(await importJWK(jwk, protectedHeader.alg), { crit: { unheardOf: true } });
  };
  return {
    issuer,
    keys,
    sign,
    rotate: async () => void (await control('rotate')),
    is: async (mood: Mood) => void (await control('mood', mood)),
    fetches: async () => (await control('state')).fetches,
  };
}

export type TrustedIssuer = ReturnType<typeof trustedIssuer>;
