import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { newSessionCell, newUserCell, REGIONS } from '../../src/cells/placement.ts';
import { cellOfSession, newSessionId, rowKeyOf } from '../../src/cells/session-id.ts';
import { toBase64, toBase64Url, toHex, utf8 } from '../../src/crypto/base64.ts';
import { digest, sameDigest } from '../../src/crypto/digest.ts';
import { keyRing, mac } from '../../src/crypto/key-ring.ts';
import { hashPassword, spendHashTime, verifyPassword } from '../../src/crypto/password-hash.ts';
import { webPbkdf2 } from '../../src/crypto/password-schemes/web-pbkdf2.ts';
import { seal, unseal } from '../../src/crypto/sealed-box.ts';
import { newDecimalId, newPersonalAccessToken, newSecret, newSessionToken } from '../../src/crypto/tokens.ts';

const PASSWORD = 'V3ryS3cure!';
const key = (byte: number, length = 32) => Buffer.alloc(length, byte);
const listed = (...numbered: (readonly [number, number])[]) =>
  numbered.map(([number, byte]) => `${number}:${key(byte).toString('base64')}`).join(',');
const peppers = keyRing(listed([1, 1]), 'SHA-512');
const hashing = { scheme: 'pbkdf2-sha512', peppers } as const;
const idKeys = keyRing(listed([1, 1]), 'SHA-256');

const faultOf = (list: string): string => {
  try {
    keyRing(list, 'SHA-256');
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return (error as Error).message;
  }
  return 'no fault';
};

/** The hash as node:crypto makes it: PBKDF2 in steps of 100,000 iterations at most, each fed with the one before, then the pepper. */
function expectedTag(password: string, salt: Buffer, steps: readonly number[], pepper: Buffer): string {
  const derived = steps.reduce<string | Buffer>((secret, iterations) => pbkdf2Sync(secret, salt, iterations, 64, 'sha512'), password);
  return createHmac('sha512', pepper).update(derived).digest('base64');
}

const encode = (tag: string, salt: Buffer, { iterations = 1000, k = 1 } = {}) =>
  `$sallyport$k=${k}$${tag}$sallyport-pbkdf2-sha512$i=${iterations}$${salt.toString('base64')}`;

describe('a password hash', () => {
  const salt = key(5, 16);

  it('is made of three chained calls of PBKDF2, 210,000 iterations in all, and the pepper', async () => {
    const encoded = await hashPassword(PASSWORD, hashing);
    const [, prefix, pepper, tag, scheme, rounds, salted = ''] = encoded.split('$');
    expect([prefix, pepper, scheme, rounds]).toEqual(['sallyport', 'k=1', 'sallyport-pbkdf2-sha512', 'i=210000']);
    expect(Buffer.from(salted, 'base64')).toHaveLength(16);
    expect(tag).toBe(expectedTag(PASSWORD, Buffer.from(salted, 'base64'), [100_000, 100_000, 10_000], key(1)));
  });

  it('is told right from wrong', async () => {
    const encoded = await hashPassword(PASSWORD, hashing);
    expect(await verifyPassword(PASSWORD, encoded, peppers)).toBe(true);
    for (const wrong of [`${PASSWORD} `, PASSWORD.toLowerCase(), PASSWORD.slice(0, -1), '']) {
      expect(await verifyPassword(wrong, encoded, peppers)).toBe(false);
    }
  });

  it('has a salt of its own each time', async () => {
    const [one, other] = await Promise.all([hashPassword(PASSWORD, hashing), hashPassword(PASSWORD, hashing)]);
    expect(one.split('$')[3]).not.toBe(other.split('$')[3]);
    expect(one.split('$')[6]).not.toBe(other.split('$')[6]);
  });

  it('never holds the password', async () => {
    expect(await hashPassword(PASSWORD, hashing)).not.toContain(PASSWORD);
  });

  it.each([
    [1, [1]],
    [99_999, [99_999]],
    [100_000, [100_000]],
    [100_001, [100_000, 1]],
    [200_000, [100_000, 100_000]],
  ] as const)('is verified with the iterations that it names: %i', async (iterations, steps) => {
    const encoded = encode(expectedTag(PASSWORD, salt, steps, key(1)), salt, { iterations });
    expect(await verifyPassword(PASSWORD, encoded, peppers)).toBe(true);
    expect(await verifyPassword(PASSWORD, encoded.replace(`i=${iterations}`, `i=${iterations + 1}`), peppers)).toBe(false);
  });

  it('is of the normal form NFKC, so that a password is the same however it was typed', async () => {
    const encoded = await hashPassword('\u00e9\ufb01\u2460', hashing);
    expect(await verifyPassword('e\u0301fi1', encoded, peppers)).toBe(true);
    expect(await verifyPassword('efi1', encoded, peppers)).toBe(false);
  });

  it('tells long passwords apart in their last character', async () => {
    const long = 'x'.repeat(199);
    const encoded = encode(expectedTag(`${long}a`, salt, [1000], key(1)), salt);
    expect(await verifyPassword(`${long}a`, encoded, peppers)).toBe(true);
    expect(await verifyPassword(`${long}b`, encoded, peppers)).toBe(false);
  });
});

