import { describe, expect, inject, it } from 'vitest';
import { api, newUser, PASSWORD, unique } from '../support/api.ts';

const LOCAL = inject('issuers') !== undefined;

/** A browser without a screen: it keeps cookies, sends forms and follows redirects. */
class Visitor {
  readonly cookies = new Map<string, string>();

  async ask(
    path: string,
    form?: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; html: string; headers: Headers }> {
    const url = new URL(path, inject('baseUrl'));
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '), ...(form && { origin: url.origin }), ...headers },
      ...(form && { body: new URLSearchParams(form) }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      this.cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location?.startsWith('/')) return this.ask(location);
    return { status: response.status, html: await response.text(), headers: response.headers };
  }

  async signIn(loginName: string, password: string) {
    await this.ask('/login/name', { loginName });
    return this.ask('/login/password', { password, once: crypto.randomUUID() });
  }
}

describe.skipIf(!LOCAL)('the login pages', () => {
  it('take no form from another site', async () => {
    const visitor = new Visitor();
    for (const origin of ['https://evil.example', 'null']) {
      for (const path of ['/login/name', '/login/password', '/login/account/sign-out', '/login/forgot', '/login/phone/join']) {
        expect((await visitor.ask(path, { loginName: 'x' }, { origin })).status).toBe(403);
      }
    }
    expect(visitor.cookies.size).toBe(0);
  });

  it('keep what they remember from everybody: sealed, and out of reach of scripts', async () => {
    const { loginName } = await newUser();
    const visitor = new Visitor();
    const page = await visitor.signIn(loginName, PASSWORD);
    expect(page.html).toContain('Your account');
    const cookie = visitor.cookies.get('sallyport-login') ?? '';
    expect(cookie).toMatch(/^\d+\.[\w-]+$/);
    const said = (
      await fetch(new URL('/login/restart', inject('baseUrl')), {
        method: 'POST',
        redirect: 'manual',
        headers: { origin: new URL(inject('baseUrl')).origin },
      })
    ).headers.getSetCookie()[0];
    expect(said).toMatch(/HttpOnly/);
    expect(said).toMatch(/SameSite=Lax/);
    expect(page.html).not.toContain('sess_');
    for (const forged of ['1.AAAA', cookie.slice(0, -2), `${cookie}A`, '', 'x'.repeat(2000)]) {
      const stranger = new Visitor();
      stranger.cookies.set('sallyport-login', forged);
      expect((await stranger.ask('/login/account')).html).toContain('E-mail or user name');
    }
  });

  it('answer a page with a policy that lets nothing in from elsewhere', async () => {
    const { headers, html } = await new Visitor().ask('/login');
    const policy = headers.get('content-security-policy') ?? '';
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]) {
      expect(policy).toContain(rule);
    }
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/<style|style="|<script(?! type="module" src="\/login\/login.client.js">)|onclick|javascript:/);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('send nobody to a place that is not allowed', async () => {
    const { loginName } = await newUser();
    for (const [returnTo, allowed] of [
      ['/docs', true],
      ['https://login.example.com/app?x=1', true],
      ['https://evil.example/', false],
      ['//evil.example/', false],
      ['/\\evil.example', false],
      ['javascript:alert(1)', false],
      ['https://login.example.com.evil.example/', false],
      ['data:text/html,x', false],
    ] as const) {
      const visitor = new Visitor();
      await visitor.ask(`/login?${new URLSearchParams({ return_to: returnTo })}`);
      const { html, headers } = await visitor.signIn(loginName, PASSWORD);
      expect([returnTo, headers.get('refresh') !== null]).toEqual([returnTo, allowed]);
      expect(html).toContain(allowed ? 'You are signed in' : 'Your account');
      if (!allowed) expect(html).not.toContain('evil.example');
    }
  });

  it('say the same of a name that nobody has, of a wrong password, and of somebody who is locked', async () => {
    const [user, locked] = [await newUser(), await newUser()];
    await api().post(`/v2/users/${locked.userId}/lock`);
    const shown = async (loginName: string) =>
      (await new Visitor().signIn(loginName, 'Wr0ng!word')).html.replaceAll(loginName, '').replace(/value="[\w-]{36}"/, '');
    const nobody = await shown(`${unique('nobody')}@mouse.com`);
    expect(nobody).toContain('do not fit');
    expect(await shown(user.loginName)).toBe(nobody);
    expect(await shown(locked.loginName)).toBe(nobody);
    expect(await shown('\u0000\ud83e\udd8a<script>')).toContain('do not fit');
  });

  it('show nothing of what was typed as markup', async () => {
    const visitor = new Visitor();
    const { html } = await visitor.ask('/login/name', { loginName: '<img src=x onerror=alert(1)>"\'' });
    expect(html).not.toContain('<img src=x');
    expect((await visitor.ask('/login/otp/email?code=%3Cimg+src%3Dx%3E&sessionId=x')).html).not.toContain('<img src=x');
    expect((await visitor.ask('/login/password/set?code=%22%3E%3Cimg&userId=%22%3E%3Cimg')).html).not.toContain('"><img');
  });

  it('carry out one form once, however often it is sent', async () => {
    const { userId, loginName } = await newUser();
    const visitor = new Visitor();
    await visitor.ask('/login/name', { loginName });
    const once = crypto.randomUUID();
    const twin = new Visitor();
    for (const [name, value] of visitor.cookies) twin.cookies.set(name, value);
    const pages = await Promise.all([visitor, twin].map((one) => one.ask('/login/password', { password: PASSWORD, once })));
    for (const { html } of pages) expect(html).toContain('Your account');
    const sessions = async () => (await api().post('/v2/sessions/search', { queries: [{ userIdQuery: { id: userId } }] })).body.sessions ?? [];
    await expect.poll(async () => (await sessions()).length, { timeout: 30_000 }).toBe(1);
  });

  it('take a form that is none, is too long, or has strange fields, for what it is', async () => {
    const visitor = new Visitor();
    await visitor.ask('/login/name', { loginName: 'x' });
    expect((await visitor.ask('/login/password', { password: 'x'.repeat(100_000) })).status).toBe(413);
    expect((await visitor.ask('/login/factor', { method: '__proto__' })).status).toBeLessThan(500);
    expect((await visitor.ask('/login/code', { code: '' })).status).toBeLessThan(500);
    expect((await visitor.ask('/login/passkey', { assertion: '{' })).status).toBeLessThan(500);
    expect((await visitor.ask('/login/key', { assertion: 'null' })).status).toBeLessThan(500);
    expect((await visitor.ask('/login/phone/join', { c: 'x' })).status).toBeLessThan(500);
    expect((await visitor.ask('/login/phone/join?c=1.x')).status).toBeLessThan(500);
    for (const path of ['/login/account/passkeys', '/login/account/totp', '/login/account/recovery-codes', '/login/account/sessions/end']) {
      expect((await visitor.ask(path, { id: '../../x' })).html).toContain('<title>Sign in');
    }
    const raw = await fetch(new URL('/login/name', inject('baseUrl')), {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x', origin: new URL(inject('baseUrl')).origin },
      body: 'garbage',
      redirect: 'manual',
    });
    expect(raw.status).toBeLessThan(500);
  });
});
