import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExternalUser, externalUserOf, STANDARD_CLAIMS } from '../../src/core/intent/external-user.ts';
import { emailAddress } from '../../src/core/user/email-address.ts';
import { foldLoginName } from '../../src/directory/users.ts';
import { type Human, profileOf } from '../../src/http/human-user.ts';
import { readyMadeUser } from '../../src/http/ready-made-user.ts';
import { userOperations } from '../../src/http/users.ts';
import { must, outcomeOf } from './builders.ts';

const { input: addHumanUser } = userOperations.find(({ rpc }) => rpc === 'zitadel.user.v2.UserService/AddHumanUser') ?? {};

/** What AddHumanUser reads out of a body that came over the wire. */
function readAsAddHumanUser(body: object) {
  const parsed = addHumanUser?.().safeParse(JSON.parse(JSON.stringify(body)));
  if (!parsed?.success) throw new Error(`not a user that can be added: ${parsed?.error.message} ${JSON.stringify(body)}`);
  return parsed.data as Human & { readonly username: string; readonly idpLinks: object[] };
}

/** As the callback names whoever comes back. */
const nameOf = ({ userName, email, id }: ExternalUser): string => userName || email || id;

const person = (claims: object): ExternalUser => {
  const user = externalUserOf({ sub: 'id-1', ...claims }, STANDARD_CLAIMS);
  if (user === undefined) throw new Error('nobody');
  return user;
};

const addable = (claims: object) => {
  const user = person(claims);
  const read = readAsAddHumanUser(readyMadeUser('idp-1', nameOf(user), user));
  return { ...read, stored: must(profileOf(read)) };
};

describe('the user that is made ready of what a provider told', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 250 }),
    fc.string({ unit: 'grapheme', maxLength: 210 }),
    fc.constantFrom('', ' ', '\t', '\u00a0', '\ud800', 'x'.repeat(200), 'Minnie Mouse', `${'🐭'.repeat(100)} ${'🐭'.repeat(99)}`),
  );
  const anything = fc.oneof(text, fc.anything());
  const email = fc.oneof(
    fc.emailAddress({ size: 'large' }),
    fc.tuple(fc.string({ unit: 'grapheme' }), fc.domain()).map((parts) => parts.join('@')),
    text,
  );
  const claims = fc.record(
    {
      sub: fc.oneof(text, fc.integer()),
      preferred_username: anything,
      given_name: anything,
      family_name: anything,
      nickname: anything,
      name: anything,
      email,
      email_verified: fc.oneof(fc.boolean(), fc.anything()),
      phone_number: fc.oneof(
        fc.constantFrom('+41 79 123 45 67', '+41791234567', '079 123 45 67', '+0791234567', `+4179${' '.repeat(150)}1234567`),
        anything,
      ),
      phone_number_verified: fc.oneof(fc.boolean(), fc.anything()),
      locale: fc.oneof(fc.constantFrom('en', 'de-CH', 'zh-Hant-TW-x-long', 'und', '🐭🐭🐭🐭🐭🐭', 'not a language'), anything),
    },
    { requiredKeys: ['sub', 'email'] },
  );

  it('can be added as it is, whatever was told, when a valid e-mail address was', () => {
    fc.assert(
      fc.property(claims, (told) => {
        const user = externalUserOf(told, STANDARD_CLAIMS);
        fc.pre(user !== undefined && emailAddress(user.email).ok);
        if (user === undefined) return;
        const userName = nameOf(user);
        const read = readAsAddHumanUser(readyMadeUser('idp-1', userName, user));
        expect(outcomeOf(profileOf(read))).toBe('ok');
        expect(must(profileOf(read))).toMatchObject({ email: user.email, emailVerified: user.emailVerified });
        expect(foldLoginName(read.username)).not.toBe('');
        expect(read.idpLinks).toEqual([{ idpId: 'idp-1', idpUserId: user.id, idpUserName: userName }]);
      }),
      { numRuns: 3000 },
    );
  });

  it('lacks nothing but the e-mail address when none was told, or one that is none', () => {
    for (const address of [undefined, '', 'minnie', 'Minnie <minnie@mouse.com>']) {
      const user = person({ name: 'Minnie Mouse', email: address });
      const body = readyMadeUser('idp-1', 'minnie', user);
      expect(body).not.toHaveProperty('email');
      expect(outcomeOf(profileOf(readAsAddHumanUser({ ...body, email: { email: 'minnie@mouse.com' } })))).toBe('ok');
    }
  });

  it('has the names that were told', () => {
    expect(
      addable({ given_name: 'Minnie', family_name: 'Mouse', name: 'M. Mouse', nickname: 'Min', email: 'minnie@mouse.com' }).stored,
    ).toMatchObject({
      givenName: 'Minnie',
      familyName: 'Mouse',
      displayName: 'M. Mouse',
      nickName: 'Min',
    });
  });

  it('has names that were not told from the display name, or else from the user name', () => {
    const namesOf = (told: object) => {
      const { givenName, familyName } = addable({ email: 'minnie@mouse.com', ...told }).stored;
      return [givenName, familyName];
    };
    expect(namesOf({ name: ' Minnie  van der Mouse ' })).toEqual(['Minnie', 'van der Mouse']);
    expect(namesOf({ name: 'Minnie', preferred_username: 'minnie' })).toEqual(['Minnie', 'minnie']);
    expect(namesOf({ preferred_username: 'minnie' })).toEqual(['minnie', 'minnie']);
    expect(namesOf({ given_name: 'Minnie', name: 'Mrs Mouse' })).toEqual(['Minnie', 'Mouse']);
    expect(namesOf({ family_name: 'Mouse', name: 'Minnie M.' })).toEqual(['Minnie', 'Mouse']);
    expect(namesOf({})).toEqual(['minnie@mouse.com', 'minnie@mouse.com']);
  });

  it('has addresses verified where the provider has verified them, and is sent a code where not', () => {
    const told = { email: 'minnie@mouse.com', phone_number: '+41 79 123 45 67' };
    const bodyOf = (claims: object) => readyMadeUser('idp-1', 'minnie', person(claims));
    expect(bodyOf({ ...told, email_verified: true, phone_number_verified: true })).toMatchObject({
      email: { email: 'minnie@mouse.com', isVerified: true },
      phone: { phone: '+41791234567', isVerified: true },
    });
    expect(bodyOf(told)).toMatchObject({
      email: { email: 'minnie@mouse.com', sendCode: {} },
      phone: { phone: '+41791234567', sendCode: {} },
    });
    expect(addable(told).stored).toMatchObject({ emailVerified: false, phoneVerified: false });
    expect(addable({ ...told, email_verified: true, phone_number_verified: true }).stored).toMatchObject({
      emailVerified: true,
      phoneVerified: true,
    });
  });

  it('has neither a phone number nor a language that AddHumanUser would refuse', () => {
    const { stored, phone } = addable({ email: 'minnie@mouse.com', phone_number: '079 123 45 67', locale: 'zh-Hant-TW-x-long' });
    expect([phone, stored.preferredLanguage]).toEqual([undefined, '']);
    expect(addable({ email: 'minnie@mouse.com', locale: 'de-CH' }).stored.preferredLanguage).toBe('de-CH');
  });
});