describe('the pepper of a password hash', () => {
  const salt = key(5, 16);
  const both = keyRing(listed([1, 1], [2, 2]), 'SHA-512');

  it('is the newest at first, and is named', async () => {
    const encoded = await hashPassword(PASSWORD, { ...hashing, peppers: both });
    expect(encoded).toMatch(/^\$sallyport\$k=2\$/);
    expect(await verifyPassword(PASSWORD, encoded, both)).toBe(true);
  });

  it('is the one that the hash names', async () => {
    const old = encode(expectedTag(PASSWORD, salt, [1000], key(1)), salt, { k: 1 });
    expect(await verifyPassword(PASSWORD, old, both)).toBe(true);
    expect(await verifyPassword(PASSWORD, old.replace('k=1', 'k=2'), both)).toBe(false);
  });

  it('leaves nobody able to tell once it is no longer listed', async () => {
    const old = encode(expectedTag(PASSWORD, salt, [1000], key(1)), salt, { k: 1 });
    expect(await verifyPassword(PASSWORD, old, keyRing(listed([2, 2]), 'SHA-512'))).toBeUndefined();
  });

  it('makes a hash worthless under another key of the same number', async () => {
    const old = encode(expectedTag(PASSWORD, salt, [1000], key(1)), salt, { k: 1 });
    expect(await verifyPassword(PASSWORD, old, keyRing(listed([1, 9]), 'SHA-512'))).toBe(false);
  });
});

describe('an encoding that is not ours', () => {
  it.each([
    '',
    'V3ryS3cure!',
    '$2b$12$C6UzMDM.H6dfI/f/IKcEeO7h8vZ2vZ5o2xXq3m5v5J5Qd5o5v5J5Q',
    '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
    '$sallyport-pbkdf2-sha512$i=1000,k=1$BQUF$',
    '$sallyport-pbkdf2-sha512$i=1000,k=1$$dGFn',
    '$sallyport-pbkdf2-sha512$i=,k=1$BQUF$dGFn',
    '$sallyport-pbkdf2-sha512$i=99999999,k=1$BQUF$dGFn',
    '$sallyport-pbkdf2-sha512$i=1000$BQUF$dGFn',
    '$sallyport-pbkdf2-sha256$i=1000,k=1$BQUF$dGFn',
    ' $sallyport-pbkdf2-sha512$i=1000,k=1$BQUF$dGFn',
    '$sallyport-pbkdf2-sha512$i=1000,k=1$BQUF$dGFn$',
    '$sallyport-pbkdf2-sha512$i=1000,k=1$no base64!$dGFn',
  ])('cannot be told right or wrong: %j', async (encoded) => {
    expect(await verifyPassword(PASSWORD, encoded, peppers)).toBeUndefined();
  });
});

describe('the time of a hash', () => {
  it('is spent for a user that nobody knows as for one whose password is wrong', async () => {
    const encoded = await hashPassword(PASSWORD, hashing);
    const derived = vi.spyOn(crypto.subtle, 'deriveBits');
    const signed = vi.spyOn(crypto.subtle, 'sign');
    const workOf = async (work: Promise<unknown>) => {
      await work;
      const calls = derived.mock.calls.map(([algorithm]) => (algorithm as { iterations?: number }).iterations);
      const macs = signed.mock.calls.length;
      derived.mockClear();
      signed.mockClear();
      return { calls, macs };
    };
    const known = await workOf(verifyPassword('wrong', encoded, peppers));
    expect(known).toEqual({ calls: [100_000, 100_000, 10_000], macs: 1 });
    expect(await workOf(spendHashTime('wrong', hashing))).toEqual(known);
    vi.restoreAllMocks();
  });
});

