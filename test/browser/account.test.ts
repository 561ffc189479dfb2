import { Secret, TOTP } from 'otpauth';
import { describe, expect, it } from 'vitest';
import { api, newUser } from '../support/api.ts';
import { Person } from './person.ts';

/** The index of sessions is a moment behind. */
const INDEXED = { timeout: 15_000, interval: 500 };

const PASSWORD = 'V3ryS3cure!';

const sessionsOf = async (userId: string) => {
  const search = () => api().post('/v2/sessions/search', { queries: [{ userIdQuery: { id: userId } }] });
  await expect.poll(async () => (await search()).body.sessions?.length, INDEXED).toBeGreaterThan(0);
  return (await search()).body.sessions;
};

describe('the account page', () => {
  it('adds a passkey, with which one then signs in without name or password, and removes it', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.holds('passkey');
    await person.signsIn(user.loginName, PASSWORD);
    await person.reads('You have no passkey yet.');
    await person.fills('Name of this device', 'My laptop');
    await person.presses('Add a passkey');
    await person.reads('Added.');
    await person.reads('My laptop');
    await person.findsItAccessible();
    await person.presses('Sign out');
    // The browser offers it by itself, and its owner agrees.
    await person.reads('Your account');
    await expect.poll(async () => (await sessionsOf(user.userId))[0].factors.webAuthN?.userVerified, INDEXED).toBe(true);
    expect((await sessionsOf(user.userId))[0].factors).not.toHaveProperty('password');
    await person.presses('Remove My laptop');
    await person.reads('Removed.');
    await person.reads('You have no passkey yet.');
    person.hadNoTrouble();
  });

  it('takes a passkey by its button, also after a name', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.holds('passkey');
    await person.signsIn(user.loginName, PASSWORD);
    await person.fills('Name of this device', 'Key');
    await person.presses('Add a passkey');
    await person.reads('Added.');
    await person.page.context().clearCookies();
    await person.page.goto('about:blank');
    await person.page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false');
    await person.open('/login');
    await person.fills('E-mail or user name', user.loginName);
    await person.presses('Continue');
    await person.presses('Use a passkey');
    await person.reads('Your account');
  });

  it('sets up an authenticator app by its QR code, and asks for it from then on', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.signsIn(user.loginName, PASSWORD);
    await person.presses('Set up an app');
    await person.reads('Scan this with your app');
    await person.findsItAccessible();
    await person.takesPicture('totp');
    const uri = new URL(await person.scans());
    const secret = uri.searchParams.get('secret') ?? '';
    await person.reads(secret);
    const totp = new TOTP({ secret: Secret.fromBase32(secret) });
    await person.fills('Code', '000000');
    await person.presses('Confirm');
    await person.reads('This code is not right.');
    await person.fills('Code', totp.generate());
    await person.presses('Confirm');
    await person.reads('Added.');
    await person.reads('An app is set up.');
    const [session] = await sessionsOf(user.userId);
    expect(session.factors.totp).toBeDefined();
    await person.presses('Remove');
    await person.reads('Removed.');
    await person.reads('Set up an app');
    person.hadNoTrouble();
  });

  it('adds a security key and codes by e-mail, which are second factors from then on, and takes them away again', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.holds('u2f');
    await person.signsIn(user.loginName, PASSWORD);
    await person.presses('Get codes by text message');
    await person.reads('your address has to be confirmed first');
    await person.fills('Name of the key', 'Blue key');
    await person.presses('Add a security key');
    await person.reads('Blue key');
    await person.findsItAccessible();
    const methods = async () => (await api().get(`/v2/users/${user.userId}/authentication_methods`)).body.authMethodTypes;
    expect(await methods()).toContain('AUTHENTICATION_METHOD_TYPE_U2F');
    await person.presses('Remove Blue key');
    await person.reads('You have no security key yet.');
    await person.presses('Get codes by e-mail');
    await person.reads('Stop codes by e-mail');
    expect(await methods()).toEqual(['AUTHENTICATION_METHOD_TYPE_PASSWORD', 'AUTHENTICATION_METHOD_TYPE_OTP_EMAIL']);
    await person.presses('Stop codes by e-mail');
    await person.reads('Get codes by e-mail');
    expect(await methods()).toEqual(['AUTHENTICATION_METHOD_TYPE_PASSWORD']);
    person.hadNoTrouble();
  });

  it('shows recovery codes once', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.signsIn(user.loginName, PASSWORD);
    await person.presses('Make new codes');
    await person.reads('Write these down now');
    expect(await person.page.locator('.codes li').count()).toBe(10);
    await person.findsItAccessible();
    await person.takesPicture('recovery-codes');
    await person.page.reload();
    expect(await person.page.locator('.codes li').count()).toBe(0);
  });

  it('shows where one is signed in, and signs out there, and everywhere else', async () => {
    const user = await newUser();
    const [one, two, three] = await Promise.all([Person.withBrowser(), Person.withBrowser(), Person.withBrowser()]);
    for (const person of [one, two, three]) {
      await person.signsIn(user.loginName, PASSWORD);
      await person.reads('Your account');
    }
    const there = one.page.getByRole('button', { name: 'Sign out there', exact: true });
    await expect
      .poll(async () => {
        await one.page.reload();
        return there.count();
      }, INDEXED)
      .toBe(2);
    await one.findsItAccessible();
    await one.takesPicture('account');
    await there.first().click();
    await one.reads('That session is over.');
    await expect
      .poll(async () => {
        await one.page.reload();
        return there.count();
      }, INDEXED)
      .toBe(1);
    await one.presses('Sign out everywhere else');
    await one.reads('All other sessions are over.');
    for (const person of [two, three]) {
      await person.page.reload();
      await person.reads('Sign in');
    }
    await one.page.reload();
    await one.reads('Your account');
  });
});
