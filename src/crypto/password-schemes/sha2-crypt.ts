import { utf8 } from '../base64.ts';
import { fromCryptBase64 } from './crypt-base64.ts';
import { type Hash, hashOfParts } from './hash-of-parts.ts';
import type { Scheme } from './scheme.ts';

const DEFAULT_ROUNDS = '5000';
const ROUNDS_LEAST = 1000;

const VARIANTS = {
  '5': { name: 'sha256', digestBytes: 32, order: [...writtenOrder(10, -1), 30, 31], roundsMost: 200_000 },
  '6': { name: 'sha512', digestBytes: 64, order: [...writtenOrder(21, 1), 63], roundsMost: 200_000 },
} as const;

/**
 * SHA-crypt (Drepper, "Unix crypt using SHA-256 and SHA-512"), `$5$<salt>$<digest>` and `$6$rounds=5000$<salt>$<digest>`. Its steps are here
 * because the packages there are cannot be had: the one that is kept up goes wrong for passwords of exactly 32 or 64 bytes.
 */
export const sha2Crypt: Scheme = {
  most: `SHA-crypt: ${VARIANTS['5'].roundsMost} rounds of $5$, ${VARIANTS['6'].roundsMost} of $6$`,

  read(encoded) {
    const [, recipe = '', text = ''] = /^(.*)\$([^$]+)$/.exec(encoded) ?? [];
    const [digest, parameters] = [fromCryptBase64(text), parametersOf(recipe)];
    if (parameters === undefined || digest?.byteLength !== parameters.variant.digestBytes) return undefined;
    return parameters.rounds > parameters.variant.roundsMost ? 'too-costly' : { recipe, digest };
  },

  async derive(password, recipe) {
    const parameters = parametersOf(recipe);
    if (parameters === undefined) return undefined;
    const { variant, rounds, salt } = parameters;
    const digest = shaCrypt(await hashOfParts(variant.name), utf8(password), salt, rounds);
    return Uint8Array.from(variant.order, (at) => digest[at] ?? 0);
  },
};

const RECIPE = /^\$([56])\$(?:rounds=([1-9]\d{0,8})\$)?([!-#%-~]{1,16})$/;

function parametersOf(recipe: string) {
  const [, id, rounds = DEFAULT_ROUNDS, salt] = RECIPE.exec(recipe) ?? [];
  if (salt === undefined || salt.startsWith('rounds=') || Number(rounds) < ROUNDS_LEAST) return undefined;
  return { variant: VARIANTS[id === '5' ? '5' : '6'], rounds: Number(rounds), salt: utf8(salt) };
}

/** The specification's steps 1 to 21, named by its letters. */
function shaCrypt(hash: Hash, password: Uint8Array, salt: Uint8Array, rounds: number): Uint8Array {
  const b = hash(password, salt, password);
  const byBits = bitsOf(password.byteLength).map((bit) => (bit ? b : password));
  let a = hash(password, salt, stretched(b, password.byteLength), ...byBits);
  const p = stretched(hash(...Array<Uint8Array>(password.byteLength).fill(password)), password.byteLength);
  const s = stretched(hash(...Array<Uint8Array>(16 + (a[0] ?? 0)).fill(salt)), salt.byteLength);
  for (let round = 0; round < rounds; round += 1) a = hash(...partsOf(round, a, p, s));
  return a;
}

/** Step 21: what one round hashes. */
function partsOf(round: number, a: Uint8Array, p: Uint8Array, s: Uint8Array): Uint8Array[] {
  const [first, last] = round % 2 === 1 ? [p, a] : [a, p];
  const middle = [...(round % 3 === 0 ? [] : [s]), ...(round % 7 === 0 ? [] : [p])];
  return [first, ...middle, last];
}

/** The bits of a number, the lowest first. */
function bitsOf(number: number): boolean[] {
  return [...number.toString(2)].reverse().map((bit) => bit === '1');
}

/** A digest repeated until it is as long as asked for. */
function stretched(digest: Uint8Array, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => digest[at % digest.byteLength] ?? 0);
}

/**
 * Step 22: in which order the digest's bytes are written. Bytes that stand a third apart go together, and each three are turned by one against
 * those before.
 */
function writtenOrder(third: number, turn: 1 | -1): number[] {
  return Array.from({ length: third }, (_, group) => [2, 1, 0].map((place) => group + third * ((((place + turn * group) % 3) + 3) % 3))).flat();
}
