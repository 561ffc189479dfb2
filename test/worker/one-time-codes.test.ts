import fc from 'fast-check';
import * as OTPAuth from 'otpauth';
import { describe, expect, it } from 'vitest';
import { renderUrl, urlTemplate } from '../../src/core/url-template.ts';
import { fromBase32, toBase32 } from '../../src/crypto/base32.ts';
import { utf8 } from '../../src/crypto/base64.ts';
import { CAPITALS_AND_DIGITS, DIGITS, newCode, newRecoveryCode, recoveryTag } from '../../src/crypto/one-time-code.ts';
import { hotp, otpauthUri, stepAt, stepOf, type TotpHash } from '../../src/crypto/totp.ts';
import { config, must, outcome } from './world.ts';

const seedOf = (length: number) => utf8('1234567890'.repeat(7).slice(0, length));

describe('a one-time password', () => {
  it.each(['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'])(
    'is that of RFC 4226 appendix D: %s',
    async (expected) => {
      const all = await Promise.all(Array.from({ length: 10 }, (_, counter) => hotp(seedOf(20), counter)));
      expect(all).toContain(expected);
      expect(await hotp(seedOf(20), all.indexOf(expected))).toBe(expected);
    },
  );

  /** Seconds since 1970, and the codes of 8 digits under SHA-1, SHA-256 and SHA-512. */
  const RFC_6238: readonly (readonly [number, string, string, string])[] = [
    [59, '94287082', '46119246', '90693936'],
    [1111111109, '07081804', '68084774', '25091201'],
    [1111111111, '14050471', '67062674', '99943326'],
    [1234567890, '89005924', '91819424', '93441116'],
    [2000000000, '69279037', '90698825', '38618901'],
    [20000000000, '65353130', '77737706', '47863826'],
  ];

  it.each(RFC_6238)('is that of RFC 6238 appendix B at %i s', async (seconds, sha1, sha256, sha512) => {
    const at = (hash: TotpHash, length: number) => hotp(seedOf(length), stepAt(seconds * 1000), 8, hash);
    expect([await at('SHA-1', 20), await at('SHA-256', 32), await at('SHA-512', 64)]).toEqual([sha1, sha256, sha512]);
  });

  it('is the one that a second implementation makes, of any seed at any time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.integer({ min: 0, max: 2 ** 41 }), async (bytes, timestamp) => {
        const seed = new Uint8Array(bytes);
        const other = new OTPAuth.TOTP({ secret: new OTPAuth.Secret({ buffer: seed.buffer }) });
        expect(await hotp(seed, stepAt(timestamp))).toBe(other.generate({ timestamp }));
      }),
      { numRuns: 200 },
    );
  });

  it('is accepted in its own step and the ones beside it', async () => {
    const seed = seedOf(20);
    const now = 1_800_000_000_000;
    const step = stepAt(now);
    for (const offset of [-1, 0, 1]) expect(await stepOf(seed, await hotp(seed, step + offset), now)).toBe(step + offset);
    for (const offset of [-2, 2]) expect(await stepOf(seed, await hotp(seed, step + offset), now)).toBeUndefined();
    expect(await stepOf(seed, '', now)).toBeUndefined();
  });

  it('is told to an app by a URI that a second implementation reads', async () => {
    const uri = otpauthUri('Sally & Port', 'mini+1@mouse.com', toBase32(seedOf(20)));
    const parsed = OTPAuth.URI.parse(uri) as OTPAuth.TOTP;
    expect([parsed.issuer, parsed.label, parsed.period, parsed.digits, parsed.algorithm]).toEqual([
      'Sally & Port',
      'mini+1@mouse.com',
      30,
      6,
      'SHA1',
    ]);
    expect(parsed.generate({ timestamp: 59_000 })).toBe(await hotp(seedOf(20), 1));
  });
});

describe('base32', () => {
  it('is that of RFC 4648 section 10', () => {
    const vectors = { f: 'MY', fo: 'MZXQ', foo: 'MZXW6', foob: 'MZXW6YQ', fooba: 'MZXW6YTB', foobar: 'MZXW6YTBOI' };
    for (const [text, expected] of Object.entries(vectors)) expect(toBase32(utf8(text))).toBe(expected);
  });

  it('comes back as it was, however it is written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (bytes) => {
        const text = toBase32(bytes);
        for (const written of [text, text.toLowerCase(), `${text}===`, text.replace(/(.{4})/g, '$1 ')]) expect(fromBase32(written)).toEqual(bytes);
      }),
    );
  });

  it('is nothing else', () => {
    for (const text of ['', '=', '1', '0189', 'MZXW!', 'ä']) expect(fromBase32(text)).toBeUndefined();
  });
});

describe('a random code', () => {
  it('has every character of its alphabet, each about as often', () => {
    const counts = new Map<string, number>();
    const drawn = 1_000_000;
    for (const digit of newCode(drawn, DIGITS)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    expect([...counts.keys()].sort().join('')).toBe(DIGITS);
    // Six standard deviations of a fair draw. A byte's remainder alone would be some 2300 off for the last four digits.
    for (const count of counts.values()) expect(Math.abs(count - drawn / 10)).toBeLessThan(6 * Math.sqrt(drawn * 0.1 * 0.9));
    expect(new Set(newCode(5000, CAPITALS_AND_DIGITS)).size).toBe(36);
  });

  it('for recovery is ten characters and a hyphen, and is stored as a MAC of its user', async () => {
    const code = newRecoveryCode();
    expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/);
    const tag = await recoveryTag(config.passwords.peppers, 'minnie', code);
    expect(tag).not.toContain(code);
    expect(await recoveryTag(config.passwords.peppers, 'minnie', ` ${code.toUpperCase().replace('-', '')} `)).toBe(tag);
    expect(await recoveryTag(config.passwords.peppers, 'mickey', code)).not.toBe(tag);
    expect(await recoveryTag(config.passwords.peppers, 'minnie', 'o1l')).toBe(await recoveryTag(config.passwords.peppers, 'minnie', '01I'));
  });
});

describe('the template of a link', () => {
  const fields = ['Code', 'UserID', 'SessionID'] as const;

  it('names fields that are known, and nothing else', () => {
    for (const good of ['', 'https://mouse.com', 'https://mouse.com/?c={{.Code}}&u={{ .UserID }}'])
      expect(outcome(urlTemplate(good, fields))).toBe('ok');
    for (const unknown of ['{{.Nobody}}', '{{.Code}}{{.code}}', '{{.OrgID}}']) expect(outcome(urlTemplate(unknown, fields))).toBe('DOMAIN-ieYa7');
    for (const bad of ['{{.Code', '{{', '{{Code}}', '{{if .Code}}x{{end}}', '{{.Code.Length}}', '{{{.Code}}}', '{{.Code | html}}']) {
      expect(outcome(urlTemplate(bad, fields))).toBe('DOMAIN-oGh5e');
    }
  });

  it('is filled in with values that cannot leave their place', () => {
    const template = must(urlTemplate('https://mouse.com/{{.Code}}?u={{.UserID}}#{{.SessionID}}', fields));
    const link = renderUrl(template, { Code: '1/2', UserID: 'a&b=c#d', SessionID: '{{.Code}}' });
    expect(link).toBe('https://mouse.com/1%2F2?u=a%26b%3Dc%23d#%7B%7B.Code%7D%7D');
    expect(renderUrl(template, {})).toBe('https://mouse.com/?u=#');
  });
});