describe('one call of PBKDF2', () => {
  it('comes to what node:crypto makes of it', async () => {
    const derived = await webPbkdf2('SHA-512', utf8('password'), utf8('salt'), 1000, 64);
    expect(toHex(derived)).toBe(pbkdf2Sync('password', 'salt', 1000, 64, 'sha512').toString('hex'));
  });

  it('is refused beyond 100,000 iterations, as production would', async () => {
    await expect(webPbkdf2('SHA-512', utf8('password'), utf8('salt'), 100_001, 64)).rejects.toThrow(RangeError);
    expect(await webPbkdf2('SHA-512', utf8('password'), utf8('salt'), 100_000, 64)).toHaveLength(64);
  });
});

describe('a key list', () => {
  it('signs with the highest number and verifies with each, wherever they stand', () => {
    const ring = keyRing(listed([2, 2], [10, 10], [1, 1]), 'SHA-256');
    expect([ring.newest, [...ring.keys.keys()]]).toEqual([10, [2, 10, 1]]);
  });

  it('is read in either alphabet of base64, white space around its entries left out', async () => {
    const bytes = Buffer.alloc(33, 0xfb);
    const ring = keyRing(` 1:${bytes.toString('base64')} ,\n2:${bytes.toString('base64url')}\n`, 'SHA-256');
    const [one, two] = await Promise.all([mac(ring, 1, 'm'), mac(ring, 2, 'm')]);
    expect(one).toEqual(two);
    expect(one && toHex(one)).toBe(createHmac('sha256', bytes).update('m').digest('hex'));
  });

  it('makes HMACs with the hash asked for, of text and of bytes', async () => {
    const tag = await mac(peppers, 1, 'm\u00e9');
    expect(tag && toHex(tag)).toBe(createHmac('sha512', key(1)).update('m\u00e9').digest('hex'));
    expect(await mac(peppers, 1, utf8('m\u00e9'))).toEqual(tag);
  });

  it('has no tag under a key that is not listed', async () => {
    expect(await mac(peppers, 2, 'm')).toBeUndefined();
  });

  it('takes keys of 32 bytes or more', () => {
    expect(faultOf(`1:${key(7, 32).toString('base64')}`)).toBe('no fault');
    expect(faultOf(`1:${key(7, 64).toString('base64')}`)).toBe('no fault');
    expect(faultOf(`1:${key(7, 31).toString('base64')}`)).toBe('each entry must be number:key, the key at least 32 bytes in base64');
  });

  const SECRET = key(7).toString('base64');
  it.each([
    ['is empty', ''],
    ['has no number', SECRET],
    ['has an empty number', `:${SECRET}`],
    ['has a number that is none', `a:${SECRET}`],
    ['has a number below zero', `-1:${SECRET}`],
    ['has a number of seven digits', `1000000:${SECRET}`],
    ['has no key', '1:'],
    ['has a key that is not base64', `1:${SECRET}!`],
    ['has a key in two parts', `1:${SECRET.slice(0, 20)} ${SECRET.slice(20)}`],
    ['ends with a comma', `1:${SECRET},`],
    ['is separated by semicolons', `1:${SECRET};2:${SECRET}`],
    ['names a number twice', `1:${SECRET},1:${SECRET}`],
    ['names a number twice in two ways', `1:${SECRET},01:${SECRET}`],
  ])('is refused when it %s, without showing the key', (_, list) => {
    expect(faultOf(list)).not.toBe('no fault');
    expect(faultOf(list)).not.toContain(SECRET.slice(0, 8));
  });
});

