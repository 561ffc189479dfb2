import { describe, expect, it } from 'vitest';
import { newUser } from '../support/api.ts';
import { create, createFor, get, refusal, set } from '../support/login.ts';
import { type Algorithm, SecurityKey, UV } from '../support/security-key.ts';
import { ATTESTATIONS, COSE_ALGORITHMS, type CoseAlgorithm, PlainKey } from '../support/security-key-plain.ts';
import { ask, begun, challenge, check, enrol, finish, newHolder, REQUIREMENTS, type Requirement, signIn } from '../support/security-key-steps.ts';

type Way = 'passkey' | 'u2f' | 'usernameless';

/** A user-verified sign-in; one that is not; an assertion that is refused; a challenge that is. */
type Outcome = 'verified' | 'present' | 'WEBAU-3M9si' | 'WEBAU-4G8sw';

/** Of each way and requirement, what becomes of an authenticator that verifies its user, and of one that does not. */
const OUTCOMES: Record<Way, Record<Requirement, readonly [uv: Outcome, noUv: Outcome]>> = {
  passkey: { REQUIRED: ['verified', 'WEBAU-3M9si'], PREFERRED: ['verified', 'present'], DISCOURAGED: ['verified', 'present'] },
  u2f: { REQUIRED: ['WEBAU-4G8sw', 'WEBAU-4G8sw'], PREFERRED: ['verified', 'present'], DISCOURAGED: ['verified', 'present'] },
  usernameless: { REQUIRED: ['verified', 'WEBAU-3M9si'], PREFERRED: ['verified', 'present'], DISCOURAGED: ['verified', 'present'] },
};

const ROWS = (['ES256', 'EdDSA', 'RS256'] as const satisfies Algorithm[]).flatMap((algorithm) =>
  (['passkey', 'u2f', 'usernameless'] as const).flatMap((way) =>
    REQUIREMENTS.flatMap((requirement) =>
      [true, false].map((uv) => ({ algorithm, way, requirement, uv, outcome: OUTCOMES[way][requirement][uv ? 0 : 1] })),
    ),
  ),
);

/** What an authenticator signs that verifies its user, or does not, whatever it is asked. */
function answerOf(key: SecurityKey, options: { publicKey: object }, uv: boolean) {
  const assertion = key.get(options);
  const withUv = (bytes: Buffer) => {
    bytes[32] = uv ? (bytes[32] ?? 0) | UV : (bytes[32] ?? 0) & ~UV;
    return bytes;
  };
  return key.forge(assertion, { authenticatorData: withUv });
}

/** Of each algorithm one key and its holder, for each kind. */
const HOLDERS = new Map<string, Promise<{ key: SecurityKey; userId: string }>>();

function holderOf(algorithm: Algorithm, way: Way): Promise<{ key: SecurityKey; userId: string }> {
  const kind = way === 'u2f' ? 'u2f' : 'passkey';
  const make = async () => {
    const key = new SecurityKey({ algorithm });
    return { key, userId: (await newHolder(key, kind)).userId };
  };
  const name = `${algorithm} ${kind}`;
  const holder = HOLDERS.get(name) ?? make();
  HOLDERS.set(name, holder);
  return holder;
}

