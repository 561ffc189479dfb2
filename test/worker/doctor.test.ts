import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { keyRing } from '../../src/crypto/key-ring.ts';
import { app } from '../../src/http/app.ts';
import { type Finding, keyAges } from '../../src/http/doctor.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const ringOf = (...numbers: number[]) => keyRing(numbers.map((number) => `${number}:${new Uint8Array(32).fill(7).toBase64()}`).join(','), 'SHA-256');

async function findingsWith(bindings: object): Promise<Finding[]> {
  const context = createExecutionContext();
  const request = new Request('http://sallyport/doctor', { headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` } });
  const response = await app.fetch(request, { ...env, ...bindings }, context);
  await waitOnExecutionContext(context);
  const { findings } = await response.json<{ findings: Finding[] }>();
  return findings;
}

const levelOf = (findings: Finding[], subject: string) => findings.find((finding) => finding.subject === subject)?.level;

describe('the age of a key', () => {
  it('is told by its number, which is the day it was made', () => {
    expect(keyAges(ringOf(261124), NOW)).toEqual({ level: 'ok', detail: 'newest 261124; listed: 261124 (1 days)' });
    expect(keyAges(ringOf(261124, 250101), NOW).detail).toContain('250101 (693 days)');
  });

  it('is a warning beyond a year, and when nobody can tell it', () => {
    expect(keyAges(ringOf(251124), NOW).level).toBe('warning');
    expect(keyAges(ringOf(251125), NOW).level).toBe('ok');
    for (const number of [1, 269999, 301231]) expect(keyAges(ringOf(number), NOW).level).toBe('warning');
  });
});

describe('the doctor', () => {
  it('names a binding that does not answer, and a table that is missing', async () => {
    const broken = { getByName: () => ({ recall: () => Promise.reject(new Error('out of reach')) }) };
    expect(levelOf(await findingsWith({ SESSIONS: broken }), 'SESSIONS')).toBe('problem');
    const empty = { prepare: () => ({ all: async () => ({ results: [{ name: 'user' }] }) }) };
    const [finding] = (await findingsWith({ DB: empty })).filter(({ subject }) => subject === 'DB');
    expect(finding).toMatchObject({ level: 'problem', detail: expect.stringContaining('organization') });
  });

  it('warns while two operator tokens are in force', async () => {
    expect(levelOf(await findingsWith({ ADMIN_TOKEN: `${env.ADMIN_TOKEN},${'x'.repeat(32)}` }), 'ADMIN_TOKEN')).toBe('warning');
  });
});

describe('delivery', () => {
  const told = async (settings: object) => (await findingsWith(settings)).find(({ subject }) => subject === 'delivery');

  it('is warned of where messages reach nobody', async () => {
    expect(await told({})).toMatchObject({ level: 'warning', detail: expect.stringContaining('EMAIL_PROVIDER and SMS_PROVIDER') });
    expect(await told({ DEV_MAILBOX: 'true' })).toMatchObject({ level: 'warning', detail: expect.stringContaining('DEV_MAILBOX') });
  });

  it('is told by its providers', async () => {
    const [url, key] = ['https://hooks.example', 'a signing key of this test'];
    const http = { EMAIL_HTTP_URL: url, EMAIL_HTTP_SIGNING_KEY: key, SMS_HTTP_URL: url, SMS_HTTP_SIGNING_KEY: key };
    const finding = await told({ EMAIL_PROVIDER: 'http', SMS_PROVIDER: 'http', ...http });
    expect(finding).toEqual({ subject: 'delivery', level: 'ok', detail: 'mail by http, SMS by http' });
  });
});