describe('a digest', () => {
  it('is the SHA-256 of a secret, in base64', async () => {
    expect(await digest('secret \u00e9')).toBe(createHash('sha256').update('secret \u00e9').digest('base64'));
  });

  it('is the same as itself and nothing else', async () => {
    const one = await digest('one');
    expect(sameDigest(one, await digest('one'))).toBe(true);
    expect(sameDigest(one, await digest('two'))).toBe(false);
    expect(sameDigest(one, one.slice(0, -1))).toBe(false);
    expect(sameDigest(one, `${one}=`)).toBe(false);
    expect(sameDigest(one, '')).toBe(false);
    expect(sameDigest('', '')).toBe(true);
  });

  it('differs in any one character', async () => {
    const one = await digest('one');
    for (let at = 0; at < one.length; at += 1) {
      expect(sameDigest(one, `${one.slice(0, at)}${one[at] === 'A' ? 'B' : 'A'}${one.slice(at + 1)}`)).toBe(false);
    }
  });
});

describe('bytes as text', () => {
  it('are padded base64, unpadded base64url or lower case hex', () => {
    const bytes = new Uint8Array([0xfb, 0xff, 0x00, 0x01]);
    expect([toBase64(bytes), toBase64Url(bytes), toHex(bytes)]).toEqual(['+/8AAQ==', '-_8AAQ', 'fbff0001']);
    expect([toBase64(bytes.buffer), toHex(bytes.buffer)]).toEqual(['+/8AAQ==', 'fbff0001']);
  });
});

describe('a token', () => {
  it('has 256 random bits, fits the 200 characters that a caller may send, and is never the same twice', async () => {
    const id = await newSessionId('sessions:weur:9999', idKeys);
    const tokens = Array.from({ length: 100 }, () => newSessionToken(id));
    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) {
      expect(token).toMatch(new RegExp(`^sess_${id.replaceAll('.', '\\.')}_[A-Za-z0-9_-]{43}$`));
      expect(token.length).toBeLessThanOrEqual(200);
    }
    expect(Uint8Array.fromBase64(newSecret(), { alphabet: 'base64url' })).toHaveLength(32);
  });

  it('for a machine says what it is', () => {
    expect(newPersonalAccessToken()).toMatch(/^pat_[A-Za-z0-9_-]{43}$/);
    expect(newPersonalAccessToken()).not.toBe(newPersonalAccessToken());
  });
});

describe('a decimal id', () => {
  it('has 18 digits, now as in two centuries', () => {
    for (const now of [0, Date.UTC(2026, 0), Date.UTC(2200, 0)]) expect(newDecimalId(now)).toMatch(/^\d{18}$/);
  });

  it('begins with its second, and is ordered by it', () => {
    expect(newDecimalId(1_800_000_000_999)).toMatch(/^1800000000\d{8}$/);
    const at = (now: number) => Array.from({ length: 50 }, () => newDecimalId(now)).sort();
    const [earlier, later] = [at(1_799_999_999_999), at(1_800_000_000_000)];
    expect((earlier.at(-1) ?? '') < (later[0] ?? '')).toBe(true);
    expect(newDecimalId(0)).not.toBe(newDecimalId(0));
  });
});

