/** What an authenticator answers a challenge with (WebAuthn L3 section 5.1.9, AuthenticationResponseJSON). Bytes are base64url without padding. */
export interface Assertion {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  readonly signature: string;
  readonly userHandle?: string | undefined;
}

/** What an authenticator answers a registration with (RegistrationResponseJSON). Bytes are base64url without padding. */
export interface Attestation {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly attestationObject: string;
}

/** What a browser says of the ceremony (WebAuthn L3 section 5.8.1, CollectedClientData). */
export interface ClientData {
  readonly type: string;
  readonly challenge: string;
  readonly origin: string;
  readonly crossOrigin?: boolean | undefined;
  readonly topOrigin?: string | undefined;
}

/** Reads client data; undefined where it is none. Pure. */
export function clientDataOf(clientDataJSON: string): ClientData | undefined {
  try {
    const bytes = Uint8Array.fromBase64(clientDataJSON, { alphabet: 'base64url' });
    const read = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)) as Partial<ClientData> | null;
    const { type, challenge, origin, crossOrigin, topOrigin } = read ?? {};
    if (typeof type !== 'string' || typeof challenge !== 'string' || typeof origin !== 'string') return undefined;
    return { type, challenge, origin, crossOrigin, topOrigin };
  } catch {
    return undefined;
  }
}

/** Whether the ceremony took place in a page that another site shows within its own. */
export const isCrossOrigin = ({ crossOrigin, topOrigin }: ClientData): boolean => (crossOrigin ?? false) !== false || topOrigin != null;
