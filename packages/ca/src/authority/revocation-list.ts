import { type PrivateKey, signatureAlgorithmDer } from '@acmex/certificate';
import { der, positiveInteger, tags } from '@acmex/certificate/structure';
import type { Temporal } from 'temporal-polyfill';
import { explicit, extensionDer, serialNumberDer, signed, time } from './signed.ts';
import { x509 } from './x509.ts';

export interface Revoked {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly at: Temporal.Instant;
  /** RFC 5280 §5.3.1; absent or 0: none is given. */
  readonly reason?: number | undefined;
}

export interface RevocationListContent {
  /** Name, DER. */
  readonly issuer: Uint8Array;
  readonly authorityKeyIdentifier: string;
  readonly number: number;
  readonly thisUpdate: Temporal.Instant;
  readonly nextUpdate: Temporal.Instant;
  readonly revoked: readonly Revoked[];
}

const version2 = der(tags.integer, Uint8Array.of(1));
const cRLNumber = '2.5.29.20';
const reasonCode = '2.5.29.21';

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
  const extensions = [
    new x509.AuthorityKeyIdentifierExtension(authorityKeyIdentifier),
    { type: cRLNumber, critical: false, value: numberDer(number) },
  ];
  return await signed(
    der(
      tags.sequence,
      version2,
      signatureAlgorithmDer(key.type),
      issuer,
      time(thisUpdate),
      time(nextUpdate),
      // "When there are no revoked certificates, the revoked certificates list MUST be absent." RFC
      // 5280 §5.1.2.6
      ...(revoked.length > 0 ? [der(tags.sequence, Buffer.concat(revoked.map(entry)))] : []),
      explicit(0, der(tags.sequence, ...extensions.map(extensionDer))),
    ),
    key,
  );
}

function numberDer(number: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return positiveInteger(bytes);
}

function entry({ serialNumber, at, reason = 0 }: Revoked): Uint8Array {
  return der(
    tags.sequence,
    serialNumberDer(serialNumber),
    time(at),
    // The reason "unspecified" SHOULD be absent. RFC 5280 §5.3.1
    ...(reason === 0 ? [] : [der(tags.sequence, reasonExtension(reason))]),
  );
}

function reasonExtension(reason: number): Uint8Array {
  const value = der(tags.enumerated, Uint8Array.of(reason));
  return extensionDer({ type: reasonCode, critical: false, value });
}
