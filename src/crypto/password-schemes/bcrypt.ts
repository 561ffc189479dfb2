import type { Scheme } from './scheme.ts';

const COST_LEAST = 4;
const COST_MOST = 14;
const RECIPE_LENGTH = '$2b$10$'.length + 22;

/**
 * bcrypt (Provos and Mazieres, 1999), `$2b$10$<22 salt><31 digest>`. `$2a$` and `$2y$` name the same function. It reads the first 72 bytes of a
 * password and no more.
 */
export const bcrypt: Scheme = {
  most: `bcrypt: cost ${COST_MOST}`,

  read(encoded) {
    const [, cost] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(encoded) ?? [];
    if (cost === undefined || !isCost(Number(cost))) return undefined;
    if (Number(cost) > COST_MOST) return 'too-costly';
    return { recipe: encoded.slice(0, RECIPE_LENGTH), digest: digestOf(encoded) };
  },

  async derive(password, recipe) {
    const [, cost] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{22}$/.exec(recipe) ?? [];
    if (cost === undefined || !isCost(Number(cost))) return undefined;
    const { hash } = await import('bcryptjs');
    return digestOf(await hash(password, recipe));
  },
};

const isCost = (cost: number): boolean => cost >= COST_LEAST && cost <= 31;

const OWN_ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const STANDARD_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function digestOf(encoded: string): Uint8Array<ArrayBuffer> {
  const standard = [...encoded.slice(RECIPE_LENGTH)].map((character) => STANDARD_ALPHABET[OWN_ALPHABET.indexOf(character)]);
  return Uint8Array.fromBase64(standard.join('')) as Uint8Array<ArrayBuffer>;
}
