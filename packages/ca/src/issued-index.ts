import { firstId, idOf, type Change, type Storage, untilWritten } from '@acmex/storage';
import * as z from 'zod';
import { type CertificateRecord, certificates } from './certificate-records.ts';
import { type IssuedInfo, issuedInfo } from './issued.ts';
import {
  id,
  count,
  identifier,
  ordinal,
  recordsOf,
  revocationReason,
  serialNumber,
  text,
  time,
} from './stored.ts';

type ListedRecord = Omit<IssuedInfo, 'replacedBy'>;

/** What was issued, by the time of issuance. Written with each certificate and its revocation. */
const index = recordsOf<ListedRecord>(
  'issued',
  z.looseObject({
    serialNumber,
    account: id,
    order: id,
    identifiers: z.array(identifier),
    profile: text,
    generation: ordinal.optional(),
    issuedAt: time,
    notBefore: time,
    notAfter: time,
    revoked: z.looseObject({ at: time, reason: revocationReason }).optional(),
  }),
  { many: true },
);
/** Exists once the index has everything, also what was issued before there was an index. */
const completion = recordsOf<{
  /** How many were listed when it was made. */
  readonly certificates: number;
}>('issued-index', z.looseObject({ certificates: count }));

/** What the ids of listed certificates begin with, without the `_` behind it. */
export const issuedPrefix = 'iss';
/** A write has 100 changes at most. */
const batchLength = 50;

/** Returns the change that lists a certificate; it belongs in the write that stores the certificate. */
export function listed(serial: string, record: CertificateRecord): Change {
  const { replacedBy: _, ...info } = issuedInfo(serial, record);
  return index.put(listedId(info), info);
}

/** The same for each writing of one certificate: its time, and the end of its serial number. */
function listedId({ issuedAt, serialNumber: serial }: ListedRecord): string {
  return `${firstId(issuedPrefix, Date.parse(issuedAt))}${serial.slice(-16).padStart(16, '0')}`;
}

/** A certificate in the list by time. */
export interface ListedCertificate extends ListedRecord {
  /** Sorts by the time of issuance, as ids of `newId` do. */
  readonly id: string;
}

/**
 * Yields what was issued, the oldest first. Reads as the caller asks for more. In a storage that was
 * used before there was such a list, the first call makes it, which reads all certificates.
 * @param options.after only what has an id behind this one; `firstId('iss', …)` for a moment
 */
export async function* listIssuedByTime(
  storage: Storage,
  {
    after,
    limit,
  }: { readonly after?: string | undefined; readonly limit?: number | undefined } = {},
): AsyncGenerator<ListedCertificate> {
  await completeIndex(storage);
  const start = after === undefined ? {} : { after: index.key(after) };
  for await (const stored of index.list(storage, { ...start, limit }))
    yield { ...stored.record, id: idOf(stored) };
}

/** Returns the change that marks the index of a new CA, which has issued nothing, as complete. */
export function newIndex(): Change {
  return completion.put('all', { certificates: 0 });
}

/** Lists what was issued before there was an index. Repeatable, and safe at several at once. */
async function completeIndex(storage: Storage): Promise<void> {
  if (await completion.read(storage, 'all')) return;
  let [batch, total]: [string[], number] = [[], 0];
  for await (const stored of certificates.list(storage)) {
    batch.push(idOf(stored));
    total += 1;
    if (batch.length < batchLength) continue;
    await listAgain(storage, batch);
    batch = [];
  }
  await listAgain(storage, batch);
  await storage.write([completion.put('all', { certificates: total })]);
}

/** Lists certificates, unless they are revoked meanwhile: then as they are after that. */
async function listAgain(storage: Storage, serials: readonly string[]): Promise<void> {
  await untilWritten(async () => {
    const all = await Promise.all(serials.map((serial) => certificates.read(storage, serial)));
    const changes = all
      .filter((stored) => stored !== undefined)
      .flatMap((stored): readonly Change[] => [
        { check: stored.key, ifVersion: stored.version },
        listed(idOf(stored), stored.record),
      ]);
    if (changes.length > 0) await storage.write(changes);
  });
}

/** A certificate with what was issued, and its chains. */
export interface IssuedCertificate extends IssuedInfo {
  /** PEM, the leaf first: the usual chain, then the alternates. */
  readonly chains: readonly string[];
}

/** Returns a certificate by its serial number, in hexadecimal; undefined if it was not issued. */
export async function readIssued(
  storage: Storage,
  serial: string,
): Promise<IssuedCertificate | undefined> {
  const canonical = serialNumber.safeParse(serial.toLowerCase().replaceAll(':', ''));
  const stored = canonical.success ? await certificates.read(storage, canonical.data) : undefined;
  return stored && { ...issuedInfo(idOf(stored), stored.record), chains: stored.record.chains };
}
