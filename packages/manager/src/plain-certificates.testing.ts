// Certificates and requests as plain JSON in place of X.509, for a simulation that issues very many:
// it is about times, and encoding would take nearly all of it.
import {
  CertificateError,
  type CertificateInfo,
  type CryptoBackend,
  type IssuedCertificate,
  type IssuedFor,
  type PrivateKey,
} from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { Identifier } from '@acmex/identifier';
import { Temporal } from 'temporal-polyfill';

interface PlainRequest {
  readonly identifiers: readonly Identifier[];
  readonly publicKey: Uint8Array;
}

/** What a certificate of a simulation has. Times are RFC 3339. */
export interface PlainCertificate {
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly publicKey: string;
}

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Returns a chain with one certificate, in the armour of PEM. */
export function plainChain(certificate: PlainCertificate): string {
  const body = Buffer.from(JSON.stringify(certificate)).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

export async function parsePlainRequest(csr: Uint8Array): Promise<PlainRequest> {
  const { identifiers, publicKey } = JSON.parse(new TextDecoder().decode(csr)) as {
    readonly identifiers: readonly Identifier[];
    readonly publicKey: string;
  };
  return await Promise.resolve({
    identifiers,
    publicKey: Uint8Array.from(Buffer.from(publicKey, 'hex')),
  });
}

function parsePlainChain(pem: string): readonly CertificateInfo[] {
  const body = pem.split('\n')[1] ?? '';
  const { serialNumber, notBefore, notAfter, publicKey } = JSON.parse(
    Buffer.from(body, 'base64').toString(),
  ) as PlainCertificate;
  const leaf = {
    serialNumber,
    notBefore: Temporal.Instant.from(notBefore),
    notAfter: Temporal.Instant.from(notAfter),
    publicKey: Uint8Array.from(Buffer.from(publicKey, 'hex')),
    authorityKeyIdentifier: '00',
    pem,
  };
  return [leaf as unknown as CertificateInfo];
}

/** Verifies what a simulation can get wrong: the key, and the validity as real ones have it. */
async function verifyPlain(
  chain: string,
  { publicKey }: IssuedFor,
  { clock }: { readonly clock: Clock },
): Promise<IssuedCertificate> {
  const [leaf] = parsePlainChain(chain);
  if (!leaf || hex(leaf.publicKey) !== hex(publicKey))
    throw new CertificateError('ERR_CERTIFICATE_KEY', 'the certificate is for another key');
  const now = clock.now();
  const isEarly = Temporal.Instant.compare(leaf.notBefore, now.add({ minutes: 5 })) > 0;
  if (isEarly || Temporal.Instant.compare(leaf.notAfter, now) < 0)
    throw new CertificateError(
      'ERR_CERTIFICATE_VALIDITY',
      `the certificate is valid from ${leaf.notBefore} to ${leaf.notAfter}, and now is ${now}`,
    );
  return await Promise.resolve({ leaf, chain: [leaf], pem: chain, warnings: [] });
}

const plainRoot = 'Plain Root';

/** What takes the place of the functions of `@acmex/certificate`. */
export const plainCertificates = {
  createCsr: async ({
    identifiers,
    key,
  }: {
    identifiers: readonly Identifier[];
    key: PrivateKey;
  }) => await Promise.resolve(bytesOf({ identifiers, publicKey: hex(key.publicKey) })),
  parseChain: parsePlainChain,
  isChain: (_: string, described: string) => described === plainRoot,
  chainName: () => plainRoot,
  verifyIssued: verifyPlain,
  ariCertificateId: ({ serialNumber }: CertificateInfo) => serialNumber,
};

let created = 0;

/** Creates keys that are numbers. */
export const plainCrypto: CryptoBackend = {
  name: 'plain',
  async generate(type) {
    created += 1;
    const publicKey = bytesOf(created);
    return await Promise.resolve({
      type,
      publicKey,
      // The caller overwrites it.
      export: async () => await Promise.resolve(publicKey.slice()),
    } as unknown as PrivateKey);
  },
  import: async () => await Promise.reject(new Error('no key is reused')),
};
