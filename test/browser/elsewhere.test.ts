import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { api, newUser, unique } from '../support/api.ts';
import { nextMail } from '../support/mailbox.ts';
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts';
import { Person } from './person.ts';

const PASSWORD = 'V3ryS3cure!';

describe('a forgotten password', () => {
  it('is replaced by way of a mail, and nothing tells whether there is somebody of the name', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.open('/login');
    await person.fills('E-mail or user name', user.loginName);
    await person.presses('Continue');
    await person.follows('Forgot your password?');
    await person.findsItAccessible();
    await person.presses('Send the link');
    await person.reads('If there is an account of this name');
    await person.findsItAccessible();
    const sent = await person.page.locator('main').textContent();
    const stranger = await Person.withBrowser();
    await stranger.open('/login/forgot');
    await stranger.fills('E-mail or user name', 'nobody@mouse.example');
    await stranger.presses('Send the link');
    expect(await stranger.page.locator('main').textContent()).toBe(sent);
    const { url } = await nextMail(user.loginName);
    await person.page.goto(url ?? '');
    await person.findsItAccessible();
    await person.fills('New password', 'weak');
    await person.presses('Set password');
    await person.reads('This does not keep to the rules above.');
    await person.findsItAccessible();
    await person.fills('New password', 'An0ther!Secret');
    await person.presses('Set password');
    await person.reads('Your password is set.');
    await person.signsIn(user.loginName, 'An0ther!Secret');
    await person.reads('Your account');
    await person.page.goto(url ?? '');
    await person.fills('New password', 'Y3t!Another');
    await person.presses('Set password');
    await person.reads('This link is not good any more.');
    person.hadNoTrouble();
  });
});

describe('a mail that verifies an address', () => {
  it('leads to a page with a button, because being opened alone changes nothing', async () => {
    const address = `${unique('new')}@mouse.com`;
    const user = await newUser({ email: { email: address, sendCode: {} } });
    const { url } = await nextMail(address);
    const person = await Person.withBrowser();
    await person.page.goto(url ?? '');
    await person.findsItAccessible();
    expect((await api().get(`/v2/users/${user.userId}`)).body.user.human.email).not.toHaveProperty('isVerified');
    await person.presses('Confirm');
    await person.reads('Your e-mail address is confirmed.');
    expect((await api().get(`/v2/users/${user.userId}`)).body.user.human.email.isVerified).toBe(true);
    person.hadNoTrouble();
  });
});

describe('a link that sets up a passkey', () => {
  it('does so for whoever it was sent to', async () => {
    const user = await newUser();
    const { body } = await api().post(`/v2/users/${user.userId}/passkeys/registration_link`, { returnCode: {} });
    const person = await Person.withBrowser();
    await person.holds('passkey');
    await person.open(`/login/passkey/set?${new URLSearchParams({ codeId: body.code.id, code: body.code.code, userId: user.userId })}`);
    await person.fills('Name of this device', 'From a link');
    await person.findsItAccessible();
    await person.presses('Add a passkey');
    await person.reads('Your account');
    await person.reads('From a link');
    person.hadNoTrouble();
  });
});

