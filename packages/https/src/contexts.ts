import { createSecureContext, type SecureContext } from 'node:tls';
import { isCovered } from '@acmex/identifier';
import type { CertificateStore, ManagedCertificate } from '@acmex/orchestrator';
import { LRUCache } from 'lru-cache';

/** What a server presents. */
export interface ServedCertificate {
  readonly id: string;
  readonly names: readonly string[];
  /** RFC 3339 */
  readonly notAfter: string;
  readonly serialNumber: string;
  readonly context: SecureContext;
  /** PEM, for servers that take it instead of a context: one chain for each key. */
  readonly cert: readonly string[];
  readonly key: readonly string[];
}

/** How many certificates stay in memory; further ones are read from the storage again. */
const cached = 1000;
/** How many names without a certificate are remembered, so that they cost no read of the storage. */
const unknownNames = 10_000;
const unknownMs = 10_000;

/** The certificates of a storage, by the names that clients ask for. */
export class Contexts {
  readonly #certificates: CertificateStore;
  readonly #byId = new LRUCache<string, ServedCertificate>({ max: cached });
  readonly #idOfName = new LRUCache<string, string>({ max: cached * 10 });
  readonly #unknown = new LRUCache<string, true>({ max: unknownNames, ttl: unknownMs });
  readonly #loading = new Map<string, Promise<ServedCertificate | undefined>>();

  constructor(certificates: CertificateStore) {
    this.#certificates = certificates;
  }

  /** Returns the certificate in use for a name; undefined where the storage has none. */
  async find(name: string): Promise<ServedCertificate | undefined> {
    const id = this.#idOfName.get(name);
    const known = id === undefined ? undefined : this.#byId.get(id);
    if (known && covers(known.names, name)) return known;
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
    if (!served) this.#byId.delete(id);
    // It may be newer than the one that was served for a name.
    for (const name of certificate?.names ?? []) this.#idOfName.delete(name);
    return served;
  }

  async #findStored(name: string): Promise<ServedCertificate | undefined> {
    let newest: ManagedCertificate | undefined;
    for (const wanted of [name, `*.${name.slice(name.indexOf('.') + 1)}`])
      for await (const certificate of this.#certificates.byName(wanted)) {
        const { current } = certificate;
        if (!current) continue;
        if (!newest?.current || newest.current.notAfter < current.notAfter) newest = certificate;
      }
    const served = newest && (await this.#load(newest));
    if (served) this.#idOfName.set(name, served.id);
    else this.#unknown.set(name, true);
    return served;
  }

  async #load({ id, names, current }: ManagedCertificate): Promise<ServedCertificate | undefined> {
    if (!current) return undefined;
    const { generation, notAfter, serialNumber } = current;
    const stored = await this.#certificates.generation(id, generation);
    if (!stored) return undefined;
    const { second, ...first } = stored;
    const all = second ? [first, second] : [first];
    const cert = all.map(({ chain }) => chain);
    const key = all.map(({ privateKey }) => privateKey);
    const context = createSecureContext({ cert, key });
    const served = { id, names, notAfter, serialNumber, context, cert, key };
    this.#byId.set(id, served);
    return served;
  }
}

/** Whether names of a certificate cover a name, by itself or by a wildcard. */
function covers(names: readonly string[], name: string): boolean {
  return names.some((covering) => covering === name || isCovered(name, covering));
}
