import type { CryptoKey } from 'jose';

/** The part of `node:crypto` that is used here. */
interface NodeCrypto {
  readonly KeyObject: { from(key: CryptoKey): object };
  sign(digest: string, data: Uint8Array, options: SignOptions): Uint8Array;
}

interface SignOptions {
  readonly key: object;
  /** The two numbers side by side, not DER. */
  readonly dsaEncoding: 'ieee-p1363';
}

/** The part of a runtime's `process` that is used here. */
interface RuntimeProcess {
  readonly versions?: Readonly<Record<string, string | undefined>>;
  readonly getBuiltinModule?: (name: 'node:crypto') => NodeCrypto | undefined;
}

type Sign = (data: Uint8Array) => Promise<Uint8Array>;

/**
 * Returns what signs with an ECDSA key, in the form of JWS. Node.js signs in less time than a
 * promise of WebCrypto takes; in browsers, Deno and Bun it is WebCrypto.
 * @param hash as WebCrypto names it, such as `SHA-256`
 */
export function ecdsaSigner(hash: string, key: CryptoKey): Sign {
  const nodeCrypto = cryptoOfNode();
  if (!nodeCrypto) {
    const algorithm = { name: 'ECDSA', hash };
    return async (data) => new Uint8Array(await crypto.subtle.sign(algorithm, key, data));
  }
  const digest = hash.replace('-', '').toLowerCase();
  const options: SignOptions = {
    key: nodeCrypto.KeyObject.from(key),
    dsaEncoding: 'ieee-p1363',
  };
  return async (data) => new Uint8Array(nodeCrypto.sign(digest, data, options));
}

/** Returns the module without an import, which browsers cannot resolve. */
function cryptoOfNode(): NodeCrypto | undefined {
  const { process } = globalThis as { readonly process?: RuntimeProcess };
  const { node, deno, bun } = process?.versions ?? {};
  const isNode = node !== undefined && deno === undefined && bun === undefined;
  return isNode ? process?.getBuiltinModule?.('node:crypto') : undefined;
}
