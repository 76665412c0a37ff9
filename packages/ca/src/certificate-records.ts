import { createHash } from 'node:crypto';
import { parseCertificate } from '@acmex/certificate';
import type { Identifier } from '@acmex/identifier';
import {
  chain,
  id,
  identifier,
  ordinal,
  recordsOf,
  revocationReason,
  serialNumber,
  text,
  time,
} from './stored.ts';
import * as z from 'zod';

export interface CertificateRecord {
  readonly account: string;
  readonly order: string;
  readonly identifiers: readonly Identifier[];
  readonly profile: string;
  /** Generation of its issuer; absent for the first. */
  readonly generation?: number | undefined;
  /** Times are RFC 3339. */
  readonly issuedAt: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** PEM, the leaf first: the usual chain, then the alternates. */
  readonly chains: readonly string[];
  readonly revoked?: { readonly at: string; readonly reason: number } | undefined;
  /** The order that is to replace it. RFC 9773 §5 */
  readonly replacedBy?: string | undefined;
}

/** By serial number, in lower-case hexadecimal. */
export const certificates = recordsOf<CertificateRecord>(
  'certificate',
  z.looseObject({
    account: id,
    order: id,
    identifiers: z.array(identifier),
    profile: text,
    generation: ordinal.optional(),
    issuedAt: time,
    notBefore: time,
    notAfter: time,
    chains: z.array(chain).min(1),
    revoked: z.looseObject({ at: time, reason: revocationReason }).optional(),
    replacedBy: id.optional(),
  }),
);
/** The ledger of revocations, in the order in which they came: only ever added to. */
export const revocations = recordsOf<{
  readonly serialNumber: string;
  readonly at: string;
  readonly reason: number;
  readonly notAfter: string;
  /** As in its certificate. */
  readonly generation?: number | undefined;
}>(
  'revocation',
  z.looseObject({
    serialNumber,
    at: time,
    reason: revocationReason,
    notAfter: time,
    generation: ordinal.optional(),
  }),
);
/** Changes with each revocation, so that a process that made a CRL knows that it is out of date. */
export const revocationMark = recordsOf<{ readonly last: string }>(
  'revocation-mark',
  z.looseObject({ last: z.string() }),
);

/** The leaf of a record, read. */
export function leafOf({ chains }: Pick<CertificateRecord, 'chains'>) {
  return parseCertificate(chains[0] ?? '');
}

/** Whether DER is the leaf of a record, and not one of the same serial number from elsewhere. */
export function isLeaf(record: CertificateRecord, der: Uint8Array): boolean {
  return leafOf(record).fingerprint === createHash('sha256').update(der).digest('hex');
}
