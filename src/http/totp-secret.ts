import { fromBase32, toBase32 } from '../crypto/base32.ts';
import { text } from './protojson.ts';

/** 128 bits at least (RFC 4226 section 4, R6); the longer ones are as long as the longest hash of RFC 6238 puts out. */
const LEAST_BYTES = 16;
const MOST_BYTES = 64;

/** The seed of a TOTP from elsewhere, in base32 as apps show it; parsed to the one way in which base32 writes those bytes. */
export const totpSecret = text(1, 200).transform((secret, context) => {
  const bytes = fromBase32(secret);
  if (bytes !== undefined && bytes.byteLength >= LEAST_BYTES && bytes.byteLength <= MOST_BYTES) return toBase32(bytes);
  context.addIssue({ code: 'custom', message: `value must be base32 of ${LEAST_BYTES} to ${MOST_BYTES} bytes` });
  return '';
});
