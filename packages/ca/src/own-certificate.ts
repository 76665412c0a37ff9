import { type CryptoBackend, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { identifiers as identifiersOf } from '@acmex/protocol';
import { Temporal } from 'temporal-polyfill';
import { newSerialNumber } from './authority/authority.ts';
import type { Issuer } from './authority/issuer.ts';
import { CaError } from './errors.ts';

export interface OwnCertificateOptions {
  readonly issuer: Issuer;
  /** Names and addresses under which clients reach the CA's own server. */
  readonly names: readonly string[];
  /** The server's URL, as `acmeServer` has it: issuer and CRL are found below it. */
  readonly url: string;
  /** A week by default. */
  readonly validity?: DurationInput;
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
}

/** For `https`: a certificate of the CA's server itself. */
export interface OwnCertificate {
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly key: Uint8Array;
  readonly notAfter: Temporal.Instant;
}

/** A TLS certificate for the CA's own server, from the CA itself: whoever trusts the root trusts the server. It stands in no ledger. @throws CaError `ERR_CA_CONSTRAINTS` for a name that it cannot issue for */
export async function ownCertificate({
  issuer,
  names,
  url,
  validity = { hours: 7 * 24 },
  backend = webcrypto(),
  clock = systemClock,
}: OwnCertificateOptions): Promise<OwnCertificate> {
  const identifiers = identifiersOf(names);
  const foreign = identifiers.find((one) => !issuer.permits(one));
  if (foreign)
    throw new CaError(
      'ERR_CA_CONSTRAINTS',
      `this CA cannot issue for ${foreign.value}, under which it is to be reached: give a name within its constraints, or a certificate from elsewhere`,
    );
  const key = await backend.generate('ec-p256');
  const now = clock.now();
  const wanted = now.add(Temporal.Duration.from(validity));
  const notAfter = Temporal.Instant.compare(wanted, issuer.notAfter) < 0 ? wanted : issuer.notAfter;
  const base = url.replace(/\/$/, '');
  const [chain = ''] = await issuer.issue({
    serialNumber: newSerialNumber(),
    identifiers,
    publicKey: key.publicKey,
    rsa: false,
    notBefore: now.subtract({ hours: 1 }),
    notAfter,
    usages: ['serverAuth'],
    mustStaple: false,
    issuerUrl: `${base}/issuer`,
    crlUrl: `${base}/crl`,
  });
  return { chain, key: await privateKeyPem(key), notAfter };
}
