import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertionStruct, attestationStruct } from '../../src/http/public-key-credential.ts';

const response = { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'MEUC', userHandle: 'bWlubmll' };
const asserted = { id: 'a-_b', rawId: 'a-_b', type: 'public-key', response };
const attested = { id: 'a-_b', rawId: 'a-_b', type: 'public-key', response: { clientDataJSON: 'e30', attestationObject: 'o2Nm' } };

const assertion = (value: unknown) => assertionStruct.safeParse(value);
const attestation = (value: unknown) => attestationStruct.safeParse(value);
/** What is read of an object; undefined where it is no credential. */
const read = (changes: object, responseChanges: object = {}) =>
  assertion({ ...asserted, ...changes, response: { ...response, ...responseChanges } }).data;

describe('the JSON of a public key credential', () => {
  it('is read as browsers write it, and what else they say is left alone', () => {
    expect(assertion(asserted).data).toEqual({ id: 'a-_b', ...response });
    const more = { authenticatorAttachment: 'platform', clientExtensionResults: { credProps: { rk: true } } };
    expect(read(more, { extra: 1 })).toEqual({ id: 'a-_b', ...response });
    const registered = { ...attested.response, transports: ['internal'], publicKeyAlgorithm: -7, authenticatorData: 1 };
    expect(attestation({ ...attested, ...more, response: registered }).data).toEqual({ id: 'a-_b', ...attested.response });
  });

  it('is read with padding and in the standard alphabet, and is then without', () => {
    expect(read({ id: 'a+/b', rawId: 'a-_b' })?.id).toBe('a-_b');
    expect(read({ id: 'YWE=', rawId: 'YWE' })?.id).toBe('YWE');
    expect(read({ id: 'YQ==', rawId: undefined })?.id).toBe('YQ');
    expect(read({}, { signature: 'M+/C', clientDataJSON: 'e30=' })).toMatchObject({ signature: 'M-_C', clientDataJSON: 'e30' });
    expect(attestation({ ...attested, response: { clientDataJSON: 'e30=', attestationObject: '+/+/' } }).data).toMatchObject({
      clientDataJSON: 'e30',
      attestationObject: '-_-_',
    });
  });

  it('need not say its id twice, but says the same when it does', () => {
    expect(read({ rawId: undefined })?.id).toBe('a-_b');
    expect(read({ rawId: 'a+/b' })?.id).toBe('a-_b');
    for (const rawId of ['a-_c', 'A-_b', 'a-_', '', null, 1, ['a-_b']]) expect(read({ rawId }), JSON.stringify(rawId)).toBeUndefined();
    expect(attestation({ ...attested, rawId: 'other' })).toMatchObject({ success: true, data: undefined });
  });

  it('is none with another type, or a part that is missing or is no base64', () => {
    for (const type of ['password', 'PUBLIC-KEY', '', null, undefined, 1]) expect(read({ type }), String(type)).toBeUndefined();
    const wrong = [undefined, null, '', 1, {}, [], '=', '===', 'YQ===', 'a b', 'e3.', 'e30\n', 'e=30', 'a', 'abcde', 'ü'];
    for (const value of wrong) {
      for (const part of ['clientDataJSON', 'authenticatorData', 'signature'])
        expect(read({}, { [part]: value }), `${part} ${value}`).toBeUndefined();
      for (const part of ['clientDataJSON', 'attestationObject'])
        expect(attestation({ ...attested, response: { ...attested.response, [part]: value } }).data, `${part} ${value}`).toBeUndefined();
      expect(read({ id: value, rawId: undefined }), `id ${value}`).toBeUndefined();
    }
    for (const value of [undefined, null, 'a', 1, []]) expect(assertion({ ...asserted, response: value }).data).toBeUndefined();
  });

  it('says that there is no user handle by leaving it out, by null or by an empty text', () => {
    for (const userHandle of [undefined, null, '']) {
      const data = read({}, { userHandle });
      expect(data).toMatchObject({ id: 'a-_b' });
      expect(data?.userHandle).toBeUndefined();
    }
    for (const userHandle of [0, false, {}, '=', 'a b', 'a']) expect(read({}, { userHandle }), JSON.stringify(userHandle)).toBeUndefined();
  });

  it('is a wrong answer where it is an object of another kind, and a broken message where it is none', () => {
    for (const struct of [assertion, attestation]) {
      for (const value of [{}, { id: 'a-_b' }, { response }]) expect(struct(value)).toEqual({ success: true, data: undefined });
      for (const value of [null, [], 'a', 1, true]) expect(struct(value).error?.issues).toMatchObject([{ message: 'must be an object' }]);
      expect(struct(undefined).error?.issues).toMatchObject([{ message: 'value is required' }]);
    }
    expect(assertion(attested)).toEqual({ success: true, data: undefined });
    expect(attestation(asserted)).toEqual({ success: true, data: undefined });
  });

  it('takes nothing from the names that every object has', () => {
    const inherited = JSON.parse(`{"__proto__":${JSON.stringify(asserted)}}`);
    expect(assertion(inherited)).toEqual({ success: true, data: undefined });
    const named = JSON.parse(`{"__proto__":{"id":"x"},"constructor":1,"toString":null,${JSON.stringify(asserted).slice(1)}`);
    expect(assertion(named).data).toEqual({ id: 'a-_b', ...response });
    expect(Object.getPrototypeOf(assertion(named).data)).toBe(Object.prototype);
    expect(({} as { id?: string }).id).toBeUndefined();
  });

  it('is looked at without an error however large or deep it is', () => {
    const deep = JSON.parse(`${'{"response":'.repeat(5_000)}1${'}'.repeat(5_000)}`);
    const list = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
    for (const value of [deep, { ...asserted, response: deep }, { ...asserted, id: list }, { ...asserted, extra: list }])
      expect(assertion(value).success).toBe(true);
    const large = 'A'.repeat(1_000_000);
    expect(read({ id: large, rawId: large })).toBeUndefined();
    expect(read({}, { signature: `${large}!` })).toBeUndefined();
    expect(read({}, { signature: '='.repeat(1_000_000) })).toBeUndefined();
  });

  it.each([
    ['id', 1368],
    ['clientDataJSON', 8192],
    ['authenticatorData', 4096],
    ['signature', 2048],
    ['userHandle', 1200],
  ] as const)('is as large as any authenticator makes it, and no larger: %s', (member, most) => {
    const sized = (length: number) =>
      member === 'id' ? read({ id: 'A'.repeat(length), rawId: undefined }) : read({}, { [member]: 'A'.repeat(length) });
    expect(sized(most)).toBeDefined();
    expect(sized(most + 4)).toBeUndefined();
  });

  it('is, of any JSON at all, either a credential whole or none', () => {
    const part = fc.oneof(fc.constantFrom('a-_b', 'e30', '', 'YQ==', null, 1), fc.string(), fc.jsonValue());
    const shaped = fc.record(
      { id: part, rawId: part, type: fc.constantFrom('public-key', 'x'), response: fc.dictionary(fc.constantFrom(...Object.keys(response)), part) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(shaped, fc.jsonValue()), (value) => {
        for (const struct of [assertionStruct, attestationStruct]) {
          const { success, data } = struct.safeParse(value);
          if (!success || data === undefined) continue;
          for (const text of Object.values(data)) expect(text ?? 'AA').toMatch(/^[\w-]+$/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
