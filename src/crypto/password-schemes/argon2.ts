import { utf8 } from '../base64.ts';
import { fromBase64 } from './from-base64.ts';
import { isDigestLength, type Scheme } from './scheme.ts';

const MEMORY_MOST_KIB = 65_536;
/** Memory times passes, in KiB: what the time goes with. */
const WORK_MOST_KIB = 16 * 65_536;
const LANES_MOST = 16;
const SALT_LEAST_BYTES = 8;

/** What one run of Argon2 is asked for (RFC 9106, section 3.1). */
export interface Argon2Parameters {
  readonly variant: 'argon2i' | 'argon2id';
  readonly version: 16 | 19;
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly digestBytes: number;
}

/**
 * Argon2i and Argon2id (RFC 9106), `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<digest>`; without `v=` it is version 16, as the reference
 * implementation has it. Argon2d is refused: its memory accesses tell of the password.
 */
export const argon2: Scheme = {
  most: `Argon2: m=${MEMORY_MOST_KIB} and m*t=${WORK_MOST_KIB}`,

  read(encoded) {
    const [, recipe = '', text = ''] = /^(.*)\$([^$]+)$/.exec(encoded) ?? [];
    const digest = fromBase64(text);
    if (digest === undefined) return undefined;
    const sized = `${recipe}$${digest.byteLength}`;
    const parameters = parametersOf(sized);
    if (parameters === undefined) return undefined;
    const { memoryKib, passes } = parameters;
    if (memoryKib > MEMORY_MOST_KIB || memoryKib * passes > WORK_MOST_KIB) return 'too-costly';
    return { recipe: sized, digest };
  },

  async derive(password, recipe) {
    const parameters = parametersOf(recipe);
    if (parameters === undefined) return undefined;
    const { runArgon2 } = await import('./argon2-wasm.ts');
    return runArgon2(utf8(password), parameters);
  },
};

const RECIPE = /^\$(?:sallyport-)?(argon2id?)(?:\$v=(16|19))?\$m=([1-9]\d{0,8}),t=([1-9]\d{0,8}),p=([1-9]\d{0,2})\$([^$]+)\$(\d\d)$/;

function parametersOf(recipe: string): Argon2Parameters | undefined {
  const [, variant, version = '16', memory, passes, lanes, saltText = '', length] = RECIPE.exec(recipe) ?? [];
  const salt = fromBase64(saltText);
  if (variant === undefined || salt === undefined || salt.byteLength < SALT_LEAST_BYTES) return undefined;
  const parameters = {
    variant: variant === 'argon2i' ? 'argon2i' : 'argon2id',
    version: version === '16' ? 16 : 19,
    memoryKib: Number(memory),
    passes: Number(passes),
    lanes: Number(lanes),
    salt,
    digestBytes: Number(length),
  } as const;
  return makesSense(parameters) ? parameters : undefined;
}

/** Section 3.1: at least 8 KiB a lane. */
const makesSense = ({ memoryKib, lanes, digestBytes }: Argon2Parameters): boolean =>
  lanes <= LANES_MOST && memoryKib >= 8 * lanes && isDigestLength(digestBytes);
