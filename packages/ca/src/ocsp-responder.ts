import { type PrivateKey, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type Storage, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { newSerialNumber } from './authority/authority.ts';
import type { Issuer } from './authority/issuer.ts';
import { generationOf, isKeyUnavailable } from './crl.ts';
import { CaError } from './errors.ts';
import type { Service } from './service.ts';
import { certificate, privateKey, recordsOf, time } from './stored.ts';
import * as z from 'zod';

/** A key that an issuer has certified to sign OCSP responses. RFC 6960 §4.2.2.2 */
export interface OcspResponder {
  /** DER */
  readonly certificate: Uint8Array;
  readonly key: PrivateKey;
  readonly notAfter: Temporal.Instant;
}

interface ResponderRecord {
  /** DER in base64. */
  readonly certificate: string;
  /** PKCS#8 PEM */
  readonly key: string;
  /** Times are RFC 3339. */
  readonly renewAt: string;
  readonly notAfter: string;
}

const responders = recordsOf<ResponderRecord>(
  'ocsp-responder',
  z.looseObject({ certificate, key: privateKey, renewAt: time, notAfter: time }),
  { secret: true },
);
const validity = { hours: 30 * 24 };

/**
 * Returns the responder of an issuer. It is created when there is none, and again after half of its
 * life; processes that share the storage share it. If that fails, it is used until it ends.
 */
export async function currentResponder(
  { storage, clock, background }: Pick<Service, 'storage' | 'clock' | 'background'>,
  issuer: Issuer,
): Promise<OcspResponder> {
  const id = String(generationOf(issuer));
  const record = await untilWritten(async () => {
    const stored = await responders.read(storage, id);
    const now = clock.now();
    if (stored && Temporal.Instant.compare(stored.record.renewAt, now) > 0) return stored.record;
    let created: ResponderRecord;
    try {
      created = await createResponder(issuer, now);
    } catch (error) {
      if (!stored || Temporal.Instant.compare(stored.record.notAfter, now) <= 0) throw error;
      if (!isKeyUnavailable(error)) background.report('renewal of the OCSP responder')(error);
      return stored.record;
    }
    await storage.write([
      stored ? responders.changed(stored, created) : responders.added(id, created),
    ]);
    return created;
  });
  const pem = Buffer.from(record.key, 'latin1');
  try {
    return {
      certificate: Buffer.from(record.certificate, 'base64'),
      key: await webcrypto().import(pem),
      notAfter: Temporal.Instant.from(record.notAfter),
    };
  } finally {
    pem.fill(0);
  }
}

/** Returns when the OCSP responder of an issuer ends, RFC 3339; undefined if there is none. */
export async function storedResponderEnd(
  storage: Storage,
  issuer: Pick<Issuer, 'generation'>,
): Promise<string | undefined> {
  return (await responders.read(storage, String(generationOf(issuer))))?.record.notAfter;
}

async function createResponder(issuer: Issuer, now: Temporal.Instant): Promise<ResponderRecord> {
  if (!issuer.responder)
    throw new CaError(
      'ERR_CA_CERTIFICATE',
      'this issuer cannot certify an OCSP responder: use issuerOf, or add the method responder',
    );
  const key = await webcrypto().generate('ec-p256');
  const notBefore = now.subtract({ hours: 1 });
  const end = notBefore.add(validity);
  const notAfter = Temporal.Instant.compare(end, issuer.notAfter) < 0 ? end : issuer.notAfter;
  const certificate = await issuer.responder({
    serialNumber: newSerialNumber(),
    publicKey: key.publicKey,
    ...{ notBefore, notAfter },
  });
  const pem = await privateKeyPem(key);
  const life = now.until(notAfter).total('seconds');
  try {
    return {
      certificate: Buffer.from(certificate).toString('base64'),
      key: Buffer.from(pem).toString('latin1'),
      renewAt: now.add({ seconds: Math.floor(life / 2) }).toString(),
      notAfter: notAfter.toString(),
    };
  } finally {
    pem.fill(0);
  }
}
