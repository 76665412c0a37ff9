import type { webcrypto } from 'node:crypto';
import { type Identifier, ipVersion, normalizedIdentifier } from '@acmex/identifier';
import type { PublicJwk } from '@acmex/protocol';
import { type ReadCsr, readCsr } from './csr.ts';
import { quoted, type Refusal, refusal } from './problems.ts';
import { isSameKey, keyFault, mostBits, type WeakKeyFault } from './public-key.ts';

/**
 * All that is taken from a CSR: its key, and the wish for a certificate that wants stapling. Its
 * names must be the order's already.
 */
export interface AcceptedCsr {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly jwk: webcrypto.JsonWebKey;
  readonly rsa: boolean;
  readonly mustStaple: boolean;
}

const largest = 16 * 1024;
/**
 * subjectAltName, basicConstraints, keyUsage, extendedKeyUsage, subjectKeyIdentifier, TLS Feature:
 * those that are understood, critical or not.
 */
const understood = [
  '2.5.29.17',
  '2.5.29.19',
  '2.5.29.15',
  '2.5.29.37',
  '2.5.29.14',
  '1.3.6.1.5.5.7.1.24',
];

/**
 * Looks whether a CSR asks for exactly what was ordered, with a good key that its sender has. RFC
 * 8555 §7.4
 * @param encoded DER in base64url, 16 KiB at most
 * @throws Refusal `badCSR`, `malformed`
 */
export function acceptedCsr(
  encoded: unknown,
  {
    identifiers,
    accountKey,
    weakKeyFault,
  }: {
    readonly identifiers: readonly Identifier[];
    readonly accountKey: PublicJwk;
    readonly weakKeyFault: WeakKeyFault;
  },
): AcceptedCsr {
  const csr = read(encoded);
  checkExtensions(csr);
  checkNames(csr, identifiers);
  const jwk = checkedKey(csr, accountKey, weakKeyFault);
  return {
    publicKey: csr.publicKey,
    jwk,
    rsa: csr.key.asymmetricKeyType === 'rsa',
    mustStaple: csr.mustStaple,
  };
}

function read(encoded: unknown): ReadCsr {
  if (typeof encoded !== 'string' || !/^[\w-]+$/.test(encoded))
    throw refusal('malformed', `the "csr" is DER in base64url, without padding${formOf(encoded)}`);
  if (encoded.length > (largest * 4) / 3) throw badCsr('it is larger than 16 KiB');
  const bytes = Buffer.from(encoded, 'base64url');
  if (isPem(bytes.toString('latin1')))
    throw badCsr('it is PEM: convert it to DER, then to base64url');
  try {
    return readCsr(bytes);
  } catch {
    // The words of the parser would help no client.
    throw badCsr('it cannot be read');
  }
}

/** Returns how a CSR is written that is not base64url, as the end of a sentence. */
function formOf(encoded: unknown): string {
  if (typeof encoded !== 'string') return '';
  if (isPem(encoded)) return ': this is PEM';
  return /^[\w+/\s-]+=*\s*$/.test(encoded) ? ': this is base64' : '';
}

function isPem(text: string): boolean {
  return /^\s*-----BEGIN /.test(text);
}

function checkedKey(
  csr: ReadCsr,
  accountKey: PublicJwk,
  weakKeyFault: WeakKeyFault,
): webcrypto.JsonWebKey {
  const fault = keyFault(csr.key, { mostBits: mostBits.certificate }) ?? weakKeyFault(csr.key);
  if (fault !== undefined) throw badCsr(`its key ${fault}`);
  // A certificate's key is another than the account's, or anyone who gets the one could speak for
  // the other. RFC 8555 §11.1
  const jwk = csr.key.export({ format: 'jwk' });
  if (isSameKey(jwk, accountKey))
    throw badCsr("its key is the account's own: make another for the certificate");
  if (!csr.isSigned())
    throw badCsr('its signature is not of its own key, or of a kind that is not taken here');
  return jwk;
}

function checkExtensions({ extensions, ca }: ReadCsr): void {
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length)
    throw badCsr('it has an extension twice');
  const unknown = extensions.find(({ critical, oid }) => critical && !understood.includes(oid));
  if (unknown)
    throw badCsr(`it has the critical extension ${unknown.oid}, which is not known here`);
  if (ca) throw badCsr("it asks for a CA's certificate");
}

/**
 * The names of subjectAltName, or the common name where there are none, are exactly the order's.
 */
function checkNames(
  { alternativeNames, commonNames }: ReadCsr,
  ordered: readonly Identifier[],
): void {
  if (alternativeNames && alternativeNames.otherNames.length > 0)
    throw badCsr('it has a name that is neither a DNS name nor an IP address');
  const alternatives = (alternativeNames?.identifiers ?? []).map(({ type, value }) =>
    text(type, value),
  );
  if (commonNames.length > 1) throw badCsr('it has more than one common name');
  const common = commonNames.map((value) =>
    text(ipVersion(value) === undefined ? 'dns' : 'ip', value),
  );
  if (alternatives.length > 0 && common.some((name) => !alternatives.includes(name)))
    throw badCsr('its common name is not among its subjectAltName');
  const [asked, wanted] = [
    new Set([...alternatives, ...common]),
    new Set(ordered.map(({ type, value }) => text(type, value))),
  ];
  const extra = [...asked].find((name) => !wanted.has(name));
  if (extra !== undefined) throw badCsr(`it has the name ${quoted(extra)}, which was not ordered`);
  const missing = [...wanted].find((name) => !asked.has(name));
  if (missing !== undefined)
    throw badCsr(`it lacks the name ${quoted(missing)}, which was ordered`);
}

function text(type: string, value: string): string {
  return `${type}:${normalizedIdentifier({ type, value }).value}`;
}

function badCsr(why: string): Refusal {
  return refusal('badCSR', `the CSR is not accepted: ${why}`);
}