describe('a webAuthN check', () => {
  it.each(ROWS)(
    'of $algorithm, $way, $requirement, user verified: $uv has the outcome $outcome',
    async ({ algorithm, way, requirement, uv, outcome }) => {
      const { key, userId } = await holderOf(algorithm, way);
      const login = way === 'usernameless' ? await create() : await createFor(userId);
      const opened = await set(login, challenge(requirement));
      if (outcome === 'WEBAU-4G8sw') {
        expect([refusal(opened), opened.body.code]).toEqual([[400, outcome], 9]);
        return;
      }
      expect(opened.status).toBe(200);
      const options = opened.body.challenges.webAuthN.publicKeyCredentialRequestOptions;
      expect(options.publicKey.allowCredentials).toHaveLength(way === 'usernameless' ? 0 : 1);
      const answer = await set(login, check(answerOf(key, options, uv)));
      const { factors } = (await get(login)).body.session;
      if (outcome === 'WEBAU-3M9si') {
        expect([refusal(answer), answer.body.code]).toEqual([[400, outcome], 3]);
        expect(factors?.webAuthN).toBeUndefined();
        return;
      }
      expect(answer.status).toBe(200);
      expect(factors.user.id).toBe(userId);
      expect(factors.webAuthN).toEqual({ verifiedAt: expect.any(String), ...(outcome === 'verified' && { userVerified: true }) });
    },
  );

  it('cannot be done without a user name by a U2F key where the user has to be verified, and can where it need not be', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key, 'u2f');
    const refused = await signIn(key, undefined, 'REQUIRED');
    expect([refusal(refused), refused.body.code]).toEqual([[400, 'COMMAND-Aej7i'], 9]);
    expect((await get(refused.login)).body.session.factors).toBeUndefined();
    const { status, login } = await signIn(key, undefined, 'PREFERRED');
    expect(status).toBe(200);
    expect((await get(login)).body.session.factors.user.id).toBe(userId);
  });
});

describe('a key of each algorithm that is offered', () => {
  it('is one of those in the options of a registration, which has no other', async () => {
    const { options } = await begun((await newUser()).userId);
    const offered = Object.values(COSE_ALGORITHMS).toSorted((a, b) => a - b);
    const given = options.publicKey.pubKeyCredParams.map(({ alg }: { alg: number }) => alg);
    expect(given.toSorted((a: number, b: number) => a - b)).toEqual(offered);
  });

  it.each(Object.keys(COSE_ALGORITHMS) as CoseAlgorithm[])('%s registers, and signs in; another’s signature does not', async (algorithm) => {
    const key = new PlainKey(algorithm);
    const { userId } = await newHolder(key);
    expect((await signIn(key, userId)).status).toBe(200);
    const login = await createFor(userId);
    const assertion = key.get(await ask(login));
    const signature = Buffer.from(assertion.response.signature ?? '', 'base64url');
    const middle = signature.length >> 1;
    signature[middle] = (signature[middle] ?? 0) ^ 1;
    const forged = { ...assertion, response: { ...assertion.response, signature: signature.toString('base64url') } };
    expect(refusal(await set(login, check(forged)))).toEqual([400, 'WEBAU-3M9si']);
    expect((await set(login, check(assertion))).status).toBe(200);
  });
});

describe('a key that attests itself', () => {
  it.each(ATTESTATIONS)('by %s is taken, and signs in', async (attestation) => {
    const key = new PlainKey();
    const { userId } = await newUser();
    await enrol(userId, { create: (options) => key.create(options, attestation) });
    expect((await signIn(key, userId)).status).toBe(200);
  });

  it.each(ATTESTATIONS.filter((each) => each !== 'none'))(
    'by %s is refused where the attestation was not signed by whom it says',
    async (attestation) => {
      const key = new PlainKey();
      const { userId } = await newUser();
      const { id, options } = await begun(userId);
      const flipped = (bytes: Buffer) => {
        const last = bytes.length - 1;
        bytes[last] = (bytes[last] ?? 0) ^ 1;
        return bytes;
      };
      const answer = await finish(userId, 'passkey', id, key.create(options, attestation, { attestationSignature: flipped }));
      expect([refusal(answer), answer.body.code]).toEqual([[400, 'WEBAU-3Vb9s'], 3]);
      expect((await finish(userId, 'passkey', id, key.create(options, attestation))).status).toBe(200);
    },
  );

  it.each(['ES384', 'ES512', 'RS512', 'PS256', 'EdDSA'] as const)('by packed with a key of %s is taken', async (algorithm) => {
    const key = new PlainKey(algorithm);
    const { userId } = await newUser();
    await enrol(userId, { create: (options) => key.create(options, 'packed') });
    expect((await signIn(key, userId)).status).toBe(200);
  });
});
