import { hash, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { KeystoreError } from './errors.ts';

/** The hashes that are used, as Node.js names them. */
export type Hash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

/** What a derived key is for. RFC 7292 appendix B.3 */
export const purposes = { key: 1, vector: 2, mac: 3 } as const;

/** Iterations of one derivation. This package writes at most as many. */
const maximumIterations = 600_000;
/** Iterations of all derivations that one file asks for. */
const maximumSum = 2_000_000;
/** N × r × p of scrypt: 16 times what OpenSSL uses. RFC 7914 §2 */
const maximumScryptCost = 2_097_152;
const maximumScryptMemory = 67_108_864;

/** How much work a file may still ask for. */
export interface WorkLimit {
  /** @throws KeystoreError `ERR_KEYSTORE_ITERATIONS`, before the work is done */
  admit(iterations: number): void;
}

/** Returns the limit for one file. */
export function workLimit(): WorkLimit {
  let sum = 0;
  return {
    admit(iterations) {
      if (!Number.isSafeInteger(iterations) || iterations < 1)
        throw new KeystoreError(
          'ERR_KEYSTORE_FORMAT',
          `the file has ${iterations} iterations, which is not a valid number: it is damaged`,
        );
      sum += iterations;
      if (iterations > maximumIterations || sum > maximumSum)
        throw new KeystoreError(
          'ERR_KEYSTORE_ITERATIONS',
          `the file asks for ${sum} iterations to derive its keys, and at most ${maximumIterations} for a key and ${maximumSum} in all are permitted: export it again with fewer`,
        );
    },
  };
}

export interface Pbkdf2Parameters {
  readonly hash: Hash;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** Derives a key by PBKDF2. RFC 8018 §5.2 */
export async function pbkdf2Key(
  passphrase: string,
  { hash: algorithm, salt, iterations }: Pbkdf2Parameters,
  { length, limit }: { readonly length: number; readonly limit: WorkLimit },
): Promise<Buffer> {
  limit.admit(iterations);
  return await promisify(pbkdf2)(passphrase, salt, iterations, length, algorithm);
}

export interface ScryptParameters {
  readonly salt: Uint8Array;
  /** N. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

/** Derives a key by scrypt. RFC 7914 */
export async function scryptKey(
  passphrase: string,
  { salt, cost, blockSize, parallelization }: ScryptParameters,
  length: number,
): Promise<Buffer> {
  const work = cost * blockSize * parallelization;
  if (!(work <= maximumScryptCost) || !(128 * cost * blockSize <= maximumScryptMemory))
    throw new KeystoreError(
      'ERR_KEYSTORE_ITERATIONS',
      `the key asks for scrypt with N=${cost}, r=${blockSize} and p=${parallelization}, and at most N × r × p = ${maximumScryptCost} is permitted: encrypt it again with less`,
    );
  return await new Promise((resolve, reject) => {
    const options = {
      cost,
      blockSize,
      parallelization,
      maxmem: 2 * maximumScryptMemory,
    };
    scrypt(passphrase, salt, length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

const blockLengths: Readonly<Record<Hash, number>> = {
  sha1: 64,
  sha224: 64,
  sha256: 64,
  sha384: 128,
  sha512: 128,
};

/** After so many hashes the event loop has its turn. */
const hashesPerTurn = 5000;

/** Derives a key as PKCS#12 does. RFC 7292 appendix B.2 */
export async function pkcs12Key(
  passphrase: Uint8Array,
  { hash: algorithm, salt, iterations }: Pbkdf2Parameters,
  {
    purpose,
    length,
    limit,
  }: {
    readonly purpose: keyof typeof purposes;
    readonly length: number;
    readonly limit: WorkLimit;
  },
): Promise<Buffer> {
  limit.admit(iterations);
  const block = blockLengths[algorithm];
  const diversifier = Buffer.alloc(block, purposes[purpose]);
  const input = Buffer.concat([repeated(salt, block), repeated(passphrase, block)]);
  const key: Buffer[] = [];
  for (let missing = length; missing > 0;) {
    let digest = hash(algorithm, Buffer.concat([diversifier, input]), 'buffer');
    for (let round = 1; round < iterations; round++) {
      digest = hash(algorithm, digest, 'buffer');
      if (round % hashesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    key.push(digest);
    missing -= digest.length;
    addToBlocks(input, repeated(digest, block).subarray(0, block));
  }
  return Buffer.concat(key).subarray(0, length);
}

/** Repeats bytes to a multiple of a block; nothing stays nothing. */
function repeated(bytes: Uint8Array, block: number): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes);
}

/** Adds a number and 1 to each block, modulo its size. */
function addToBlocks(blocks: Buffer, addend: Buffer): void {
  for (let start = 0; start < blocks.length; start += addend.length) {
    let carry = 1;
    for (let index = addend.length - 1; index >= 0; index--) {
      const sum = (blocks[start + index] ?? 0) + (addend[index] ?? 0) + carry;
      blocks[start + index] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}

/** Returns a passphrase as PKCS#12 hashes it: UTF-16, the high byte first, and a zero at its end. */
export function bmpPassphrase(passphrase: string): Buffer {
  return Buffer.from(`${passphrase}\0`, 'utf16le').swap16();
}
