import { createSecureContext, type SecureContext } from 'node:tls';
import { errorCode, errorText } from '@acmex/errors';
import { isCovered } from '@acmex/identifier';
import type { CertificateStore, Generation, ManagedCertificate } from '@acmex/orchestrator';
import { LRUCache } from 'lru-cache';
import { HttpsError } from './errors.ts';

/** What a server presents. */
export interface ServedCertificate {
  readonly id: string;
  readonly names: readonly string[];
  /** RFC 3339 */
  readonly notAfter: string;
  readonly serialNumber: string;
  /** One for each key: Node.js presents one certificate of a context that is found by name. */
  readonly contexts: readonly SecureContext[];
  /** PEM, for servers that take it instead of a context: one chain for each key. */
  readonly cert: readonly string[];
  readonly key: readonly string[];
}

/**
 * How many certificates stay in memory, with about 35 kB each, most of it in OpenSSL; further ones are
 * read from the storage again, which takes as long as a handshake.
 */
export const inMemory = 10_000;
/** How many names without a certificate are remembered, so that they cost no read of the storage. */
const unknownNames = 10_000;
const unknownMs = 10_000;

interface ContextsOptions {
  /** Called where a stored certificate or its key cannot be used. */
  readonly onDamaged: (certificate: ManagedCertificate, error: HttpsError) => void;
  /** Called with each certificate that comes into memory. */
  readonly onLoaded?: ((certificate: ServedCertificate) => void) | undefined;
  /** How many certificates stay in memory. */
  readonly max?: number;
}

/**
 * The certificates of a storage, by the names that clients ask for. One that was usable stays in use
 * where the storage fails or is damaged later.
 */
export class Contexts {
  readonly #certificates: CertificateStore;
  readonly #onDamaged: ContextsOptions['onDamaged'];
  readonly #onLoaded: ContextsOptions['onLoaded'];
  readonly #byId: LRUCache<string, ServedCertificate>;
  readonly #idOfName: LRUCache<string, string>;
  readonly #unknown = new LRUCache<string, true>({ max: unknownNames, ttl: unknownMs });
  readonly #loading = new Map<string, Promise<ServedCertificate | undefined>>();

  constructor(
    certificates: CertificateStore,
    { onDamaged, onLoaded, max = inMemory }: ContextsOptions,
  ) {
    this.#certificates = certificates;
    this.#onDamaged = onDamaged;
    this.#onLoaded = onLoaded;
    this.#byId = new LRUCache({ max });
    this.#idOfName = new LRUCache({ max: max * 10 });
  }

  /** Returns the certificate in use for a name, if it is in memory. */
  inMemory(name: string): ServedCertificate | undefined {
    const id = this.#idOfName.get(name);
    const known = id === undefined ? undefined : this.#byId.get(id);
    return known && covers(known.names, name) ? known : undefined;
  }

  /** Returns the certificate in use for a name; undefined where the storage has none. */
  async find(name: string): Promise<ServedCertificate | undefined> {
    const known = this.inMemory(name);
    if (known) return known;
    if (this.#unknown.has(name)) return undefined;
    const loading = this.#loading.get(name) ?? this.#findStored(name);
    this.#loading.set(name, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(name);
    }
  }

  /** Reads a certificate again: it was issued, renewed or removed. */
  async reload(id: string): Promise<ServedCertificate | undefined> {
    this.#unknown.clear();
    const certificate = await this.#certificates.find(id);
    const served = certificate && (await this.#load(certificate));
    if (!certificate?.current) this.#byId.delete(id);
    // It may be newer than the one that was served for a name.
    if (served) for (const name of certificate.names) this.#idOfName.delete(name);
    return served;
  }

  /** Reads those again that have changed in the storage, and returns them. */
  async recheck(): Promise<readonly ServedCertificate[]> {
    const changed: ServedCertificate[] = [];
    for (const [id, { serialNumber }] of [...this.#byId.entries()]) {
      const certificate = await this.#certificates.find(id);
      if (certificate?.current?.serialNumber === serialNumber) continue;
      const served = await this.reload(id);
      if (served) changed.push(served);
    }
    return changed;
  }

  async #findStored(name: string): Promise<ServedCertificate | undefined> {
    const issued: ManagedCertificate[] = [];
    for (const wanted of [name, `*.${name.slice(name.indexOf('.') + 1)}`])
      for await (const certificate of this.#certificates.byName(wanted))
        if (certificate.current) issued.push(certificate);
    issued.sort((a, b) => (notAfterOf(b) < notAfterOf(a) ? -1 : 1));
    for (const certificate of issued) {
      const served = await this.#load(certificate);
      if (!served) continue;
      this.#idOfName.set(name, served.id);
      return served;
    }
    this.#unknown.set(name, true);
    return undefined;
  }

  async #load(certificate: ManagedCertificate): Promise<ServedCertificate | undefined> {
    const { id, names, current } = certificate;
    if (!current) return undefined;
    const { generation, notAfter, serialNumber } = current;
    const known = this.#byId.get(id);
    if (known?.serialNumber === serialNumber) return this.#remember({ ...known, names });
    try {
      const stored = await this.#certificates.generation(id, generation);
      if (!stored) throw new RangeError('the storage has its record, but not its chain and key');
      const served = { id, names, notAfter, serialNumber, ...presentable(stored) };
      this.#onLoaded?.(served);
      return this.#remember(served);
    } catch (error) {
      // What is only away is there later.
      if (isStorageAway(error)) throw error;
      this.#onDamaged(certificate, damaged(names, error));
      return undefined;
    }
  }

  #remember(served: ServedCertificate): ServedCertificate {
    this.#byId.set(served.id, served);
    return served;
  }
}

/** @throws what OpenSSL says of a chain or a key that it cannot use */
function presentable({ second, ...first }: Generation) {
  const all = second ? [first, second] : [first];
  const cert = all.map(({ chain }) => chain);
  const key = all.map(({ privateKey }) => privateKey);
  const contexts = all.map(({ chain, privateKey }) =>
    createSecureContext({ cert: chain, key: privateKey }),
  );
  return { cert, key, contexts };
}

function isStorageAway(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  return code.startsWith('ERR_STORAGE_') && code !== 'ERR_STORAGE_CORRUPT';
}

function damaged(names: readonly string[], cause: unknown): HttpsError {
  return new HttpsError(
    'ERR_HTTPS_DAMAGED',
    `the stored certificate of ${names.join(', ')} cannot be used: ${errorText(cause)}`,
    { cause },
  );
}

function notAfterOf({ current }: ManagedCertificate): string {
  return current?.notAfter ?? '';
}

/** Whether names of a certificate cover a name, by itself or by a wildcard. */
function covers(names: readonly string[], name: string): boolean {
  return names.includes(name) || names.some((covering) => isCovered(name, covering));
}
