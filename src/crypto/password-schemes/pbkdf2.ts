import { utf8 } from '../base64.ts';
import { fromBase64 } from './from-base64.ts';
import { isDigestLength, type Scheme } from './scheme.ts';
import { MOST_ROUNDS_PER_CALL, webPbkdf2 } from './web-pbkdf2.ts';

/**
 * Each hash's name in Web Crypto (which has no SHA-224) and in the library, and the most rounds in the time allowed: for SHA-256 and SHA-512 the
 * figures of OWASP's Password Storage Cheat Sheet.
 */
const HASHES = {
  '': { web: 'SHA-1', library: 'sha1', digestBytes: 20, roundsMost: 600_000 },
  '-sha224': { web: undefined, library: 'sha224', digestBytes: 28, roundsMost: 600_000 },
  '-sha256': { web: 'SHA-256', library: 'sha256', digestBytes: 32, roundsMost: 600_000 },
  '-sha384': { web: 'SHA-384', library: 'sha384', digestBytes: 48, roundsMost: 210_000 },
  '-sha512': { web: 'SHA-512', library: 'sha512', digestBytes: 64, roundsMost: 210_000 },
} as const;
type Hash = (typeof HASHES)[keyof typeof HASHES];

interface Parameters {
  readonly hash: Hash;
  readonly rounds: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly digestBytes: number;
}

/**
 * PBKDF2 (RFC 8018) as passlib writes it, `$pbkdf2-sha256$<rounds>$<salt>$<digest>`; without a hash's name it is SHA-1. The base64 may have `.`
 * for `+`, and padding or none.
 */
export const pbkdf2: Scheme = {
  most: `PBKDF2: ${HASHES['-sha256'].roundsMost} rounds of SHA-1, SHA-224 and SHA-256, ${HASHES['-sha512'].roundsMost} of SHA-384 and SHA-512`,

  read(encoded) {
    const [, recipe = '', text = ''] = /^(.*)\$([^$]+)$/.exec(encoded) ?? [];
    const digest = fromBase64(text.replaceAll('.', '+'));
    if (digest === undefined) return undefined;
    const sized = `${recipe}$${digest.byteLength}`;
    const parameters = parametersOf(sized);
    if (parameters === undefined) return undefined;
    return blocksOf(parameters) * parameters.rounds > parameters.hash.roundsMost ? 'too-costly' : { recipe: sized, digest };
  },

  async derive(password, recipe) {
    const parameters = parametersOf(recipe);
    return parameters && run(utf8(password), parameters);
  },
};

const RECIPE = /^\$pbkdf2(|-sha224|-sha256|-sha384|-sha512)\$([1-9]\d{0,9})\$([^$]+)\$(\d\d)$/;

function parametersOf(recipe: string): Parameters | undefined {
  const [, name, rounds, saltText = '', length] = RECIPE.exec(recipe) ?? [];
  const salt = fromBase64(saltText.replaceAll('.', '+'));
  if (name === undefined || salt === undefined || !isDigestLength(Number(length))) return undefined;
  return { hash: HASHES[name as keyof typeof HASHES], rounds: Number(rounds), salt, digestBytes: Number(length) };
}

/** A digest that is longer than the hash's own costs all rounds once more for each part of it. */
const blocksOf = ({ hash, digestBytes }: Parameters): number => Math.ceil(digestBytes / hash.digestBytes);

/** Rounds that Web Crypto does not do in one call are done by the library: a longer run cannot be made of shorter ones. */
async function run(password: Uint8Array<ArrayBuffer>, { hash, rounds, salt, digestBytes }: Parameters): Promise<Uint8Array<ArrayBuffer>> {
  if (hash.web !== undefined && rounds <= MOST_ROUNDS_PER_CALL) return webPbkdf2(hash.web, password, salt, rounds, digestBytes);
  const { pbkdf2: libraryPbkdf2 } = await import('@noble/hashes/pbkdf2.js');
  return new Uint8Array(libraryPbkdf2(await libraryHash(hash.library), password, salt, { c: rounds, dkLen: digestBytes }));
}

async function libraryHash(name: Hash['library']) {
  if (name === 'sha1') return (await import('@noble/hashes/legacy.js')).sha1;
  return (await import('@noble/hashes/sha2.js'))[name];
}
