import { constants, createVerify, type KeyObject, verify } from 'node:crypto';
import { type Algorithm, type CertificateFields, readAlgorithm } from './certificate-fields.ts';
import {
  context,
  type DerValue,
  expectTag,
  explicit,
  members,
  optionalMembers,
  readSmallInteger,
  tags,
} from './der-value.ts';
import type { Fault } from './fault.ts';
import { publicKeyOf } from './public-key.ts';

interface SignatureScheme {
  /** The types of `node:crypto` that sign by it. */
  readonly keyType: readonly string[];
  readonly hash: string | null;
  /** Of RSASSA-PSS. */
  readonly saltLength?: number;
}

const rsa = ['rsa'];
const ec = ['ec'];

/** RFC 3279, RFC 4055, RFC 5758, RFC 8410. MD5, SHA-1 and DSA are not accepted. */
const schemes: Readonly<Record<string, SignatureScheme>> = {
  '1.2.840.113549.1.1.11': { keyType: rsa, hash: 'sha256' },
  '1.2.840.113549.1.1.12': { keyType: rsa, hash: 'sha384' },
  '1.2.840.113549.1.1.13': { keyType: rsa, hash: 'sha512' },
  '1.2.840.10045.4.3.2': { keyType: ec, hash: 'sha256' },
  '1.2.840.10045.4.3.3': { keyType: ec, hash: 'sha384' },
  '1.2.840.10045.4.3.4': { keyType: ec, hash: 'sha512' },
  '1.3.101.112': { keyType: ['ed25519'], hash: null },
  '1.3.101.113': { keyType: ['ed448'], hash: null },
};

const rsassaPss = '1.2.840.113549.1.1.10';
const mgf1 = '1.2.840.113549.1.1.8';
const hashes: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** Something that a key has signed: a certificate, a revocation list or an OCSP response. */
export interface Signed {
  /** The bytes that are signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly signatureAlgorithm: Algorithm;
}

/** Checks that the key of a certificate has signed something. RFC 5280 §6.1.3 (a) (1) */
export function signatureFault(certificate: Signed, issuer: CertificateFields): Fault | undefined {
  const signer = signerOf(certificate.signatureAlgorithm, issuer);
  if ('fault' in signer) return signer.fault;
  return isSigned(certificate, signer.key, signer.scheme) ? undefined : wrongSignature;
}

/** A check of a signature that receives what is signed in pieces. */
export interface SignatureCheck {
  update(bytes: Uint8Array): void;
  /** Returns what is wrong with the signature of all pieces. */
  fault(signature: Uint8Array): Fault | undefined;
}

/**
 * Begins the check that the key of a certificate has signed something large. Ed25519 and Ed448 read
 * all bytes twice, so that they stay in memory until the end.
 */
export function signatureCheck(algorithm: Algorithm, issuer: CertificateFields): SignatureCheck {
  const signer = signerOf(algorithm, issuer);
  if ('fault' in signer) return { update: () => undefined, fault: () => signer.fault };
  const { key, scheme } = signer;
  if (scheme.hash === null) {
    const pieces: Uint8Array[] = [];
    return {
      update: (bytes) => {
        pieces.push(Uint8Array.from(bytes));
      },
      fault: (signature) =>
        isSigned({ signed: Buffer.concat(pieces), signature }, key, scheme)
          ? undefined
          : wrongSignature,
    };
  }
  const verification = createVerify(scheme.hash);
  return {
    update: (bytes) => {
      verification.update(bytes);
    },
    fault: (signature) =>
      isTrue(() => verification.verify(verifyOptions(key, scheme), signature))
        ? undefined
        : wrongSignature,
  };
}

const wrongSignature: Fault = {
  check: 'signature',
  expected: "a signature by the issuer's key",
  actual: 'another one',
};

/** Returns the key that must have signed and how, or why it cannot have signed. */
function signerOf(
  algorithm: Algorithm,
  issuer: CertificateFields,
): { readonly key: KeyObject; readonly scheme: SignatureScheme } | { readonly fault: Fault } {
  const scheme = schemeOf(algorithm);
  const expected = 'a signature with SHA-256, SHA-384, SHA-512, Ed25519 or Ed448';
  if (!scheme) return { fault: { check: 'algorithm', expected, actual: algorithm.identifier } };
  const key = publicKeyOf(issuer);
  if (key && scheme.keyType.includes(key.asymmetricKeyType ?? '')) return { key, scheme };
  return {
    fault: {
      check: 'signature',
      expected: `an issuer's key of the type ${scheme.keyType.join(' or ')}`,
      actual: key?.asymmetricKeyType ?? 'a key that cannot be read',
    },
  };
}

function isSigned(
  { signed, signature }: Pick<Signed, 'signed' | 'signature'>,
  key: KeyObject,
  scheme: SignatureScheme,
): boolean {
  return isTrue(() => verify(scheme.hash, signed, verifyOptions(key, scheme), signature));
}

function verifyOptions(key: KeyObject, { saltLength }: SignatureScheme) {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return { key, dsaEncoding: 'der' as const, ...(saltLength === undefined ? {} : pss) };
}

function isTrue(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    // The signature is not of the form that the key needs.
    return false;
  }
}

function schemeOf({ identifier, parameters }: Algorithm): SignatureScheme | undefined {
  if (identifier !== rsassaPss) return schemeWith(identifier, parameters);
  try {
    return parameters && readPss(parameters);
  } catch {
    // Malformed parameters name no scheme.
    return undefined;
  }
}

/**
 * Returns the scheme of an algorithm unless its parameters are unknown. RFC 4055 §5 asks for NULL,
 * RFC 5758 §3.2 and RFC 8410 §3 for none; OpenSSL accepts NULL but for Ed25519 and Ed448.
 */
function schemeWith(
  identifier: string,
  parameters: DerValue | undefined,
): SignatureScheme | undefined {
  const scheme = schemes[identifier];
  if (parameters === undefined) return scheme;
  return parameters.tag === tags.null && scheme?.hash !== null ? scheme : undefined;
}

/** Reads RSASSA-PSS-params whose hash and mask hash are the same. RFC 4055 §3.1 */
function readPss(parameters: DerValue): SignatureScheme | undefined {
  const [hash, mask, salt, trailer] = optionalMembers(
    members(expectTag(parameters, tags.sequence)),
    ...([0, 1, 2, 3] as const).map((number) => context(number, { constructed: true })),
  );
  if (!hash || !mask || !salt) return undefined;
  if (trailer && readSmallInteger(explicit(trailer)) !== 1) return undefined;
  const maskFunction = readAlgorithm(explicit(mask));
  if (maskFunction.identifier !== mgf1 || !maskFunction.parameters) return undefined;
  const name = hashName(explicit(hash));
  if (name === undefined || name !== hashName(maskFunction.parameters)) return undefined;
  const saltLength = readSmallInteger(explicit(salt));
  return { keyType: ['rsa', 'rsa-pss'], hash: name, saltLength };
}

function hashName(algorithm: DerValue): string | undefined {
  const { identifier, parameters } = readAlgorithm(algorithm);
  return parameters && parameters.tag !== tags.null ? undefined : hashes[identifier];
}
