import { utf8 } from '../base64.ts';
import { fromCryptBase64, numberFromCryptBase64 } from './crypt-base64.ts';
import { fromBase64 } from './from-base64.ts';
import { isDigestLength, type Scheme, type TakenApart } from './scheme.ts';

const MEMORY_MOST_BYTES = 64 * 2 ** 20;
/** N*r*p: what the time goes with. The runtime refuses more. */
const WORK_MOST = 2 ** 20;

interface Parameters {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly digestBytes: number;
}

/** scrypt (RFC 7914), `$scrypt$ln=15,r=8,p=3$<salt>$<digest>`, or `$7$` as crypt(5) writes it. */
export const scrypt: Scheme = {
  most: `scrypt: 128*N*r=${MEMORY_MOST_BYTES} and N*r*p=${WORK_MOST}`,

  read(encoded) {
    const apart = encoded.startsWith('$7$') ? fromCrypt(encoded) : fromPhc(encoded);
    const parameters = apart && parametersOf(apart.recipe);
    if (apart === undefined || parameters === undefined) return undefined;
    const { log2N, r, p } = parameters;
    return memoryOf(parameters) > MEMORY_MOST_BYTES || 2 ** log2N * r * p > WORK_MOST ? 'too-costly' : apart;
  },

  async derive(password, recipe) {
    const parameters = parametersOf(recipe);
    return parameters && run(utf8(password), parameters);
  },
};

function fromPhc(encoded: string): TakenApart | undefined {
  const [, recipe = '', text = ''] = /^(.*)\$([^$]+)$/.exec(encoded) ?? [];
  const digest = fromBase64(text);
  return digest && { recipe: `${recipe}$${digest.byteLength}`, digest };
}

/** `$7$`, N in one character, r and p in five each; then the salt, which is taken as it stands. It is kept in the other notation. */
function fromCrypt(encoded: string): TakenApart | undefined {
  const [, n = '', rText = '', pText = '', salt = '', text = ''] = /^\$7\$(.)(.{5})(.{5})([^$]{1,64})\$([^$]{43})$/.exec(encoded) ?? [];
  const [log2N, r, p] = [n, rText, pText].map(numberFromCryptBase64);
  const digest = fromCryptBase64(text);
  if (digest === undefined || digest.byteLength === 0) return undefined;
  const saltText = utf8(salt).toBase64({ omitPadding: true });
  return { recipe: `$scrypt$ln=${log2N},r=${r},p=${p}$${saltText}$${digest.byteLength}`, digest };
}

const RECIPE = /^\$(?:sallyport-)?scrypt\$ln=([1-9]\d?),r=([1-9]\d{0,8}),p=([1-9]\d{0,8})\$([^$]+)\$(\d\d)$/;

function parametersOf(recipe: string): Parameters | undefined {
  const [, log2N, r, p, saltText = '', length] = RECIPE.exec(recipe) ?? [];
  const salt = fromBase64(saltText);
  if (log2N === undefined || salt === undefined || !isDigestLength(Number(length))) return undefined;
  const parameters = { log2N: Number(log2N), r: Number(r), p: Number(p), salt, digestBytes: Number(length) };
  return makesSense(parameters) ? parameters : undefined;
}

/** Section 2: N below 2^(128*r/8), and p*r below 2^30. */
const makesSense = ({ log2N, r, p }: Parameters): boolean => log2N < 16 * r && log2N < 64 && r * p < 2 ** 30;

const memoryOf = ({ log2N, r }: Parameters): number => 128 * 2 ** log2N * r;

async function run(password: Uint8Array<ArrayBuffer>, parameters: Parameters): Promise<Uint8Array<ArrayBuffer>> {
  const { scrypt: nodeScrypt } = await import('node:crypto');
  const { log2N, r, p, salt, digestBytes } = parameters;
  const blocks = 128 * r * (p + 2);
  const options = { N: 2 ** log2N, r, p, maxmem: memoryOf(parameters) + blocks };
  return new Promise((resolve, reject) => {
    nodeScrypt(password, salt, digestBytes, options, (error, digest) => (error ? reject(error) : resolve(new Uint8Array(digest))));
  });
}
