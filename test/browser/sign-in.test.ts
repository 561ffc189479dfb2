import { gzipSync } from 'node:zlib';
import { Secret, TOTP } from 'otpauth';
import { describe, expect, inject, it } from 'vitest';
import { api, newUser } from '../support/api.ts';
import { nextMail } from '../support/mailbox.ts';
import { Person } from './person.ts';

const PASSWORD = 'V3ryS3cure!';

/** Somebody who has a TOTP, and how to read it. */
async function withTotp() {
  const user = await newUser();
  const { body } = await api().post(`/v2/users/${user.userId}/totp`);
  const totp = new TOTP({ secret: Secret.fromBase32(body.secret) });
  await api().post(`/v2/users/${user.userId}/totp/verify`, { code: totp.generate() });
  return { ...user, code: () => totp.generate() };
}

describe('the login pages', () => {
  it('sign somebody in by password and a code by e-mail, keep their place on reload and Back, and say what is wrong beside its field', async () => {
    const user = await newUser();
    await api().post(`/v2/users/${user.userId}/otp_email`, {});
    const person = await Person.withBrowser();
    await person.open('/login');
    await person.reads('Sign in');
    await person.findsItAccessible();
    await person.takesPicture('start');
    await person.fills('E-mail or user name', user.loginName);
    await person.presses('Continue');
    await person.reads(user.loginName);
    await person.findsItAccessible();
    await person.page.reload();
    await person.fills('Password', 'wrong');
    await person.presses('Sign in');
    await person.reads('do not fit');
    expect(await person.page.getByLabel('Password', { exact: true }).getAttribute('aria-invalid')).toBe('true');
    expect(await person.page.getByRole('alert').textContent()).toContain('do not fit');
    await person.findsItAccessible();
    await person.takesPicture('wrong-password');
    await person.page.reload();
    expect(await person.page.getByRole('alert').count()).toBe(0);
    await person.fills('Password', PASSWORD);
    await person.presses('Sign in');
    await person.reads('How do you want to confirm');
    await person.findsItAccessible();
    await person.page.goBack();
    await person.open('/login');
    await person.presses('Code by e-mail');
    await person.reads('We have sent a code');
    await person.findsItAccessible();
    const { code } = await nextMail(user.loginName);
    await person.page.reload();
    await person.fills('Code by e-mail', '00000000');
    await person.presses('Confirm');
    await person.reads('This code is not right.');
    await person.findsItAccessible();
    await person.takesPicture('code');
    await person.presses('Send it again');
    await person.reads('A code was sent a moment ago.');
    await person.fills('Code by e-mail', code);
    await person.presses('Confirm');
    await person.reads('Your account');
    await person.findsItAccessible();
    await person.open('/login');
    await person.reads('Your account');
    await person.presses('Sign out');
    await person.reads('You are signed out.');
    person.hadNoTrouble();
  });

  it('need no script for password and TOTP, nor for Back and a second try', async () => {
    const user = await withTotp();
    const person = await Person.withBrowser({ javaScriptEnabled: false });
    await person.signsIn(user.loginName, 'wrong');
    await person.reads('do not fit');
    await person.fills('Password', PASSWORD);
    await person.presses('Sign in');
    await person.reads('Open your authenticator app');
    expect(await person.page.getByText('Use a passkey').isVisible()).toBe(false);
    await person.fills('Code from your authenticator app', '000000');
    await person.presses('Confirm');
    await person.reads('This code is not right.');
    await person.fills('Code from your authenticator app', user.code());
    await person.presses('Confirm');
    await person.reads('Your account');
    person.hadNoTrouble();
  });

  it('fill in the code of a mail whose link is opened in the same browser, and show it in another', async () => {
    const user = await newUser();
    await api().post(`/v2/users/${user.userId}/otp_email`, {});
    const person = await Person.withBrowser();
    await person.signsIn(user.loginName, PASSWORD);
    await person.presses('Code by e-mail');
    await person.reads('We have sent a code');
    const { code, url } = await nextMail(user.loginName);
    const elsewhere = await Person.withBrowser();
    await elsewhere.page.goto(url ?? '');
    await elsewhere.reads(code);
    await elsewhere.findsItAccessible();
    await person.page.goto(url ?? '');
    expect(await person.page.getByLabel('Code by e-mail', { exact: true }).inputValue()).toBe(code);
    await person.presses('Confirm');
    await person.reads('Your account');
  });

  it('take a code by text message, or a recovery code once', async () => {
    const phone = `+4179${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`;
    const user = await newUser({ phone: { phone, isVerified: true } });
    await api().post(`/v2/users/${user.userId}/otp_sms`, {});
    const { body } = await api().post(`/v2/users/${user.userId}/recovery_codes`, {});
    const person = await Person.withBrowser();
    await person.signsIn(user.loginName, PASSWORD);
    await person.presses('Code by text message');
    await person.reads('We have sent a code to your phone.');
    await person.presses('Try another way');
    await person.presses('Recovery code');
    await person.fills('Recovery code', body.recoveryCodes[0]);
    await person.presses('Confirm');
    await person.reads('Your account');
    const again = await Person.withBrowser();
    await again.signsIn(user.loginName, PASSWORD);
    await again.presses('Recovery code');
    await again.fills('Recovery code', body.recoveryCodes[0]);
    await again.presses('Confirm');
    await again.reads('This code is not right.');
    await again.presses('Try another way');
    await again.reads('How do you want to confirm');
    await again.findsItAccessible();
    person.hadNoTrouble();
  });

  it('take a security key as a second factor', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.holds('u2f');
    await person.open('/login');
    const { body } = await api().post(`/v2/users/${user.userId}/u2f`, { domain: 'localhost' });
    const create = `(async (publicKey) => (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })).toJSON())`;
    const publicKeyCredential = await person.page.evaluate(`${create}(${JSON.stringify(body.publicKeyCredentialCreationOptions.publicKey)})`);
    await api().post(`/v2/users/${user.userId}/u2f/${body.u2fId}`, { publicKeyCredential, tokenName: 'My key' });
    await person.signsIn(user.loginName, PASSWORD);
    await person.reads('Have your passkey or security key at hand.');
    await person.findsItAccessible();
    await person.presses('Use passkey or key');
    await person.reads('Your account');
    person.hadNoTrouble();
  });

  it('say the same to whoever there is and to whoever there is not, however often', async () => {
    const user = await newUser();
    const seen = async (loginName: string) => {
      const person = await Person.withBrowser();
      await person.signsIn(loginName, 'wrong');
      const texts: (string | null)[] = [];
      for (let tries = 0; tries < 6; tries += 1) {
        await person.reads('do not fit');
        texts.push((await person.page.locator('main').textContent())?.replace(loginName, '') ?? null);
        await person.fills('Password', 'wrong');
        await person.presses('Sign in');
      }
      return texts;
    };
    expect(await seen(user.loginName)).toEqual(await seen('nobody@mouse.example'));
  });

  it('speak German to those who ask for it', async () => {
    const person = await Person.withBrowser({ locale: 'de-CH' });
    await person.open('/login');
    await person.reads('E-Mail oder Benutzername');
    expect(await person.page.getAttribute('html', 'lang')).toBe('de');
    await person.findsItAccessible();
  });

  it.each([
    ['320', { viewport: { width: 320, height: 640 } }],
    ['dark', { colorScheme: 'dark' }],
    ['zoom', { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }],
  ] as const)('can be read on a small screen, in the dark and at 200 %%: %s', async (name, options) => {
    const user = await withTotp();
    const person = await Person.withBrowser(options);
    await person.open('/login');
    await person.findsItAccessible();
    await person.takesPicture(`start-${name}`);
    await person.signsIn(user.loginName, 'wrong');
    await person.reads('do not fit');
    await person.findsItAccessible();
    await person.fills('Password', PASSWORD);
    await person.presses('Sign in');
    await person.reads('Open your authenticator app');
    await person.findsItAccessible();
    await person.fills('Code from your authenticator app', user.code());
    await person.presses('Confirm');
    await person.reads('Your account');
    await person.findsItAccessible();
    await person.takesPicture(`account-${name}`);
    person.hadNoTrouble();
  });

  it('can be used by the keyboard alone', async () => {
    const user = await newUser();
    const { page } = await Person.withBrowser();
    await page.goto(`${inject('baseUrl')}/login`);
    await page.keyboard.type(user.loginName);
    await page.keyboard.press('Enter');
    await page.getByLabel('Password', { exact: true }).waitFor();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByText('Your account').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
  });

  it('give a browser less than 30 kB of style and script', async () => {
    const parts = await Promise.all(['style.css', 'theme.css', 'login.client.js'].map((name) => fetch(`${inject('baseUrl')}/login/${name}`)));
    const sizes = await Promise.all(parts.map(async (part) => gzipSync(await part.text()).byteLength));
    expect(sizes.every((size) => size > 50)).toBe(true);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(30_000);
  });
});
