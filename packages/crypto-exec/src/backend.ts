import { type CryptoBackend, isKeyReference, webcrypto } from '@acmex/certificate';
import { SignerError } from './errors.ts';
import type { Signer } from './signer.ts';
import { openSigningKey } from './signing-key.ts';

export interface SigningBackendOptions {
  /** Signers by the scheme of their references: `pkcs11`, or the name of a program. */
  readonly signers: Readonly<Record<string, Signer>>;
  /** Makes and reads all other keys; WebCrypto by default. */
  readonly base?: CryptoBackend | undefined;
}

/**
 * A backend that opens the references of keys which cannot leave, beside keys as PEM. It generates
 * keys in memory: a key in a device is created with the device's own tools.
 */
export function signingBackend({
  signers,
  base = webcrypto(),
}: SigningBackendOptions): CryptoBackend {
  return {
    ...base,
    name: `${base.name}, ${Object.keys(signers).join(', ')}`,
    async import(pem, passphrase) {
      const text = pem.length > 4096 ? '' : new TextDecoder().decode(pem).trim();
      if (!isKeyReference(text)) return await base.import(pem, passphrase);
      return await openSigningKey(signerFor(text, signers), text);
    },
  };
}

function signerFor(reference: string, signers: SigningBackendOptions['signers']): Signer {
  const scheme = reference.slice(0, reference.indexOf(':')).toLowerCase();
  const signer = Object.hasOwn(signers, scheme) ? signers[scheme] : undefined;
  if (signer) return signer;
  const place = scheme === 'pkcs11' ? '[keys.pkcs11]' : `[keys.programs.${scheme}]`;
  const known = Object.keys(signers);
  throw new SignerError(
    'ERR_SIGNER_REFERENCE',
    `nothing signs with keys of ${scheme}: define it in ${place}${known.length > 0 ? `; known are ${known.join(', ')}` : ''}`,
  );
}
