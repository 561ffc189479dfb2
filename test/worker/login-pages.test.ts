import { createExecutionContext, env } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { configOf } from '../../src/config.ts';
import { unseal } from '../../src/crypto/sealed-box.ts';
import worker from '../../src/index.ts';

const ask = (settings: object, path: string, init: RequestInit = {}) =>
  worker.fetch(new Request(`https://sallyport.example${path}`, init), { ...env, ...settings }, createExecutionContext());

afterEach(() => {
  vi.useRealTimers();
});

const named = { method: 'POST', headers: { origin: 'https://sallyport.example' }, body: new URLSearchParams({ loginName: 'mini' }) };

describe('the login pages of a deployment', () => {
  it('are not there without a token of their own', async () => {
    expect((await ask({ LOGIN_CLIENT_TOKEN: undefined }, '/login')).status).toBe(404);
    expect((await ask({}, '/login')).status).toBe(200);
  });

  it('bind their cookie to the host, over https alone', async () => {
    const answer = await ask({}, '/login/name', named);
    const [cookie] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-sallyport-login=/);
    for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) expect(cookie).toContain(attribute);
    expect(cookie).not.toContain('Domain');
  });

  it('have the colours, the name and the picture that it sets, from its own host alone', async () => {
    const BRANDING = JSON.stringify({ lightTheme: { primaryColor: '#123456', logoUrl: '/logo.svg' }, themeMode: 'THEME_MODE_LIGHT' });
    const theme = await (await ask({ BRANDING }, '/login/theme.css')).text();
    expect(theme).toContain('color-scheme: light;');
    expect(theme).toContain('--accent: light-dark(#123456, #2073c4)');
    const page = await (await ask({ BRANDING, LOGIN_NAME: 'The <Mouse> House' }, '/login')).text();
    expect(page).toContain('The &lt;Mouse&gt; House');
    expect(page).toContain('<img src="/logo.svg" alt=""/>');
    const far = JSON.stringify({ lightTheme: { logoUrl: 'https://cdn.example/logo.svg' } });
    expect(await (await ask({ BRANDING: far }, '/login')).text()).not.toContain('cdn.example');
  });

  it('are asked for by a caller of their own, who is a login client and nothing more', async () => {
    const bearer = { headers: { authorization: `Bearer ${env.LOGIN_CLIENT_TOKEN}` } };
    expect((await ask({}, '/v2/settings/login', bearer)).status).toBe(200);
    expect((await ask({}, '/doctor', bearer)).status).toBe(403);
    const member = { ...bearer, method: 'POST', body: '{"userId":"x","roles":["IAM_OWNER"]}' };
    expect((await ask({}, '/admin/v1/members', member)).status).toBe(403);
  });

  it('show the same code to a phone while it is good, and a new one after', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    let cookie = '';
    const waitingFor = async (): Promise<string> => {
      const answer = await ask({}, '/login/phone', { headers: { cookie } });
      cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      const visit = await unseal(configOf(env).sealKeys, { purpose: 'login-visit', owner: 'browser' }, cookie.slice(cookie.indexOf('=') + 1));
      return JSON.parse(visit ?? '').waiting.id;
    };
    const first = await waitingFor();
    vi.setSystemTime(Date.now() + 599_000);
    expect(await waitingFor()).toBe(first);
    vi.setSystemTime(Date.now() + 1000);
    expect(await waitingFor()).not.toBe(first);
  });
});
