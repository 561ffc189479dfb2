import { type Browser, chromium } from 'playwright-core';
import { inject } from 'vitest';
import type { CredentialJson } from '../support/security-key.ts';

/** The authenticators that people have (DevTools protocol, WebAuthn.VirtualAuthenticatorOptions). */
const AUTHENTICATORS = {
  /** Of the device itself, and asks for a finger or a face. */
  platform: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
  /** A FIDO2 key without a PIN. */
  securityKey: { protocol: 'ctap2', transport: 'usb' },
  /** A key from before FIDO2. */
  u2fKey: { protocol: 'u2f', transport: 'usb' },
} as const;

/** A credential in a virtual authenticator, its private key included. */
export interface HeldCredential {
  readonly credentialId: string;
  readonly isResidentCredential: boolean;
  readonly rpId?: string;
  readonly privateKey: string;
  readonly userHandle?: string;
  readonly signCount: number;
}

/** A page of a site, in a browser with one authenticator that agrees to everything. */
export interface Visit {
  /** navigator.credentials.create, in the page. */
  create(options: { publicKey: object }): Promise<CredentialJson>;
  /** navigator.credentials.get, in the page. */
  get(options: { publicKey: object }): Promise<CredentialJson>;
  /** What the authenticator holds. */
  held(): Promise<HeldCredential[]>;
  /** Puts a credential into the authenticator, in the place of the one with its id. */
  hold(credential: HeldCredential): Promise<void>;
}

const CREATE = `async ({ publicKey }) =>
  (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })).toJSON()`;
const GET = `async ({ publicKey }) =>
  (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) })).toJSON()`;

let browser: Promise<Browser> | undefined;

/** Opens a page of our own server under a host name, which is what a browser goes by. */
export async function visit(host: string, authenticator: keyof typeof AUTHENTICATORS): Promise<Visit> {
  browser ??= chromium.connectOverCDP(inject('devTools'), { artifactsDir: inject('scratch') });
  const context = await (await browser).newContext();
  const page = await context.newPage();
  await page.goto(`http://${host}:${new URL(inject('baseUrl')).port}/healthz`);
  const devTools = await context.newCDPSession(page);
  await devTools.send('WebAuthn.enable');
  const { authenticatorId } = await devTools.send('WebAuthn.addVirtualAuthenticator', { options: AUTHENTICATORS[authenticator] });
  return {
    create: (options) => page.evaluate(`(${CREATE})(${JSON.stringify(options)})`),
    get: (options) => page.evaluate(`(${GET})(${JSON.stringify(options)})`),
    held: async () => (await devTools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    hold: async (credential) => {
      await devTools.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId }).catch(() => undefined);
      await devTools.send('WebAuthn.addCredential', { authenticatorId, credential });
    },
  };
}
