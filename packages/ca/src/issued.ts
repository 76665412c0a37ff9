import { idOf, type Storage } from '@acmex/storage';
import { type CertificateRecord, certificates } from './certificate-records.ts';

/** A certificate as the operator's lists show it. */
export interface IssuedInfo extends Omit<CertificateRecord, 'chains'> {
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
}

/**
 * All that was issued, in the order of the serial numbers, which is none: read while it is asked
 * for.
 */
export async function* listIssued(storage: Storage): AsyncGenerator<IssuedInfo> {
  for await (const stored of certificates.list(storage)) {
    const {
      account,
      order,
      identifiers,
      profile,
      issuedAt,
      notBefore,
      notAfter,
      revoked,
      replacedBy,
    } = stored.record;
    yield {
      serialNumber: idOf(stored),
      account,
      order,
      identifiers,
      profile,
      issuedAt,
      notBefore,
      notAfter,
      revoked,
      replacedBy,
    };
  }
}
