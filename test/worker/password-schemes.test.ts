import { createHmac } from 'node:crypto';
import { argon2i, argon2id } from '@noble/hashes/argon2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importHash } from '../../src/crypto/import-hash.ts';
import { keyRing } from '../../src/crypto/key-ring.ts';
import { hashPassword, isCurrentHash, spendHashTime, verifyPassword } from '../../src/crypto/password-hash.ts';
import { PASSWORD_SCHEMES } from '../../src/crypto/password-hashing.ts';
import { FOREIGN_HASHES } from '../support/foreign-hashes.ts';

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');
const peppers = keyRing(`1:${key(1)}`, 'SHA-512');
const both = keyRing(`1:${key(1)},2:${key(2)}`, 'SHA-512');
const verifies = async (password: string, hash: string) => verifyPassword(password, await importHash(hash, peppers), peppers);
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
const SALT = 'c2FsdHNhbHRzYWx0c2FsdA';
const DIGEST = base64(new Uint8Array(32).fill(7));

/** Who made each hash stands with it. */
describe('a hash that was made elsewhere', () => {
  it.each(FOREIGN_HASHES)('is verified: $by, $hash', async ({ password, hash }) => {
    const stored = await importHash(hash, peppers);
    expect(await verifyPassword(password, stored, peppers)).toBe(true);
    expect(await verifyPassword(`x${password}`, stored, peppers)).toBe(false);
  });

  it('is of the bytes that were hashed there, and of no normal form', async () => {
    const hash = '$5$salt$Xl27tyXYOIil/.905UefyvfS7pVfDGNhIYZU23sjiqA';
    expect(await verifies('p\u00e4ssw\u00f6rd', hash)).toBe(true);
    expect(await verifies('pa\u0308sswo\u0308rd', hash)).toBe(false);
  });

  it('by bcrypt holds for the first 72 bytes of a password, as everywhere', async () => {
    const hash = '$2b$06$DCq7YPn5Rq63x1Lad4cll.q6Th.KK9DztzprNMGBjynEpoNH1SEsa';
    expect(await verifies('x'.repeat(72), hash)).toBe(true);
    expect(await verifies('x'.repeat(200), hash)).toBe(true);
    expect(await verifies('x'.repeat(71), hash)).toBe(false);
  });

  it('by Argon2 comes to what a second implementation (noble) makes of it, whatever its figures', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          password: fc.string({ unit: 'grapheme', maxLength: 40 }),
          salt: fc.uint8Array({ minLength: 8, maxLength: 24 }),
          version: fc.constantFrom(16, 19),
          lanes: fc.integer({ min: 1, max: 3 }),
          passes: fc.integer({ min: 1, max: 3 }),
          memory: fc.integer({ min: 24, max: 64 }),
          length: fc.integer({ min: 16, max: 64 }),
          id: fc.boolean(),
        }),
        async ({ password, salt, version, lanes, passes, memory, length, id }) => {
          const options = { m: memory, t: passes, p: lanes, dkLen: length, version };
          const digest = (id ? argon2id : argon2i)(Buffer.from(password), salt, options);
          const named = version === 16 ? '' : '$v=19';
          const hash = `$argon2${id ? 'id' : 'i'}${named}$m=${memory},t=${passes},p=${lanes}$${base64(salt)}$${base64(digest)}`;
          expect(await verifies(password, hash), hash).toBe(true);
          expect(await verifies(`${password}x`, hash), hash).toBe(false);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('the stored form of an imported hash', () => {
  it.each(FOREIGN_HASHES)('has no trace of the digest, only its HMAC under the newest pepper: $hash', async ({ hash }) => {
    const stored = await importHash(hash, both);
    expect(stored).toMatch(/^\$sallyport\$k=2\$[A-Za-z0-9+/]{86}==\$/);
    const digest = hash.startsWith('$2') ? hash.slice(-31) : (hash.split('$').at(-1) ?? '');
    expect(digest.length).toBeGreaterThan(20);
    for (const part of [digest, digest.slice(0, 12), digest.slice(-12)]) expect(stored).not.toContain(part);
  });

  it('is the scheme, its cost and its salt, then the length of a digest that may have several', async () => {
    const recipeOf = async (hash: string) => (await importHash(hash, peppers)).replace(/^\$sallyport\$k=1\$[^$]*/, '');
    expect(await recipeOf(`$argon2id$v=19$m=19456,t=2,p=1$${SALT}$${DIGEST}`)).toBe(`$argon2id$v=19$m=19456,t=2,p=1$${SALT}$32`);
    expect(await recipeOf('$2y$10$abcdefghijklmnopqrstuuE54PSDfuI8btEp5X53G3HCLlK7DcHnS')).toBe('$2y$10$abcdefghijklmnopqrstuu');
    expect(await recipeOf('$1$saltsalt$yyywWDcDI4FHDiVLs3Omd0')).toBe('$1$saltsalt');
  });

  it('holds the HMAC-SHA-512 of the raw digest', async () => {
    const stored = await importHash(`$argon2id$v=19$m=19456,t=2,p=1$${SALT}$${DIGEST}`, peppers);
    expect(stored.split('$')[3]).toBe(createHmac('sha512', Buffer.alloc(32, 1)).update(Buffer.alloc(32, 7)).digest('base64'));
  });

  it('can be told by nobody under a pepper that is not listed, and is another under another', async () => {
    const stored = await importHash('$1$saltsalt$yyywWDcDI4FHDiVLs3Omd0', both);
    expect(await verifyPassword('V3ryS3cure!', stored, both)).toBe(true);
    expect(await verifyPassword('V3ryS3cure!', stored, peppers)).toBeUndefined();
    expect(await verifyPassword('V3ryS3cure!', stored.replace('k=2', 'k=1'), both)).toBe(false);
  });
});

const bcryptOf = (cost: string) => `$2b$${cost}$abcdefghijklmnopqrstuuE54PSDfuI8btEp5X53G3HCLlK7DcHnS`;
const argonOf = (figures: string, variant = 'argon2id') => `$${variant}$v=19$${figures}$${SALT}$${DIGEST}`;
const scryptOf = (figures: string) => `$scrypt$${figures}$${SALT}$${DIGEST}`;
const pbkdf2Of = (name: string, rounds: string, digestBytes = 32) => `$${name}$${rounds}$${SALT}$${base64(new Uint8Array(digestBytes).fill(7))}`;
const shaOf = (id: 5 | 6, rounds: string) => `$${id}$rounds=${rounds}$saltstring$${(id === 5 ? '.' : '/').repeat(id === 5 ? 42 : 85)}/`;

describe('the cost of an imported hash', () => {
  it.each([
    [bcryptOf('14'), bcryptOf('15')],
    [argonOf('m=65536,t=16,p=1'), argonOf('m=65536,t=17,p=1')],
    [argonOf('m=65536,t=1,p=16'), argonOf('m=65537,t=1,p=1')],
    [argonOf('m=8,t=131072,p=1', 'argon2i'), argonOf('m=8,t=131073,p=1', 'argon2i')],
    [scryptOf('ln=16,r=8,p=2'), scryptOf('ln=16,r=8,p=3')],
    [scryptOf('ln=15,r=16,p=1'), scryptOf('ln=17,r=8,p=1')],
    [scryptOf('ln=4,r=1,p=65536'), scryptOf('ln=4,r=1,p=65537')],
    [pbkdf2Of('pbkdf2', '600000', 20), pbkdf2Of('pbkdf2', '600001', 20)],
    [pbkdf2Of('pbkdf2', '300000', 21), pbkdf2Of('pbkdf2', '300001', 21)],
    [pbkdf2Of('pbkdf2-sha224', '600000', 28), pbkdf2Of('pbkdf2-sha224', '600001', 28)],
    [pbkdf2Of('pbkdf2-sha256', '600000'), pbkdf2Of('pbkdf2-sha256', '600001')],
    [pbkdf2Of('pbkdf2-sha384', '210000', 48), pbkdf2Of('pbkdf2-sha384', '210001', 48)],
    [pbkdf2Of('pbkdf2-sha512', '210000', 64), pbkdf2Of('pbkdf2-sha512', '210001', 64)],
    [shaOf(5, '200000'), shaOf(5, '200001')],
    [shaOf(6, '200000'), shaOf(6, '999999999')],
  ])('may be %s and not %s', async (dearest, dearer) => {
    expect(await importHash(dearest, peppers)).toMatch(/^\$sallyport\$/);
    expect(await importHash(dearer, peppers)).toBe('too-costly');
  });
});

const STRANGE = [
  ...['', '$', '$$', 'V3ryS3cure!', '5f4dcc3b5aa765d61d8327deb882cf99', '{SSHA}abc', '$P$984478476IagS59wHZvyQMArzfx58u.', '$apr1$salt$x'],
  ...['$2b$3$', bcryptOf('03'), bcryptOf('32'), bcryptOf('99'), bcryptOf('1'), bcryptOf('10').slice(0, -1), `${bcryptOf('10')}x`],
  ...[
    bcryptOf('10').replace('2b', '2x'),
    bcryptOf('10').replace('2b', '2'),
    bcryptOf('10').replace('a', '!'),
    ` ${bcryptOf('10')}`,
    `${bcryptOf('10')}\n`,
  ],
  ...[argonOf('m=65536,t=3,p=4', 'argon2d'), argonOf('m=0,t=1,p=1'), argonOf('m=7,t=1,p=1'), argonOf('m=65536,t=0,p=1'), argonOf('m=65536,t=1,p=0')],
  ...[
    argonOf('m=65536,t=1,p=17'),
    argonOf('m=31,t=1,p=4'),
    argonOf('t=1,m=64,p=1'),
    argonOf('m=64,t=1'),
    argonOf('m=1e3,t=1,p=1'),
    argonOf('m=-64,t=1,p=1'),
  ],
  ...[argonOf('m=99999999999999999999,t=1,p=1'), argonOf('m=64,t=1,p=1').replace('v=19', 'v=18'), `$argon2id$v=19$m=64,t=1,p=1$${SALT}$`],
  ...[`$argon2id$v=19$m=64,t=1,p=1$${SALT}`, `$argon2id$v=19$m=64,t=1,p=1$$${DIGEST}`, `$argon2id$v=19$m=64,t=1,p=1$c2FsdA$${DIGEST}`],
  ...[
    `$argon2id$v=19$m=64,t=1,p=1$${SALT}$dG9vc2hvcnQ`,
    `$argon2id$v=19$m=64,t=1,p=1$sa*t$${DIGEST}`,
    `$argon2id$v=19$m=64,t=1,p=1$${SALT}$*${DIGEST}`,
  ],
  ...[scryptOf('ln=0,r=8,p=1'), scryptOf('ln=14,r=0,p=1'), scryptOf('ln=14,r=8,p=0'), scryptOf('ln=16,r=1,p=1'), scryptOf('ln=99,r=8,p=1')],
  ...[
    scryptOf('ln=14,r=999999999,p=999999999'),
    scryptOf('n=16384,r=8,p=1'),
    `$scrypt$ln=14,r=8,p=1$$${DIGEST}`,
    '$7$',
    '$7$C6..../....',
    '$7$C6..../....salt$short',
  ],
  ...['$7$!6..../....salt$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D', '$7$C............salt$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D'],
  ...[pbkdf2Of('pbkdf2-sha256', '0'), pbkdf2Of('pbkdf2-sha256', '-1'), pbkdf2Of('pbkdf2-sha256', '1e5'), pbkdf2Of('pbkdf2-sha256', '01000')],
  ...[pbkdf2Of('pbkdf2-md5', '1000'), pbkdf2Of('pbkdf2-sha256', '1000', 15), pbkdf2Of('pbkdf2-sha256', '1000', 65), `$pbkdf2-sha256$1000$$${DIGEST}`],
  ...[
    shaOf(5, '999'),
    shaOf(6, '0'),
    shaOf(6, '9999999999'),
    '$5$saltstring$short',
    `$6$$${'.'.repeat(86)}`,
    `$5$seventeencharsalt$${'.'.repeat(43)}`,
  ],
  ...[
    '$5$salt$Xl27tyXYOIil/.905UefyvfS7pVfDGNhIYZU23sjiqz',
    '$1$$yyywWDcDI4FHDiVLs3Omd0',
    '$1$ninechars$yyywWDcDI4FHDiVLs3Omd0',
    '$1$saltsalt$!yywWDcDI4FHDiVLs3Omd0',
  ],
  ...[
    `$sallyport-argon2id$v=19$m=64,t=1,p=1$${SALT}$${DIGEST}`,
    `$sallyport-scrypt$ln=10,r=8,p=1$${SALT}$${DIGEST}`,
    '$sallyport-pbkdf2-sha512$i=1$x$y',
  ],
];

describe('a hash that is not well formed, or is of a scheme that nobody knows here', () => {
  it.each(STRANGE)('is not supported: %j', async (hash) => {
    expect(await importHash(hash, peppers)).toBe('unsupported');
  });

  it('is not supported when it is in our own stored form, whose digest nobody has', async () => {
    expect(await importHash(await hashPassword('x', { scheme: 'scrypt', peppers }), peppers)).toBe('unsupported');
  });

  it('is never an exception, however the hash of somebody else is mangled', async () => {
    const mangled = fc
      .record({
        hash: fc.constantFrom(...FOREIGN_HASHES, ...STRANGE.map((hash) => ({ hash }))),
        at: fc.nat(130),
        cut: fc.nat(9),
        put: fc.string({ maxLength: 9 }),
      })
      .map(({ hash: { hash }, at, cut, put }) => `${hash.slice(0, at)}${put}${hash.slice(at + cut)}`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(mangled, fc.string()), async (hash) => {
        expect(await importHash(hash, peppers)).toMatch(/^(unsupported|too-costly|\$sallyport\$k=1\$.*)$/s);
      }),
      { numRuns: 2000 },
    );
  });

  it('is told right or wrong by nobody once it is stored in another form than ours', async () => {
    for (const { hash, password } of FOREIGN_HASHES) expect(await verifyPassword(password, hash, peppers)).toBeUndefined();
    const stored = await hashPassword('x', { scheme: 'scrypt', peppers });
    for (const recipe of [
      '',
      '$',
      '$strange$x',
      '$2b$10$short',
      '$2b$03$abcdefghijklmnopqrstuu',
      '$scrypt$ln=0,r=8,p=1$c2FsdA$32',
      '$1$',
      '$5$rounds=1$a',
    ]) {
      expect(await verifyPassword('x', stored.replace(/\$sallyport-scrypt.*/, recipe), peppers), recipe).toBeUndefined();
    }
  });
});

describe.each(PASSWORD_SCHEMES)('a new password hashed with %s', (scheme) => {
  const hashing = { scheme, peppers } as const;

  it('is told right from wrong, in whichever normal form it is typed', async () => {
    const stored = await hashPassword('V3ryS3cure!\u00e9\ufb01', hashing);
    expect(await verifyPassword('V3ryS3cure!\u00e9\ufb01', stored, peppers)).toBe(true);
    expect(await verifyPassword('V3ryS3cure!e\u0301fi', stored, peppers)).toBe(true);
    expect(await verifyPassword('V3ryS3cure!e\u0301f', stored, peppers)).toBe(false);
  });

  it('has a salt of its own each time, and costs what its scheme should', async () => {
    const [one, other] = [await hashPassword('x', hashing), await hashPassword('x', hashing)];
    expect(one).not.toBe(other);
    const costs = { 'pbkdf2-sha512': 'i=210000', argon2id: 'm=19456,t=2,p=1', scrypt: 'ln=15,r=8,p=3' };
    expect(one).toContain(`$${costs[scheme]}$`);
    expect(one.split('$').slice(4)).not.toEqual(other.split('$').slice(4));
  });

  it('can be spent time like on somebody whom nobody knows', async () => {
    expect(await spendHashTime('x', hashing)).toBeUndefined();
  });
});

describe('the stored form before', () => {
  // Made with node:crypto: PBKDF2 in one call of 1000 rounds, then the HMAC.
  const formBefore = '$sallyport-pbkdf2-sha512$i=1000,k=1$BQUFBQUFBQUFBQUFBQUFBQ==$TAG';

  it('is verified still', async () => {
    const { pbkdf2Sync } = await import('node:crypto');
    const derived = pbkdf2Sync('V3ryS3cure!', Buffer.alloc(16, 5), 1000, 64, 'sha512');
    const stored = formBefore.replace('TAG', createHmac('sha512', Buffer.alloc(32, 1)).update(derived).digest('base64'));
    expect(await verifyPassword('V3ryS3cure!', stored, peppers)).toBe(true);
    expect(await verifyPassword('V3ryS3cure', stored, peppers)).toBe(false);
    expect(await verifyPassword('V3ryS3cure!', stored.replace('k=1', 'k=3'), peppers)).toBeUndefined();
  });
});

describe('a stored hash', () => {
  it('is current when its scheme, cost and pepper are those of a new one', async () => {
    for (const made of PASSWORD_SCHEMES) {
      const stored = await hashPassword('x', { scheme: made, peppers });
      for (const scheme of PASSWORD_SCHEMES) {
        expect(isCurrentHash(stored, { scheme, peppers }), `${made} for ${scheme}`).toBe(made === scheme);
        expect(isCurrentHash(stored, { scheme, peppers: both })).toBe(false);
      }
    }
  });

  it('is not current with another cost, or when it came from elsewhere, or cannot be read', async () => {
    const stored = await hashPassword('x', { scheme: 'argon2id', peppers });
    const hashing = { scheme: 'argon2id', peppers } as const;
    expect(isCurrentHash(stored.replace('t=2', 't=3'), hashing)).toBe(false);
    expect(isCurrentHash(await importHash(argonOf('m=19456,t=2,p=1'), peppers), hashing)).toBe(false);
    for (const encoded of ['', 'x', '$2b$10$x', stored.slice(5)]) expect(isCurrentHash(encoded, hashing)).toBe(false);
  });

  it('in the form before is current while its cost and pepper are', () => {
    const formBefore = (rounds: number) => `$sallyport-pbkdf2-sha512$i=${rounds},k=1$BQUFBQUFBQUFBQUFBQUFBQ==$${'A'.repeat(86)}==`;
    expect(isCurrentHash(formBefore(210_000), { scheme: 'pbkdf2-sha512', peppers })).toBe(true);
    expect(isCurrentHash(formBefore(100_000), { scheme: 'pbkdf2-sha512', peppers })).toBe(false);
    expect(isCurrentHash(formBefore(210_000), { scheme: 'scrypt', peppers })).toBe(false);
  });
});
