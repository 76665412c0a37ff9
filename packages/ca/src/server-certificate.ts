import { type CryptoBackend, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { identifiers as identifiersOf } from '@acmex/identifier';
import { Temporal } from 'temporal-polyfill';
import { newSerialNumber } from './authority/authority.ts';
import type { Issuer } from './authority/issuer.ts';
import { repositoryUrlsOf } from './crl.ts';
import { CaError } from './errors.ts';
import { urlsUnder } from './urls.ts';

export interface ServerCertificateOptions {
  readonly issuer: Issuer;
  /** Names and addresses under which clients reach the CA's HTTPS server. */
  readonly names: readonly string[];
  /**
   * The `repositoryUrl` of `acmeServer`, or its `url`. When absent, the certificate has no URLs of
   * its issuer and its CRL.
   */
  readonly repositoryUrl?: string | undefined;
  /** A week by default, and never longer than the issuer is valid. */
  readonly validity?: DurationInput;
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
}

/** A TLS certificate with its key, as `node:https` takes them. */
export interface ServerCertificate {
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly key: Uint8Array;
  readonly notAfter: Temporal.Instant;
}

/**
 * Issues a TLS certificate for the CA's HTTPS server from the CA itself, so that clients that trust
 * the root trust the server; or for another server of the CA's owner. The certificate is not
 * recorded in the storage.
 * @throws CaError `ERR_CA_CONSTRAINTS` for a name that the issuer cannot issue for
 */
export async function serverCertificate({
  validity = { hours: 7 * 24 },
  backend = webcrypto(),
  clock = systemClock,
  ...options
}: ServerCertificateOptions): Promise<ServerCertificate> {
  const { issuer, names, repositoryUrl } = options;
  const identifiers = identifiersOf(names);
  const refused = identifiers.find((identifier) => !issuer.permits(identifier));
  if (refused)
    throw new CaError(
      'ERR_CA_CONSTRAINTS',
      `this CA cannot issue a certificate for ${refused.value}: use a name within its constraints, or a certificate from another CA`,
    );
  const key = await backend.generate('ec-p256');
  const notBefore = clock.now().subtract({ hours: 1 });
  const end = notBefore.add(Temporal.Duration.from(validity)).subtract({ seconds: 1 });
  const notAfter = Temporal.Instant.compare(end, issuer.notAfter) < 0 ? end : issuer.notAfter;
  const [chain = ''] = await issuer.issue({
    serialNumber: newSerialNumber(),
    identifiers,
    publicKey: key.publicKey,
    rsa: false,
    notBefore,
    notAfter,
    usages: ['serverAuth'],
    mustStaple: false,
    ...(repositoryUrl === undefined ? {} : repositoryUrlsOf(urlsUnder(repositoryUrl), issuer)),
  });
  return { chain, key: await privateKeyPem(key), notAfter };
}
