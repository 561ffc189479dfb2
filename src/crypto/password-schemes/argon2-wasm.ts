import type { Argon2Parameters } from './argon2.ts';

/** What the reference implementation, as a WebAssembly module, has on offer; every argument that is no figure is an address in `memory`. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly _initialize: () => void;
  readonly malloc: (bytes: number) => number;
  readonly free: (address: number) => void;
  readonly argon2_hash: (...figuresAndAddresses: number[]) => number;
}

const VARIANT = { argon2i: 1, argon2id: 2 } as const;

/** What new passwords take. A run of up to this size is made in the instance that is kept. */
const KEPT_MOST_KIB = 19_456;

let kept: Promise<Exports> | undefined;

/**
 * Runs Argon2 once. The package's own wrapper measures a password in UTF-16 units and so cuts every password that is not ASCII short; hence the
 * module's exports are called here with bytes. WebAssembly memory never shrinks, and runs of growing size in one instance add up; so a larger run
 * has an instance of its own, which goes when it is done.
 * @throws Error when the module refuses, for want of memory
 */
export async function runArgon2(password: Uint8Array<ArrayBuffer>, parameters: Argon2Parameters): Promise<Uint8Array<ArrayBuffer>> {
  const { memory, malloc, free, argon2_hash } = await instanceFor(parameters.memoryKib);
  const { variant, version, memoryKib, passes, lanes, salt, digestBytes } = parameters;
  const inputBytes = password.byteLength + salt.byteLength;
  const address = malloc(inputBytes + digestBytes);
  if (address === 0) throw new Error('Argon2 found no memory');
  const [saltAt, digestAt] = [address + password.byteLength, address + inputBytes];
  const view = (at: number, bytes: number) => new Uint8Array(memory.buffer, at, bytes);
  view(address, password.byteLength).set(password);
  view(saltAt, salt.byteLength).set(salt);
  const refusal = argon2_hash(
    ...[passes, memoryKib, lanes, address, password.byteLength, saltAt, salt.byteLength],
    ...[digestAt, digestBytes, 0, 0, VARIANT[variant], version],
  );
  const digest = view(digestAt, digestBytes).slice() as Uint8Array<ArrayBuffer>;
  view(address, inputBytes + digestBytes).fill(0);
  free(address);
  if (refusal !== 0) throw new Error(`Argon2 refused with ${refusal}`);
  return digest;
}

function instanceFor(memoryKib: number): Promise<Exports> {
  if (memoryKib > KEPT_MOST_KIB) return instantiate();
  kept ??= instantiate();
  return kept;
}

async function instantiate(): Promise<Exports> {
  const { default: module } = await import('@phi-ag/argon2/argon2.wasm');
  const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  exports._initialize();
  return exports;
}
