import { isIP } from 'node:net';
import { CertificateError, nodeCrypto, parseChain, verifyIssued } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { Bundle } from '@acmex/deploy';

const begin = '-----BEGIN CERTIFICATE-----';

/**
 * What a server gave out, found good: the key belongs to the certificate, that is for exactly these names and valid now, and each
 * certificate is signed by the next.
 * @param text a private key and a chain, PEM
 * @throws CertificateError as `verifyIssued`, and `ERR_KEY_FORMAT` for a key that is none
 */
export async function verifiedBundle(
  text: string,
  { id, names }: Pick<Bundle, 'id' | 'names'>,
  { clock }: { readonly clock: Clock },
): Promise<Bundle> {
  const [privateKey, chain] = parts(text);
  const { publicKey } = await nodeCrypto().import(Buffer.from(privateKey));
  const identifiers = names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }));
  const { leaf, pem } = await verifyIssued(chain, { identifiers, publicKey }, { clock });
  return {
    id,
    names,
    serialNumber: leaf.serialNumber,
    notAfter: leaf.notAfter.toString(),
    chain: pem,
    privateKey,
  };
}

/** What lies in files, where key and certificate belong together; undefined otherwise. */
export async function pairIn(
  privateKey: string,
  chain: string,
  { id, names }: Pick<Bundle, 'id' | 'names'>,
): Promise<Bundle | undefined> {
  try {
    const [leaf] = parseChain(chain);
    const { publicKey } = await nodeCrypto().import(Buffer.from(privateKey));
    return leaf && Buffer.from(leaf.publicKey).equals(publicKey)
      ? {
          id,
          names,
          serialNumber: leaf.serialNumber,
          notAfter: leaf.notAfter.toString(),
          chain,
          privateKey,
        }
      : undefined;
  } catch (error) {
    if (error instanceof CertificateError) return undefined;
    throw error;
  }
}

function parts(text: string): readonly [string, string] {
  const at = text.indexOf(begin);
  if (at < 0)
    throw new CertificateError(
      'ERR_CERTIFICATE_FORMAT',
      "the server's bundle holds no certificate: is it an AcmeX server?",
    );
  return [text.slice(0, at), text.slice(at)];
}
