import { parseCertificate } from '@acmex/certificate';
import { type Clock, milliseconds } from '@acmex/clock';
import { permits } from './constraints.ts';
import type { Issuer } from './issuer.ts';
import { x509 } from './x509.ts';

export interface UnopenedIssuerOptions {
  /** PEM; the certificate of the issuer is the first. */
  readonly chain: string;
  readonly generation: number;
  readonly clock: Clock;
  /** Opens the key; its errors are those of the issuer. */
  readonly open: () => Promise<Issuer>;
  /** Why the key could not be opened. */
  readonly failure: unknown;
}

/** A device or a program is not asked for each request. */
const retryAfter = { minutes: 10 };

/**
 * Returns an issuer whose key could not be opened. What needs the key opens it again, ten minutes
 * after the last attempt at the earliest, and rejects with the error of that attempt until then.
 */
export function unopenedIssuer({
  chain,
  generation,
  clock,
  ...key
}: UnopenedIssuerOptions): Issuer {
  const { der, notAfter } = parseCertificate(chain);
  let attempt = { at: clock.now().epochMilliseconds, failure: key.failure };
  let opened: Issuer | undefined;
  const issuer = async (): Promise<Issuer> => {
    if (opened) return opened;
    const now = clock.now().epochMilliseconds;
    if (now < attempt.at + milliseconds(retryAfter)) throw attempt.failure;
    attempt = { ...attempt, at: now };
    try {
      opened = await key.open();
      return opened;
    } catch (failure) {
      attempt = { at: now, failure };
      throw failure;
    }
  };
  return {
    certificate: der,
    generation,
    notAfter,
    permits: permits(new x509.X509Certificate(Uint8Array.from(der))),
    issue: async (issuance, options) => await (await issuer()).issue(issuance, options),
    async responder(issuance) {
      const { responder } = await issuer();
      if (!responder) throw attempt.failure;
      return await responder(issuance);
    },
    crl: async (content, options) => await (await issuer()).crl(content, options),
  };
}
