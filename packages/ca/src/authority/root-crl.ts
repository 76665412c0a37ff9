import { type CryptoBackend, parseCertificate, webcrypto } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { type Storage, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { CaError } from '../errors.ts';
import { ordinal, recordsOf, serialNumber, time } from '../stored.ts';
import { issuerOf } from './issuer.ts';
import { storedAuthority, storedCertificates } from './stored-authority.ts';
import * as z from 'zod';

interface RootCrlRecord {
  readonly number: number;
  /** DER in base64. */
  readonly der: string;
  /** Times are RFC 3339. */
  readonly nextUpdate: string;
  readonly revoked: readonly { readonly serialNumber: string; readonly at: string }[];
}

const rootLists = recordsOf<RootCrlRecord>(
  'root-crl',
  z.looseObject({
    number: ordinal,
    der: z.base64(),
    nextUpdate: time,
    revoked: z.array(z.looseObject({ serialNumber, at: time })),
  }),
);
const id = 'latest';

export interface RootCrl {
  /** DER */
  readonly der: Uint8Array;
  readonly nextUpdate: Temporal.Instant;
}

export interface RootCrlRequest {
  /** Private key of the root, as in `createIssuing`. */
  readonly rootKey: Uint8Array;
  /** Of `rootKey`, where that is encrypted. */
  readonly passphrase?: string | undefined;
  /** Serial numbers of issuing certificates to revoke, in hexadecimal; lists are only added to. */
  readonly revoke?: readonly string[];
  /** A year by default; never beyond the root's end. */
  readonly days?: number;
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
}

/**
 * Signs the root's list of revoked issuing certificates, and stores it: servers of the CA serve it
 * at `/crl/root`. The root's key is not stored.
 * @throws CaError `ERR_CA_MISSING`; `ERR_CA_CERTIFICATE` if the key is not that of the root;
 * `ERR_CA_NO_CERTIFICATE` for a serial number of no issuing certificate, `ERR_CA_IN_USE` for the one
 * that issues
 */
export async function renewRootCrl(
  storage: Storage,
  {
    rootKey,
    passphrase,
    revoke = [],
    days = 365,
    backend = webcrypto(),
    clock = systemClock,
  }: RootCrlRequest,
): Promise<RootCrl> {
  const { root } = await storedCertificates(storage);
  const issuer = issuerOf({ chain: root, key: await backend.import(rootKey, passphrase), clock });
  await checkRevocable(storage, revoke);
  return await untilWritten(async () => {
    const stored = await rootLists.read(storage, id);
    const thisUpdate = clock.now().round({ smallestUnit: 'second', roundingMode: 'floor' });
    const end = thisUpdate.add({ hours: days * 24 });
    const nextUpdate = Temporal.Instant.compare(end, issuer.notAfter) < 0 ? end : issuer.notAfter;
    const earlier = stored?.record.revoked ?? [];
    const added = [...new Set(revoke)].filter((serial) =>
      earlier.every(({ serialNumber }) => serialNumber !== serial),
    );
    const revoked = [
      ...earlier,
      ...added.map((serialNumber) => ({ serialNumber, at: thisUpdate.toString() })),
    ];
    const number = (stored?.record.number ?? 0) + 1;
    const der = await issuer.crl({
      number,
      thisUpdate,
      nextUpdate,
      revoked: revoked.map(({ serialNumber, at }) => ({
        serialNumber,
        at: Temporal.Instant.from(at),
      })),
    });
    const record: RootCrlRecord = {
      number,
      der: Buffer.from(der).toString('base64'),
      nextUpdate: nextUpdate.toString(),
      revoked,
    };
    await storage.write([stored ? rootLists.changed(stored, record) : rootLists.added(id, record)]);
    return { der, nextUpdate };
  });
}

/** Returns the root's list that a storage holds; undefined if there is none. */
export async function storedRootCrl(storage: Storage): Promise<RootCrl | undefined> {
  const stored = await rootLists.read(storage, id);
  return (
    stored && {
      der: new Uint8Array(Buffer.from(stored.record.der, 'base64')),
      nextUpdate: Temporal.Instant.from(stored.record.nextUpdate),
    }
  );
}

async function checkRevocable(storage: Storage, serials: readonly string[]): Promise<void> {
  const { issuing = [] } = (await storedAuthority(storage)) ?? {};
  const [present, ...previous] = issuing.map(
    ({ certificate }) => parseCertificate(certificate).serialNumber,
  );
  for (const serial of serials) {
    if (serial === present)
      throw new CaError(
        'ERR_CA_IN_USE',
        `${serial} is the issuing certificate in use: replace it first`,
      );
    if (!previous.includes(serial))
      throw new CaError(
        'ERR_CA_NO_CERTIFICATE',
        `${JSON.stringify(serial.slice(0, 60))} is not the serial number of an issuing certificate of this CA`,
      );
  }
}
