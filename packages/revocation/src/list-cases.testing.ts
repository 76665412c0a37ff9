import { readCertificateFields } from '@acmex/certificate/structure';
import { Temporal } from 'temporal-polyfill';
import { checkRevocation } from './check-revocation.ts';
import { readRevocationList } from './revocation-list.ts';

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
  const { key } = readCertificateFields(certificate).issuer;
  const lists = entry.crls.map(der).filter((list) => readRevocationList(list).issuer.key === key);
  if (lists.length === 0) return true;
  const at = Temporal.Instant.from(entry.validation_time ?? '2026-11-28T00:00:00Z');
  const { status } = await checkRevocation(certificate, issuer, { lists, isOnline: false, at });
  return status === 'good';
}

function der(pem: string): Uint8Array {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}
