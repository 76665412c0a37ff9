import { Temporal } from 'temporal-polyfill';
import { checkRevocation } from './check-revocation.ts';

/** The members of a case in the format of x509-limbo that concern revocation lists. */
export interface ListCase {
  readonly trusted_certs: readonly string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
  readonly crls: readonly string[];
}

/**
 * Returns whether the lists of a case permit its certificate: those of its issuer must all prove
 * that it is good.
 */
export async function runListCase(entry: ListCase): Promise<boolean> {
  const [anchor = ''] = entry.trusted_certs;
  const [certificate, issuer] = [der(entry.peer_certificate), der(anchor)];
  const at = Temporal.Instant.from(entry.validation_time ?? '2026-11-28T00:00:00Z');
  const results = await Promise.all(
    entry.crls.map((list) =>
      checkRevocation(certificate, issuer, { lists: [der(list)], isOnline: false, at }),
    ),
  );
  const ofIssuer = results.filter(
    (result) => result.status !== 'unknown' || !/another issuer/.test(result.reasons.join()),
  );
  return ofIssuer.every(({ status }) => status === 'good');
}

function der(pem: string): Uint8Array {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}
