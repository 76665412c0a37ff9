import type { PrivateKey } from '@acmex/certificate';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  CRLNumber,
  CRLReason,
  type CRLReasons,
  Extension,
  id_ce_cRLNumber,
  id_ce_cRLReasons,
  type Name,
  RevokedCertificate,
  TBSCertList,
  Time,
  Version,
} from '@peculiar/asn1-x509';
import type { Temporal } from 'temporal-polyfill';
import { date, signatureAlgorithm, signedList } from './signed.ts';
import { x509 } from './x509.ts';

export interface Revoked {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly at: Temporal.Instant;
  /** RFC 5280 §5.3.1; absent or 0: none is given. */
  readonly reason?: number | undefined;
}

export interface RevocationListContent {
  readonly issuer: Name;
  readonly authorityKeyIdentifier: string;
  readonly number: number;
  readonly thisUpdate: Temporal.Instant;
  readonly nextUpdate: Temporal.Instant;
  readonly revoked: readonly Revoked[];
}

/** A list of revoked certificates. DER. RFC 5280 §5 */
export async function revocationList(
  {
    issuer,
    authorityKeyIdentifier,
    number,
    thisUpdate,
    nextUpdate,
    revoked,
  }: RevocationListContent,
  key: PrivateKey,
): Promise<Uint8Array> {
  const authority = new x509.AuthorityKeyIdentifierExtension(authorityKeyIdentifier);
  return await signedList(
    new TBSCertList({
      version: Version.v2,
      signature: signatureAlgorithm(key.type),
      issuer,
      thisUpdate: new Time(date(thisUpdate)),
      nextUpdate: new Time(date(nextUpdate)),
      // "When there are no revoked certificates, the revoked certificates list MUST be absent." RFC
      // 5280 §5.1.2.6
      ...(revoked.length > 0 ? { revokedCertificates: revoked.map(entry) } : {}),
      crlExtensions: [
        new Extension({
          extnID: authority.type,
          critical: false,
          extnValue: new OctetString(authority.value),
        }),
        new Extension({
          extnID: id_ce_cRLNumber,
          critical: false,
          extnValue: new OctetString(AsnConvert.serialize(new CRLNumber(number))),
        }),
      ],
    }),
    key,
  );
}

function entry({ serialNumber, at, reason = 0 }: Revoked): RevokedCertificate {
  return new RevokedCertificate({
    userCertificate: Uint8Array.from(Buffer.from(serialNumber, 'hex')).buffer,
    revocationDate: new Time(date(at)),
    // The reason "unspecified" SHOULD be absent. RFC 5280 §5.3.1
    ...(reason === 0
      ? {}
      : {
          crlEntryExtensions: [
            new Extension({
              extnID: id_ce_cRLReasons,
              critical: false,
              extnValue: new OctetString(AsnConvert.serialize(new CRLReason(reason as CRLReasons))),
            }),
          ],
        }),
  });
}