describe('a session id', () => {
  it('names its cell, its key and nothing else', async () => {
    const id = await newSessionId('sessions:weur:17', idKeys);
    expect(id).toMatch(/^weur17\.1\.[0-9a-f]{32}\.[0-9a-f]{16}$/);
    expect(await cellOfSession(id, idKeys)).toBe('sessions:weur:17');
  });

  it('leads to its cell in every region', async () => {
    for (const region of REGIONS) {
      const cell = newSessionCell(region, 10_000);
      expect(cell).toMatch(new RegExp(`^sessions:${region}:\\d{1,4}$`));
      expect(await cellOfSession(await newSessionId(cell, idKeys), idKeys)).toBe(cell);
    }
  });

  it('is never the same twice', async () => {
    const ids = await Promise.all(Array.from({ length: 100 }, () => newSessionId('sessions:weur:1', idKeys)));
    expect(new Set(ids).size).toBe(100);
    expect(new Set(ids.map(rowKeyOf)).size).toBe(100);
  });

  it('is refused with any one character changed, left out or doubled', async () => {
    const id = await newSessionId('sessions:weur:17', keyRing(listed([1, 1], [11, 11]), 'SHA-256'));
    const ring = keyRing(listed([1, 1], [11, 11]), 'SHA-256');
    expect(await cellOfSession(id, ring)).toBe('sessions:weur:17');
    const changed: string[] = [];
    for (let at = 0; at < id.length; at += 1) {
      const [before, character, after] = [id.slice(0, at), id[at] ?? '', id.slice(at + 1)];
      for (const other of '0123456789abcdefuwxyzF.:_ ') if (other !== character) changed.push(`${before}${other}${after}`);
      changed.push(`${before}${after}`, `${before}${character}${character}${after}`);
      if (character !== character.toUpperCase()) changed.push(`${before}${character.toUpperCase()}${after}`);
    }
    const verdicts = await Promise.all(changed.filter((other) => other !== id).map((other) => cellOfSession(other, ring)));
    expect(verdicts.length).toBeGreaterThan(1000);
    expect(new Set(verdicts)).toEqual(new Set([undefined]));
  });

  it.each(['', '.', 'weur1', '..', '...', '123456789012345678', 'weur1.1.0.0', '__proto__', `${'weur1.1.'}${'0'.repeat(32)}.${'0'.repeat(16)}`])(
    'is refused when nobody issued it: %j',
    async (id) => {
      expect(await cellOfSession(id, idKeys)).toBeUndefined();
    },
  );

  it('is refused with white space around it', async () => {
    const id = await newSessionId('sessions:weur:1', idKeys);
    for (const other of [` ${id}`, `${id} `, `${id}\n`]) expect(await cellOfSession(other, idKeys)).toBeUndefined();
  });

  it('is refused when another key signed it, also one of the same number', async () => {
    const foreign = await newSessionId('sessions:weur:1', keyRing(listed([1, 9]), 'SHA-256'));
    expect(await cellOfSession(foreign, idKeys)).toBeUndefined();
    const unlisted = await newSessionId('sessions:weur:1', keyRing(listed([2, 1]), 'SHA-256'));
    expect(await cellOfSession(unlisted, idKeys)).toBeUndefined();
  });

  it('holds under an old key while that is listed, and is signed with the newest', async () => {
    const old = await newSessionId('sessions:weur:1', idKeys);
    const rotated = keyRing(listed([1, 1], [2, 2]), 'SHA-256');
    expect(await cellOfSession(old, rotated)).toBe('sessions:weur:1');
    expect(await newSessionId('sessions:weur:1', rotated)).toMatch(/^weur1\.2\./);
    expect(await cellOfSession(old, keyRing(listed([2, 2]), 'SHA-256'))).toBeUndefined();
  });

  it('carries an HMAC of everything before it, cut to 64 bits', async () => {
    const id = await newSessionId('sessions:weur:1', idKeys);
    const body = id.slice(0, id.lastIndexOf('.'));
    expect(id.slice(body.length + 1)).toBe(createHmac('sha256', key(1)).update(body).digest('hex').slice(0, 16));
  });

  it('keys its row by the first 52 of its random bits', () => {
    const of = (random: string) => rowKeyOf(`weur1.1.${random}.${'0'.repeat(16)}`);
    expect(of(`${'f'.repeat(13)}${'0'.repeat(19)}`)).toBe(2 ** 52 - 1);
    expect(of(`${'0'.repeat(12)}1${'f'.repeat(19)}`)).toBe(1);
    expect(Number.isSafeInteger(of('f'.repeat(32)))).toBe(true);
  });
});

describe('a new cell', () => {
  it('is one of those that there are in the region', () => {
    const cells = new Set(Array.from({ length: 200 }, () => newSessionCell('weur', 3)));
    expect([...cells].sort()).toEqual(['sessions:weur:0', 'sessions:weur:1', 'sessions:weur:2']);
    expect(newUserCell('sam', 1)).toBe('users:sam:0');
  });
});

describe('a sealed box', () => {
  const ring = keyRing(`2:${btoa('b'.repeat(32))},1:${btoa('a'.repeat(32))}`, 'AES-GCM');
  const label = { purpose: 'totp', owner: 'minnie' };

  it('opens under its own label alone, and in one piece', async () => {
    const box = await seal(ring, label, 'a secret');
    expect(await unseal(ring, label, box)).toBe('a secret');
    expect(await unseal(ring, { ...label, owner: 'mickey' }, box)).toBeUndefined();
    expect(await unseal(ring, { ...label, purpose: 'code' }, box)).toBeUndefined();
    expect(await unseal(ring, label, box.replace(/^2/, '1'))).toBeUndefined();
    expect(await unseal(ring, label, box.slice(0, -4))).toBeUndefined();
  });
});
