import fc from 'fast-check';
import { base64url, exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type Answer, api, newUser, unique } from '../support/api.ts';
import { NO_KEY_SETS } from '../support/issuer.ts';
import { create, createFor, get, refusal, set } from '../support/login.ts';
import { inSeconds, type TrustedIssuer, trustedIssuer } from '../support/trusted-issuer.ts';

const LOGIN_CLIENT = { roles: ['IAM_LOGIN_CLIENT'] };
const REFUSED = [401, 'AUTH-7fs1e'];
const FORBIDDEN = [403, 'AUTH-AWfge'];

/** A request that says who the bearer is: 401 nobody, 403 somebody without a role, 404 somebody who may read users. */
const ask = (token: string): Promise<Answer> => api(token).get('/v2/users/nobody');
const ecKeyOf = async (): Promise<JWK> => exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey);
const encoded = (part: unknown): string => base64url.encode(JSON.stringify(part));

describe.skipIf(inject('issuers') === undefined)('a JWT of a trusted issuer (needs a Worker that trusts the issuers of the tests)', () => {
  let main: TrustedIssuer;
  beforeAll(() => {
    main = trustedIssuer('main');
  });

  describe('that is good', () => {
    it('lets its subject create and PATCH sessions when a role says so', async () => {
      const client = api(await main.sign({ roles: 'IAM_LOGIN_CLIENT' }));
      const login = await create({}, client);
      const answer = await set(login, { metadata: { stage: 'Zmlyc3Q=' } }, client);
      expect(answer.status).toBe(200);
      expect((await get(login, client)).body.session.metadata).toEqual({ stage: 'Zmlyc3Q=' });
    });

    it('makes issuer and subject the creator, who reads that session without a role, and with another token', async () => {
      const sub = unique('subject');
      const login = await create({}, api(await main.sign({ sub, ...LOGIN_CLIENT })));
      expect((await get(login, api(await main.sign({ sub })))).status).toBe(200);
      expect(refusal(await get(login, api(await main.sign())))).toEqual(FORBIDDEN);
      const elsewhere = trustedIssuer('other');
      expect(refusal(await get(login, api(await elsewhere.sign({ sub }))))).toEqual(FORBIDDEN);
    });

    it('is signed by any asymmetric algorithm', async () => {
      const keys = await main.keys();
      const keyFor = (start: string) => keys.find(({ kid }) => kid?.startsWith(start));
      for (const [alg, start] of [
        ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((name) => [name, 'RS256'] as const),
        ...['ES256', 'ES384', 'ES512'].map((name) => [name, name] as const),
        ...['EdDSA', 'Ed25519'].map((name) => [name, 'Ed25519'] as const),
      ]) {
        expect([alg, (await ask(await main.sign({}, { alg }, keyFor(start)))).status]).toEqual([alg, 403]);
      }
    });

    it('may be for several audiences, be typed, and have begun or ended within the clock tolerance', async () => {
      const { aud } = JSON.parse(new TextDecoder().decode(base64url.decode((await main.sign()).split('.')[1] ?? '')));
      const good = [
        await main.sign({ aud: ['another', aud] }),
        await main.sign({ nbf: inSeconds(-1), iat: inSeconds(-1) }),
        await main.sign({}, { typ: 'JWT' }),
        await main.sign({}, { typ: 'application/at+jwt' }),
        await main.sign({ sub: 'x'.repeat(200) }),
        await main.sign({ padding: 'x'.repeat(4500) }),
      ];
      for (const token of good) expect(refusal(await ask(token))).toEqual(FORBIDDEN);
    });
  });

  describe('that is no good', () => {
    it('is 401 whatever is wrong with its claims', async () => {
      const bad = {
        'it expired': { exp: inSeconds(-10) },
        'it never expires': { exp: undefined },
        'its end is no number': { exp: '2100-01-01' },
        'it begins later': { nbf: inSeconds(60) },
        'its begin is no number': { nbf: 'now' },
        'it is for somebody else': { aud: 'another' },
        'it is for several others': { aud: ['another', 'third'] },
        'it is for nobody': { aud: undefined },
        'its issuer is another trusted one': { iss: trustedIssuer('other').issuer },
        'its issuer is unknown': { iss: 'https://id.example' },
        'its issuer only begins alike': { iss: `${main.issuer}/` },
        'its issuer is a list': { iss: [main.issuer] },
        'it has no issuer': { iss: undefined },
        'it has no subject': { sub: undefined },
        'its subject is empty': { sub: '' },
        'its subject is too long': { sub: 'x'.repeat(201) },
        'its subject is a number': { sub: 42 },
        'its subject is no text': { sub: 'half a \ud83d' },
      };
      for (const [what, claims] of Object.entries(bad)) {
        const answer = await ask(await main.sign({ ...LOGIN_CLIENT, ...claims }));
        expect([what, ...refusal(answer)]).toEqual([what, ...REFUSED]);
        expect(answer.body.message).toBe('Errors.Token.Invalid (AUTH-7fs1e)');
      }
    });

    it('is 401 when it is another kind of token, or asks for what we do not understand', async () => {
      for (const header of [{ typ: 'logout+jwt' }, { typ: 'dpop+jwt' }, { typ: '' }, { crit: ['unheardOf'], unheardOf: true }]) {
        expect(refusal(await ask(await main.sign({}, header)))).toEqual(REFUSED);
      }
    });

    it('is 401 without a signature, or with one by a secret that everybody knows', async () => {
      const [header, payload] = (await main.sign(LOGIN_CLIENT)).split('.');
      const [jwk = {}] = await main.keys();
      const unsigned = [encoded({ alg: 'none' }), payload].join('.');
      const publicKey = { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y };
      const secret = new TextEncoder().encode(JSON.stringify(publicKey));
      const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
      const input = `${encoded({ alg: 'HS256', kid: jwk.kid })}.${payload}`;
      const mac = base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(input))));
      for (const forged of [`${unsigned}.`, `${unsigned}.AAAA`, `${header}.${payload}.`, `${header}.${payload}.AAAA`, `${input}.${mac}`]) {
        expect(refusal(await ask(forged))).toEqual(REFUSED);
      }
    });

    it('is 401 when it brings its own key, in whatever header', async () => {
      const mine = await ecKeyOf();
      const { d: _, ...jwk } = mine;
      const [{ kid } = {}] = await main.keys();
      for (const header of [{ jwk }, { jwk, kid }, { jku: `${trustedIssuer('other').issuer}/jwks`, kid }, { x5c: ['AAAA'], kid }]) {
        expect(refusal(await ask(await main.sign(LOGIN_CLIENT, header, mine)))).toEqual(REFUSED);
      }
    });

    it('is 401 when one of its parts was changed', async () => {
      const [header = '', payload = '', signature = ''] = (await main.sign()).split('.');
      const claims = JSON.parse(new TextDecoder().decode(base64url.decode(payload)));
      const raised = encoded({ ...claims, ...LOGIN_CLIENT });
      for (const token of [
        `${header}.${raised}.${signature}`,
        `${header}.${payload}.${signature.slice(0, -2)}`,
        `${payload}.${header}.${signature}`,
      ]) {
        expect(refusal(await ask(token))).toEqual(REFUSED);
      }
    });

    it('does not have the issuer asked for its keys again when only the signature is wrong', async () => {
      await ask(await main.sign());
      const before = await main.fetches();
      const [{ kid } = {}] = await main.keys();
      for (let i = 0; i < 5; i += 1) expect(refusal(await ask(await main.sign({}, { kid }, await ecKeyOf())))).toEqual(REFUSED);
      expect(await main.fetches()).toBe(before);
    });
  });

  describe('and what it grants', () => {
    it('is nothing when the role claim has any other shape, or names no role of the instance', async () => {
      const shapes = [
        undefined,
        null,
        true,
        7,
        '',
        'iam_owner',
        'IAM_OWNER IAM_LOGIN_CLIENT',
        'ORG_OWNER',
        'toString',
        '__proto__',
        {},
        { IAM_OWNER: true },
        { 0: 'IAM_OWNER', length: 1 },
        [],
        ['ORG_OWNER', 'IAM_NOTHING'],
        [['IAM_OWNER']],
        ['IAM_OWNER', 1],
        [null, 'IAM_OWNER'],
      ];
      for (const roles of shapes) {
        const answer = await ask(await main.sign({ roles }));
        expect([roles, ...refusal(answer)]).toEqual([roles, ...FORBIDDEN]);
      }
    });

    it('is each role of the instance that a list names, whatever stands beside it', async () => {
      expect((await ask(await main.sign({ roles: ['nonsense', 'ORG_OWNER', 'IAM_OWNER_VIEWER'] }))).status).toBe(404);
      expect((await ask(await main.sign({ roles: 'SESSION_CLIENT' }))).status).toBe(404);
    });

    it('is never what a user here has, though the subject is the id of one', async () => {
      const { userId } = await newUser();
      const client = api(await main.sign({ sub: userId }));
      const login = await createFor(userId);
      expect(refusal(await client.get(`/v2/users/${userId}`))).toEqual(FORBIDDEN);
      expect(refusal(await get(login, client))).toEqual(FORBIDDEN);
      expect(refusal(await client.delete(`/v2/sessions/${login.id}`, {}))).toEqual(FORBIDDEN);
      expect(refusal(await client.post(`/v2/users/${userId}/lock`))).toEqual(FORBIDDEN);
      expect((await client.post('/v2/users/pats/search', {})).body.result).toBeUndefined();
    });
  });

  describe('and its issuer', () => {
    it('is asked once however many made-up key ids arrive, at once or one after another', async () => {
      const flooded = trustedIssuer('flooded');
      const [good, key] = [await flooded.sign(), await ecKeyOf()];
      await ask(good);
      const before = await flooded.fetches();
      const bad = await Promise.all(Array.from({ length: 100 }, () => flooded.sign(LOGIN_CLIENT, { kid: crypto.randomUUID() }, key)));
      const atOnce = await Promise.all(bad.slice(0, 50).map(ask));
      // 503 for who comes while the answer is more than a second late.
      for (const answer of atOnce) expect([401, 503]).toContain(answer.status);
      for (const token of bad.slice(50)) expect(refusal(await ask(token))).toEqual(REFUSED);
      expect((await flooded.fetches()) - before).toBe(1);
      expect(refusal(await ask(await flooded.sign()))).toEqual(FORBIDDEN);
    });

    it('may have new keys: they are honoured at once, and the old ones no more', async () => {
      const rotating = trustedIssuer('rotating');
      const [old] = await rotating.keys();
      expect(refusal(await ask(await rotating.sign()))).toEqual(FORBIDDEN);
      await rotating.rotate();
      expect(refusal(await ask(await rotating.sign()))).toEqual(FORBIDDEN);
      expect(refusal(await ask(await rotating.sign({}, {}, old)))).toEqual(REFUSED);
    });

    it.concurrent('makes it 503 with Retry-After while it is down, and works as soon as it is back', async () => {
      const down = trustedIssuer('down');
      const token = await down.sign();
      await down.is('down');
      const answer = await ask(token);
      expect(refusal(answer)).toEqual([503, 'SALLY-Retry']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      await down.is('up');
      expect(refusal(await untilAnswered(() => ask(token)))).toEqual(FORBIDDEN);
    });

    it.concurrent('holds no request longer than its timeout when it says nothing or stops in the middle', async () => {
      const answers = await Promise.all(
        (['silent', 'stalled'] as const).map(async (name) => {
          const issuer = trustedIssuer(name);
          await issuer.is(name);
          return Promise.all([ask(await issuer.sign()), ask(await issuer.sign())]);
        }),
      );
      for (const answer of answers.flat()) {
        expect(refusal(answer)).toEqual([503, 'SALLY-Retry']);
        // The issuer's timeout, not the deadline of the request.
        expect(answer.body.message).toMatch(/^The issuer /);
      }
    });

    it.concurrent('is asked again when the one who asked hung up', async () => {
      const abandoned = trustedIssuer('abandoned');
      const token = await abandoned.sign();
      await abandoned.is('silent');
      const hangUp = new AbortController();
      const headers = { authorization: `Bearer ${token}` };
      const lost = fetch(new URL('/v2/users/nobody', inject('baseUrl')), { headers, signal: hangUp.signal });
      await expect.poll(abandoned.fetches, { timeout: 20_000 }).toBeGreaterThan(0);
      hangUp.abort();
      await expect(lost).rejects.toThrow();
      await abandoned.is('up');
      expect(refusal(await untilAnswered(() => ask(token)))).toEqual(FORBIDDEN);
    });

    it.each(NO_KEY_SETS)('has to answer with a key set, not like this: %s', async (mood) => {
      const issuer = trustedIssuer(mood);
      await issuer.is(mood);
      expect(refusal(await ask(await issuer.sign()))).toEqual([503, 'SALLY-Retry']);
    });

    it('is asked by one for all who come at the same time', async () => {
      const slow = trustedIssuer('slow');
      await slow.is('slow');
      const tokens = await Promise.all(Array.from({ length: 20 }, () => slow.sign()));
      for (const answer of await Promise.all(tokens.map(ask))) expect(refusal(answer)).toEqual(FORBIDDEN);
      expect(await slow.fetches()).toBeLessThan(tokens.length);
    });
  });

  describe('and what only looks like one', () => {
    const text = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_'), maxLength: 60 });
    const part = fc.oneof(
      text,
      fc.json().map((json) => base64url.encode(json)),
      fc
        .record({ alg: fc.constantFrom('ES256', 'none', 'HS256', '', 1, null), kid: fc.jsonValue(), crit: fc.jsonValue() }, { requiredKeys: [] })
        .map(encoded),
      fc.record({ iss: fc.constantFrom('main', 'other'), exp: fc.jsonValue(), sub: fc.jsonValue() }).map(({ iss, ...rest }) => ({ iss, ...rest })),
    );
    const bearer = fc
      .array(part, { minLength: 1, maxLength: 6 })
      .map((parts) =>
        parts
          .map((one) => (typeof one === 'string' ? one : encoded({ ...one, iss: `${inject('issuers')}/${one.iss}`, aud: 'sallyport-tests' })))
          .join('.'),
      );

    it('is 401, and never an error of ours', async () => {
      await fc.assert(
        fc.asyncProperty(bearer, async (token) => {
          expect((await ask(token)).status).toBe(401);
        }),
        { numRuns: 300 },
      );
    });

    it('is 401 when it is longer than any token', async () => {
      expect(refusal(await ask(await main.sign({ padding: 'x'.repeat(8000) })))).toEqual([401, 'AUTH-toLo1']);
    });
  });
});

/** Comes again, as told, for as long as the answer is 503. */
async function untilAnswered(attempt: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await attempt();
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => setTimeout(resolve, Number(answer.headers.get('retry-after')) * 1000));
  }
}
