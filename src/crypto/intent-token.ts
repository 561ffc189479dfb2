import { toBase64Url, utf8 } from './base64.ts';
import { sameDigest } from './digest.ts';
import type { KeyRing } from './key-ring.ts';
import { codeTag } from './one-time-code.ts';

/** How what binds a log-in's answer to its question is sealed, and what was told by it. */
export const proofLabel = (intentId: string) => ({ purpose: 'intent proof', owner: intentId });
export const informationLabel = (intentId: string) => ({ purpose: 'intent information', owner: intentId });

/** The token of an intent, handed out with its success: whoever has it may look at what the provider told, and use it. */
export async function intentToken(peppers: KeyRing, intentId: string): Promise<string> {
  const tag = await codeTag(peppers, ['intent token', intentId]);
  if (tag === undefined) throw new Error('the newest pepper is missing');
  return toBase64Url(utf8(`${intentId} ${tag}`));
}

/** Of which intent a token is; or that it is no base64url, or none of ours. */
export async function openIntentToken(peppers: KeyRing, token: string): Promise<{ readonly intentId: string } | 'malformed' | 'unknown'> {
  const text = decoded(token);
  if (text === undefined) return 'malformed';
  const [intentId = '', tag = '', ...more] = text.split(' ');
  if (more.length > 0) return 'unknown';
  const expected = await codeTag(peppers, ['intent token', intentId], Number(tag.split('.')[0]));
  return expected !== undefined && sameDigest(expected, tag) ? { intentId } : 'unknown';
}

function decoded(token: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(token, { alphabet: 'base64url' }));
  } catch {
    return undefined;
  }
}