describe('a phone', () => {
  it('signs another device in, which waits for it, and goes back to what it was', async () => {
    const [user, owner] = [await newUser(), await newUser()];
    const [desk, phone] = await Promise.all([Person.withBrowser(), Person.withBrowser({ viewport: { width: 390, height: 800 } })]);
    await phone.signsIn(owner.loginName, PASSWORD);
    await phone.reads('Your account');
    await desk.open('/login');
    await desk.follows('Sign in with your phone');
    await desk.reads('Scan this with your phone');
    await desk.findsItAccessible();
    await desk.takesPicture('phone');
    const number = (await desk.page.locator('.number').textContent()) ?? '';
    await phone.page.goto(await desk.scans());
    await phone.reads('Sign in on another device?');
    expect(await phone.page.locator('.number').textContent()).toBe(number);
    await phone.findsItAccessible();
    await phone.takesPicture('phone-asks');
    await phone.presses('The number is the same');
    await phone.fills('E-mail or user name', user.loginName);
    await phone.presses('Continue');
    await phone.fills('Password', PASSWORD);
    await phone.presses('Sign in');
    await phone.reads('You are signed in on the other device.');
    await phone.findsItAccessible();
    await desk.reads('Your account');
    const [session] = (await api().post('/v2/sessions/search', { queries: [{ userIdQuery: { id: user.userId } }] })).body.sessions ?? [];
    expect(session?.metadata ?? {}).not.toHaveProperty('login.handed-over');
    await phone.open('/login');
    await phone.reads('Your account');
    desk.hadNoTrouble();
    phone.hadNoTrouble();
  });

  it('is not believed by a device that it has not signed in yet, and the code is good for one', async () => {
    const user = await newUser();
    const [desk, phone, thief] = await Promise.all([Person.withBrowser(), Person.withBrowser(), Person.withBrowser()]);
    await desk.open('/login/phone');
    const link = await desk.scans();
    await desk.presses('I have signed in on my phone');
    await desk.reads('Scan this with your phone');
    await phone.page.goto(link);
    await phone.presses('The number is the same');
    await phone.fills('E-mail or user name', user.loginName);
    await phone.presses('Continue');
    await phone.fills('Password', PASSWORD);
    await phone.presses('Sign in');
    await phone.reads('You are signed in on the other device.');
    await thief.page.goto(link);
    await thief.reads('This code is not good any more.');
    await desk.reads('Your account');
  });
});

describe('an identity provider', () => {
  let provider: OpenIdProvider & { close: () => void };
  let idpId: string;
  const name = 'Mouse House';

  beforeAll(async () => {
    provider = await startOpenIdProvider(inject('baseUrl'));
    const { body } = await api().post('/admin/v1/idps/generic_oidc', {
      name,
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
      scopes: ['openid', 'profile', 'email'],
      providerOptions: { isLinkingAllowed: true },
    });
    idpId = body.id;
  });
  afterAll(async () => {
    await api().delete(`/admin/v1/idps/templates/${idpId}`);
    provider.close();
  });

  const logsIn = async (person: Person, account: string) => {
    person.mayVisit = [new URL(provider.issuer).origin];
    await person.open('/login');
    await person.presses(`Continue with ${name}`);
    await person.page.locator('input[name=login]').fill(account);
    await person.page.locator('input[name=password]').fill('any');
    await person.page.locator('button[type=submit]').click();
    await person.page.getByRole('button', { name: 'Continue' }).click();
  };

  it('signs in whoever is linked to the account there', async () => {
    const user = await newUser();
    const account = unique('minnie');
    await api().post(`/v2/users/${user.userId}/links`, { idpLink: { idpId, userId: account, userName: account } });
    const person = await Person.withBrowser();
    await logsIn(person, account);
    await person.reads('Your account');
  });

  it('signs in nobody whom nobody here is linked to', async () => {
    const person = await Person.withBrowser();
    await logsIn(person, unique('stranger'));
    await person.reads('Nobody here is linked to that account.');
    await person.findsItAccessible();
  });

  it('makes somebody new where its options say so', async () => {
    await api().put(`/admin/v1/idps/generic_oidc/${idpId}`, {
      name,
      issuer: provider.issuer,
      clientId: provider.clientId,
      scopes: ['openid', 'profile', 'email'],
      providerOptions: { isLinkingAllowed: true, isCreationAllowed: true, isAutoCreation: true },
    });
    const person = await Person.withBrowser();
    await logsIn(person, unique('newcomer'));
    await person.reads('Your account');
    await person.reads('Minnie Mouse');
  });

  it('signs nobody in by a way back that another browser began', async () => {
    const person = await Person.withBrowser();
    await person.open('/login/provider/return?trip=guessed&id=x&token=y');
    await person.reads('Signing in at your provider did not work.');
  });
});

describe('where a login was begun for', () => {
  it('is where it leads, if that is allowed', async () => {
    const user = await newUser();
    const person = await Person.withBrowser();
    await person.open('/login?return_to=/docs');
    await person.signsIn(user.loginName, PASSWORD);
    await person.page.waitForURL('**/docs');
    const lured = await Person.withBrowser();
    await lured.open(`/login?return_to=${encodeURIComponent('https://evil.example/')}`);
    await lured.signsIn(user.loginName, PASSWORD);
    await lured.reads('Your account');
    lured.hadNoTrouble();
  });
});
