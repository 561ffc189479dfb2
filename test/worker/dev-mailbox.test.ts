import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { app } from '../../src/http/app.ts';
import type { Message } from '../../src/notify/message.ts';
import { CODE, deliverBy, mail, PHONE, sms } from './post-office.ts';

const ON = { DEV_MAILBOX: 'true' };

async function visit(url: string, settings: object = ON, headers: Record<string, string> = {}): Promise<Response> {
  const context = createExecutionContext();
  const response = await app.fetch(new Request(url, { headers }), { ...env, ...settings }, context);
  await waitOnExecutionContext(context);
  return response;
}
const PAGE = 'http://127.0.0.1:8787/dev/mailbox';
const JSON_ONLY = { accept: 'application/json' };
const someone = () => `${crypto.randomUUID()}@mouse.com`;
const mailboxOf = async (to: string) => {
  const response = await visit(`${PAGE}?to=${encodeURIComponent(to)}`, ON, JSON_ONLY);
  return (await response.json<{ messages: Record<string, unknown>[] }>()).messages;
};
const put = (message: Message) => deliverBy(ON, message);

describe('the mailbox of a developer', () => {
  it('takes every mail and SMS without any provider, newest first', async () => {
    const to = someone();
    const first = mail({ to });
    const second = mail({ to, kind: 'passwordReset', code: 'ABC123' });
    expect([await put(first), await put(second), await put(sms())]).toEqual(Array(3).fill({ kind: 'sent' }));
    expect(await mailboxOf(to)).toMatchObject([
      { id: second.id, kind: 'passwordReset', channel: 'email', code: 'ABC123', subject: 'Choose a new password' },
      { id: first.id, kind: 'otpEmail', channel: 'email', recipient: to, code: CODE, url: first.url, text: expect.stringContaining(CODE) },
    ]);
    expect(await mailboxOf(PHONE)).toMatchObject([{ channel: 'sms', kind: 'otpSms', code: CODE }]);
  });

  it('takes a message that is tried again once', async () => {
    const message = mail({ to: someone() });
    await put(message);
    await put(message);
    expect(await mailboxOf(message.to)).toHaveLength(1);
  });

  it('keeps the latest hundred', async () => {
    const [oldest, to] = [someone(), someone()];
    await put(mail({ to: oldest }));
    for (let n = 0; n < 101; n++) await put(mail({ to }));
    expect([await mailboxOf(oldest), (await mailboxOf(to)).length]).toEqual([[], 100]);
  });

  it('is a page that shows the code and runs nothing', async () => {
    const user = { ...mail().user, displayName: '<img src=x onerror=alert(1)>' };
    await put(mail({ to: someone(), user, url: 'javascript:alert(1)' }));
    const response = await visit(PAGE);
    const page = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8']);
    expect(page).toContain(`<p class="code">${CODE}</p>`);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page).not.toMatch(/<img|javascript:/);
    const policy = response.headers.get('content-security-policy') ?? '';
    const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(page) ?? [];
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))).toBase64();
    expect(policy).toBe(`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787'])('is there at %s', async (origin) => {
    expect((await visit(`${origin}/dev/mailbox`)).status).toBe(200);
  });

  it.each([
    ['when the setting is off', PAGE, {}],
    ['when the setting is off, on a name of the world', 'https://login.acme.com/dev/mailbox', {}],
    ['under a name of the world, even when the setting is on', 'https://login.acme.com/dev/mailbox', ON],
    ['under a name that only begins like this machine', 'http://127.0.0.1.acme.com/dev/mailbox', ON],
  ])('is absent %s, as a page that never was', async (_, url, settings) => {
    const [answer, never] = [await visit(url, settings), await visit(new URL('/dev/never', url).href, settings)];
    expect([answer.status, await answer.text()]).toEqual([404, await never.text()]);
  });
});
