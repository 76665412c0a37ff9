import type { CertificateCensus, CountedCertificate } from '@acmex/observability';
import { type Caller, maySee } from '../access/caller.ts';

/** Returns what is counted of the certificates that a caller may see: no storage is read for it. */
export async function countedFor(
  census: Pick<CertificateCensus, 'tally'>,
  caller: Caller,
): Promise<Iterable<CountedCertificate>> {
  const { certificates } = await census.tally(caller.tenant.name);
  return caller.names.includes('*') ? certificates.values() : seenBy(caller, certificates.values());
}

function* seenBy(
  caller: Caller,
  certificates: Iterable<CountedCertificate>,
): Generator<CountedCertificate> {
  for (const certificate of certificates) {
    const { domain, furtherNames } = certificate;
    if (maySee(caller, [domain, ...furtherNames])) yield certificate;
  }
}
