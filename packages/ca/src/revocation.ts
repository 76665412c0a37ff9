import { parseCertificate } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import {
  type RevocationReason,
  revocationReasons,
  subscriberRevocationReasons,
} from '@acmex/protocol';
import { type Change, newId, type Storage, type Stored, untilWritten } from '@acmex/storage';
import { type Answer, empty } from './answer.ts';
import { covering } from './authorization-records.ts';
import {
  type CertificateRecord,
  certificates,
  isLeaf,
  leafOf,
  revocationMark,
  revocations,
} from './certificate-records.ts';
import { blockingKey } from './compromised-keys.ts';
import { CaError } from './errors.ts';
import { listed } from './issued-index.ts';
import { operatorRevocationReasons } from './operator-reasons.ts';
import { refusal } from './problems.ts';
import { isSameKey, keyOfSpki } from './public-key.ts';
import type { Service } from './service.ts';
import { payloadOf, type SignedRequest } from './signed-request.ts';

const subscriberReasons: readonly number[] = subscriberRevocationReasons.map(
  (reason) => revocationReasons[reason],
);

/**
 * Revokes a certificate: for its account, for an account that controls all its names, or for its
 * own key. RFC 8555 §7.6
 */
export async function revokeCert(service: Service, request: SignedRequest): Promise<Answer> {
  const { certificate, reason = 0 } = payloadOf(request);
  if (typeof certificate !== 'string' || !/^[\w-]{1,30000}$/.test(certificate))
    throw refusal('malformed', 'the "certificate" is DER in base64url, without padding');
  const der = Buffer.from(certificate, 'base64url');
  const serialNumber = serialNumberOf(der);
  return await untilWritten(async () => {
    const stored =
      serialNumber === undefined
        ? undefined
        : await certificates.read(service.storage, serialNumber);
    if (!stored || serialNumber === undefined || !isLeaf(stored.record, der))
      throw refusal('malformed', 'this CA has not issued this certificate', { status: 404 });
    if (!(await mayRevoke(service, request, stored.record)))
      throw refusal(
        'unauthorized',
        "neither is this the certificate's account or key, nor does the account control all its names",
      );
    if (typeof reason !== 'number' || !subscriberReasons.includes(reason))
      throw refusal('badRevocationReason', `the reason is none of ${subscriberReasons.join(', ')}`);
    if (stored.record.revoked)
      throw refusal('alreadyRevoked', `the certificate was revoked at ${stored.record.revoked.at}`);
    await service.storage.write(revoking(stored, { serialNumber, reason, clock: service.clock }));
    return empty(200);
  });
}

/** Returns the serial number in lower-case hexadecimal; undefined if `der` is not a certificate. */
function serialNumberOf(der: Uint8Array): string | undefined {
  try {
    const { serialNumber } = parseCertificate(der);
    return /^[0-9a-f]{1,40}$/.test(serialNumber) ? serialNumber : undefined;
  } catch {
    return undefined; // not a certificate, so not one of this CA
  }
}

async function mayRevoke(
  { storage, clock }: Service,
  { account, key }: SignedRequest,
  record: CertificateRecord,
): Promise<boolean> {
  if (!account) {
    const certificateKey = keyOfSpki(leafOf(record).publicKey);
    return certificateKey !== undefined && isSameKey(certificateKey.export({ format: 'jwk' }), key);
  }
  if (account.id === record.account) return true;
  const proofs = await Promise.all(
    record.identifiers.map((name) => covering(storage, account.id, name, { now: clock.now() })),
  );
  return proofs.every((proof) => proof !== undefined);
}

/** The certificate's state, the ledger and its mark change together. */
function revoking(
  stored: Stored<CertificateRecord>,
  {
    serialNumber,
    reason,
    clock,
  }: { readonly serialNumber: string; readonly reason: number; readonly clock: Clock },
): readonly Change[] {
  const at = clock.now().round('second').toString();
  const id = newId('rev', clock);
  const record = { ...stored.record, revoked: { at, reason } };
  return [
    certificates.changed(stored, record),
    listed(serialNumber, record),
    ...(reason === revocationReasons.keyCompromise
      ? [blockingKey(leafOf(stored.record).publicKey, { serialNumber, at })]
      : []),
    revocations.added(id, {
      serialNumber,
      at,
      reason,
      notAfter: stored.record.notAfter,
      generation: stored.record.generation,
    }),
    revocationMark.put('last', { last: id }),
  ];
}

/**
 * Revokes a certificate for the CA's operator, who needs no account.
 * @param serialNumber hexadecimal
 * @throws CaError `ERR_CA_NO_CERTIFICATE`, `ERR_CA_REVOKED`, `ERR_CA_REVOCATION_REASON`
 */
export async function revokeIssued(
  storage: Storage,
  serialNumber: string,
  {
    reason = 'unspecified',
    clock = systemClock,
  }: { readonly reason?: RevocationReason; readonly clock?: Clock } = {},
): Promise<void> {
  const code = revocationReasons[reason];
  if (!operatorRevocationReasons.some((allowed) => allowed === reason))
    throw new CaError(
      'ERR_CA_REVOCATION_REASON',
      `a certificate cannot be revoked for the reason ${JSON.stringify(reason)}: use one of ${operatorRevocationReasons.join(', ')}`,
    );
  const id = serialNumber.toLowerCase().replaceAll(':', '');
  await untilWritten(async () => {
    const stored = /^[0-9a-f]{1,40}$/.test(id) ? await certificates.read(storage, id) : undefined;
    if (!stored)
      throw new CaError(
        'ERR_CA_NO_CERTIFICATE',
        `this CA has issued no certificate with the serial number ${JSON.stringify(serialNumber.slice(0, 80))}`,
      );
    if (stored.record.revoked)
      throw new CaError(
        'ERR_CA_REVOKED',
        `the certificate ${id} was revoked at ${stored.record.revoked.at}`,
      );
    await storage.write(revoking(stored, { serialNumber: id, reason: code, clock }));
  });
}
