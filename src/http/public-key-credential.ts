import * as z from 'zod';
import type { Assertion, Attestation } from '../core/web-authn/public-key-credential.ts';
import { described } from './described.ts';
import { once } from './once.ts';

/**
 * Bytes as browsers' `toJSON()` writes them; padding and the standard alphabet are taken too, and left behind. `most` is what no authenticator goes
 * beyond: they are parsed before any signature is looked at.
 */
const base64url = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[A-Za-z0-9_+/-]+={0,2}$/)
    .transform((bytes) => bytes.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))
    .refine((bytes) => bytes.length % 4 !== 1);

/** A credential id has 1023 bytes at most (WebAuthn L3 section 7.1 step 25). */
const ID_MOST = 1368;

/** PublicKeyCredentialJSON (WebAuthn L3 section 5.1.8): its id twice, and an answer of the kind that is expected. */
const credential = <Response extends z.ZodRawShape>(response: Response) =>
  z
    .object({ id: base64url(ID_MOST), rawId: base64url(ID_MOST).optional(), type: z.literal('public-key'), response: z.object(response) })
    .refine(({ id, rawId }) => rawId === undefined || rawId === id);

/** Some browsers say "none" by an empty text or by null. */
const userHandle = () => z.preprocess((value) => (value === '' || value === null ? undefined : value), base64url(1200).optional());

const clientDataJSON = () => base64url(8192);
const assertion = once(() =>
  credential({ clientDataJSON: clientDataJSON(), authenticatorData: base64url(4096), signature: base64url(2048), userHandle: userHandle() }),
);
const attestation = once(() => credential({ clientDataJSON: clientDataJSON(), attestationObject: base64url(24_576) }));

/** A google.protobuf.Struct: any object. */
const struct = z
  .unknown()
  .register(described, { type: 'object', description: 'A PublicKeyCredential, as its toJSON() writes it' })
  .transform((value, context) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    context.addIssue({ code: 'custom', message: value === undefined ? 'value is required' : 'must be an object' });
    return z.NEVER;
  });

/**
 * The credential that answers a challenge. An object that is none is no broken rule of the message: it is a wrong answer, and refused as one, when
 * its turn comes.
 */
export const assertionStruct = struct.transform((value): Assertion | undefined => {
  const read = assertion().safeParse(value);
  return read.success ? { id: read.data.id, ...read.data.response } : undefined;
});

/** The credential that answers a registration; likewise. */
export const attestationStruct = struct.transform((value): Attestation | undefined => {
  const read = attestation().safeParse(value);
  return read.success ? { id: read.data.id, ...read.data.response } : undefined;
});
