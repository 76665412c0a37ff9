import { isKeyReference, type KeyType } from '@acmex/certificate';
import type { CertificateSpec, OrderedSpec } from './certificate-spec.ts';
import type { ChainWithKey, CurrentCertificate, Generation } from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';

/**
 * Returns a certificate as its second key sees it: the second key type takes the place of the first.
 */
export function withKeysSwapped<T extends Pick<OrderedSpec, 'keyType' | 'secondKeyType'>>(
  spec: T,
): T {
  const { keyType, secondKeyType } = spec;
  return secondKeyType === undefined
    ? spec
    : { ...spec, keyType: secondKeyType, secondKeyType: keyType };
}

/** Returns the certificate in use as its second key sees it. */
export function secondOf(current: CurrentCertificate): CurrentCertificate {
  const { second, issuedFor } = current;
  return { ...current, ...second, ...(issuedFor ? { issuedFor: withKeysSwapped(issuedFor) } : {}) };
}

/** Returns the certificates in use: two where there is a second key, else one. */
export function certificatesInUse(current: CurrentCertificate): readonly CurrentCertificate[] {
  return current.second ? [current, secondOf(current)] : [current];
}

/** Returns the chains in use with their keys, in the order of `certificatesInUse`. */
export function chainsInUse(
  generation: ChainWithKey & Pick<Generation, 'second'>,
): readonly ChainWithKey[] {
  return generation.second ? [generation, generation.second] : [generation];
}

/**
 * Makes sure that a certificate can have both of its key types: servers choose between RSA and ECDSA,
 * and a second key is always created.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
 */
export function assertKeyPair({
  keyType,
  secondKeyType,
  key,
}: Partial<Pick<CertificateSpec, 'keyType' | 'secondKeyType' | 'key'>>): void {
  if (secondKeyType === undefined) return;
  if (key !== undefined)
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_INPUT',
      `a certificate with a key in a device${isKeyReference(key) ? ` (${key})` : ''} has no second key type: leave ${secondKeyType} out`,
    );
  if (keyType !== undefined && isRsa(keyType) === isRsa(secondKeyType))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_INPUT',
      `the key types ${keyType} and ${secondKeyType} are of the same kind: use an RSA type and an EC type`,
    );
}

/** Whether keys of a type are RSA keys. */
export function isRsa(keyType: KeyType): boolean {
  return keyType.startsWith('rsa-');
}
