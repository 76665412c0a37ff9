import { isIP } from 'node:net';
import {
  CertificateError,
  type CertificateInfo,
  nodeCrypto,
  parseChain,
  verifyIssued,
} from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { Bundle, SecondBundle } from '@acmex/deploy';

type Subject = Pick<Bundle, 'id' | 'names'>;

/**
 * Returns the bundle that a server sent, after it is verified: the key belongs to the certificate,
 * the certificate is valid now for exactly these names, and each certificate of the chain is signed
 * by the next.
 * @param text a private key and a chain, PEM
 * @throws CertificateError as `verifyIssued`, and `ERR_KEY_FORMAT` for an invalid key
 */
export async function verifiedBundle(
  text: string,
  subject: Subject,
  { clock }: { readonly clock: Clock },
): Promise<Bundle> {
  const { privateKey, chain } = splitBundle(text);
  const { publicKey } = await nodeCrypto().import(Buffer.from(privateKey));
  const identifiers = subject.names.map((value) => ({
    type: isIP(value) === 0 ? 'dns' : 'ip',
    value,
  }));
  const { leaf, pem } = await verifyIssued(
    chain,
    { identifiers, publicKey, purposes: ['serverAuth', 'clientAuth'] },
    { clock },
  );
  return bundleOf(subject, { leaf, chain: pem, privateKey });
}

/**
 * Returns the bundle of two files; undefined where the key does not belong to the certificate, or
 * one of the two is invalid.
 */
export async function matchingBundle(
  privateKey: string,
  chain: string,
  subject: Subject,
): Promise<Bundle | undefined> {
  try {
    const [leaf] = parseChain(chain);
    const { publicKey } = await nodeCrypto().import(Buffer.from(privateKey));
    if (!leaf || !Buffer.from(leaf.publicKey).equals(publicKey)) return undefined;
    return bundleOf(subject, { leaf, chain, privateKey });
  } catch (error) {
    if (error instanceof CertificateError) return undefined;
    throw error;
  }
}

/** Returns a bundle as the second of a pair. */
export function secondBundle({ serialNumber, chain, privateKey }: Bundle): SecondBundle {
  const [leaf] = parseChain(chain);
  return {
    algorithm: leaf?.keyType.startsWith('rsa-') ? 'rsa' : 'ec',
    ...{ serialNumber, chain, privateKey: privateKey ?? '' },
  };
}

function bundleOf(
  { id, names }: Subject,
  {
    leaf,
    chain,
    privateKey,
  }: {
    readonly leaf: CertificateInfo;
    readonly chain: string;
    readonly privateKey: string;
  },
): Bundle {
  return {
    id,
    names,
    serialNumber: leaf.serialNumber,
    notAfter: leaf.notAfter.toString(),
    chain,
    privateKey,
  };
}

function splitBundle(text: string): { readonly privateKey: string; readonly chain: string } {
  const at = text.indexOf('-----BEGIN CERTIFICATE-----');
  if (at < 0)
    throw new CertificateError(
      'ERR_CERTIFICATE_FORMAT',
      "the server's bundle contains no certificate: check that the URL is that of an AcmeX server",
    );
  return { privateKey: text.slice(0, at), chain: text.slice(at) };
}
