import { milliseconds } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { type Storage, type Stored, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { Answer } from './answer.ts';
import { revocationMark, revocations } from './certificate-records.ts';
import type { Issuer } from './authority/issuer.ts';
import { storedRootCrl } from './authority/root-crl.ts';
import type { Revoked } from './authority/revocation-list.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';
import { ordinal, recordsOf, time } from './stored.ts';
import type { Urls } from './urls.ts';
import * as z from 'zod';

interface ListRecord {
  readonly number: number;
  /** Times are RFC 3339. */
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  /** The number of parts that it is stored in, since a value of the storage has an end. */
  // eslint-disable-next-line id-denylist -- the name in stored records
  readonly parts: number;
  /** The version of the mark that the ledger had. */
  readonly mark?: string | undefined;
}

/** The latest list of each issuer. */
const lists = recordsOf<ListRecord>(
  'crl',
  z.looseObject({
    number: ordinal,
    thisUpdate: time,
    nextUpdate: time,
    // eslint-disable-next-line id-denylist -- the name in stored records
    parts: ordinal.max(10_000),
    mark: z.string().optional(),
  }),
);
const partLength = 512 * 1024;

/** The first issuer has the names that it had when there was no other. */
function listId(issuer: Pick<Issuer, 'generation'>): string {
  return generationOf(issuer) === 1 ? 'latest' : `latest-${generationOf(issuer)}`;
}

function partKey(issuer: Issuer, number: number, part: number): string {
  const prefix = generationOf(issuer) === 1 ? '' : `${generationOf(issuer)}-`;
  return `ca/crl-part/${prefix}${number}/${part}`;
}

export function generationOf({ generation = 1 }: Pick<Issuer, 'generation'>): number {
  return generation;
}

/** Returns the URLs that a certificate has of its issuer. RFC 5280 §4.2.1.13, §4.2.2.1 */
export function repositoryUrlsOf(
  urls: Urls,
  issuer: Pick<Issuer, 'generation'>,
): { readonly issuerUrl: string; readonly crlUrl: string } {
  const suffix = generationOf(issuer) === 1 ? '' : `/${generationOf(issuer)}`;
  return { issuerUrl: urls.of(`/issuer${suffix}`), crlUrl: urls.of(crlPathOf(issuer)) };
}

/** Returns where the CRL of an issuer is below the URL of the repository: `/crl`, `/crl/2`, … */
export function crlPathOf(issuer: Pick<Issuer, 'generation'>): string {
  return generationOf(issuer) === 1 ? '/crl' : `/crl/${generationOf(issuer)}`;
}

type Parts = Pick<Service, 'storage' | 'clock'> & {
  readonly issuer: Issuer;
  readonly lifetimes: Pick<Service['lifetimes'], 'crl'>;
};

/** The times of a stored list, RFC 3339. */
export interface CrlTimes {
  readonly thisUpdate: string;
  readonly nextUpdate: string;
}

/** Returns the times of the latest stored list of an issuer; undefined if there is none yet. */
export async function storedCrlTimes(
  storage: Storage,
  issuer: Pick<Issuer, 'generation'>,
): Promise<CrlTimes | undefined> {
  const stored = await lists.read(storage, listId(issuer));
  return stored && { thisUpdate: stored.record.thisUpdate, nextUpdate: stored.record.nextUpdate };
}

/** The latest stored list of an issuer, as an operator needs to know it. */
export interface CrlState extends CrlTimes {
  /** Grows with each list. RFC 5280 §5.2.3 */
  readonly number: number;
  /** Whether nothing was revoked since: the next request for the list gets one with the rest. */
  readonly isComplete: boolean;
}

/** Returns the state of the latest stored list of an issuer; undefined if there is none yet. */
export async function storedCrlState(
  storage: Storage,
  issuer: Pick<Issuer, 'generation'>,
): Promise<CrlState | undefined> {
  const stored = await lists.read(storage, listId(issuer));
  if (!stored) return undefined;
  const { number, thisUpdate, nextUpdate, mark } = stored.record;
  return { number, thisUpdate, nextUpdate, isComplete: mark === (await currentMark(storage)) };
}

/** Returns the version of the mark that changes with each revocation. */
async function currentMark(storage: Storage): Promise<string | undefined> {
  return (await revocationMark.read(storage, 'last'))?.version;
}

/**
 * The list of revoked certificates. Made again when a certificate was revoked since, and when half
 * of its life is over. If that fails, `onError` is called and the last one is used while it is
 * valid.
 * @returns DER
 */
export async function currentCrl(
  service: Parts,
  { onError }: { readonly onError: (error: unknown) => void },
): Promise<{ readonly der: Uint8Array; readonly nextUpdate: Temporal.Instant }> {
  const last = await lists.read(service.storage, listId(service.issuer));
  if (last && !(await isStale(service, last.record)))
    return (await stored(service, last.record)) ?? (await renewed(service));
  try {
    return await renewed(service);
  } catch (error) {
    const valid =
      last && Temporal.Instant.compare(last.record.nextUpdate, service.clock.now()) > 0
        ? await stored(service, last.record)
        : undefined;
    if (!valid) throw error;
    onError(error);
    return valid;
  }
}

async function isStale(
  { storage, clock }: Parts,
  { thisUpdate, nextUpdate, mark }: ListRecord,
): Promise<boolean> {
  const [from, to] = [thisUpdate, nextUpdate].map(
    (time) => Temporal.Instant.from(time).epochMilliseconds,
  ) as [number, number];
  return clock.now().epochMilliseconds >= (from + to) / 2 || (await currentMark(storage)) !== mark;
}

async function stored(
  { storage, issuer }: Pick<Parts, 'storage' | 'issuer'>,
  { number, parts: partCount, nextUpdate }: ListRecord,
) {
  const all = await Promise.all(
    Array.from({ length: partCount }, (_, part) => storage.get(partKey(issuer, number, part))),
  );
  const chunks = all.filter((chunk) => chunk !== undefined);
  // Parts of a list that was replaced in between are gone.
  return chunks.length < partCount
    ? undefined
    : {
        der: new Uint8Array(Buffer.concat(chunks.map(({ value }) => value))),
        nextUpdate: Temporal.Instant.from(nextUpdate),
      };
}

/**
 * The next list. Its number grows with each; where two processes make one, the second takes the
 * first's.
 */
async function renewed(service: Parts) {
  const { storage, clock, issuer, lifetimes } = service;
  return await untilWritten(async () => {
    const last = await lists.read(storage, listId(issuer));
    if (last && !(await isStale(service, last.record))) {
      const latest = await stored(service, last.record);
      if (latest) return latest;
    }
    // Read before the ledger: what comes in between makes the list stale, never complete without
    // it.
    const mark = await currentMark(storage);
    const thisUpdate = clock.now().round({ smallestUnit: 'second', roundingMode: 'floor' });
    const nextUpdate = thisUpdate.add({ seconds: Math.round(milliseconds(lifetimes.crl) / 1000) });
    const number = (last?.record.number ?? 0) + 1;
    const der = await issuer.crl({
      number,
      thisUpdate,
      nextUpdate,
      revoked: await revokedNow(storage, issuer, thisUpdate),
    });
    await writeList(service, last, der, {
      number,
      thisUpdate: thisUpdate.toString(),
      nextUpdate: nextUpdate.toString(),
      mark,
    });
    return { der, nextUpdate };
  });
}

async function writeList(
  { storage, issuer }: Pick<Parts, 'storage' | 'issuer'>,
  last: Stored<ListRecord> | undefined,
  der: Uint8Array,
  record: Omit<ListRecord, 'parts'>,
): Promise<void> {
  const partCount = Math.ceil(der.length / partLength);
  // eslint-disable-next-line id-denylist -- the name in stored records
  const next = { ...record, parts: partCount };
  await storage.write([
    last ? lists.changed(last, next) : lists.added(listId(issuer), next),
    ...Array.from({ length: partCount }, (_, part) => ({
      set: partKey(issuer, record.number, part),
      value: der.subarray(part * partLength, (part + 1) * partLength),
    })),
    ...Array.from({ length: last?.record.parts ?? 0 }, (_, part) => ({
      remove: partKey(issuer, last?.record.number ?? 0, part),
    })),
  ]);
}

/**
 * What an issuer has issued that is revoked and would still be valid. A day more than that, so that each is in one list
 * at least. RFC 5280 §3.3
 */
async function revokedNow(
  storage: Storage,
  issuer: Issuer,
  now: Temporal.Instant,
): Promise<readonly Revoked[]> {
  const revoked: Revoked[] = [];
  for await (const {
    record: { generation, serialNumber, at, reason, notAfter },
  } of revocations.list(storage)) {
    if (generationOf({ generation }) !== generationOf(issuer)) continue;
    if (Temporal.Instant.compare(Temporal.Instant.from(notAfter).add({ hours: 24 }), now) > 0)
      revoked.push({ serialNumber, at: Temporal.Instant.from(at), reason });
  }
  return revoked;
}

/** Answers anyone with the list of an issuer. RFC 5280 §4.2.1.13, RFC 2585 §4.2 */
export async function crl(service: Service, { generation }: Generation): Promise<Answer> {
  const issuer = await issuerOfGeneration(service, generation);
  const report = service.background.report('renewal of the CRL');
  const { der } = await currentCrl(
    { ...service, issuer },
    // What loads the CA reports this for each attempt, not for each request.
    { onError: (error) => (isKeyUnavailable(error) ? undefined : report(error)) },
  ).catch((error: unknown) => {
    if (!isKeyUnavailable(error)) throw error;
    throw refusal(
      'serverInternal',
      'the last CRL of this issuer has ended, and its key is not available to sign another',
      { status: 503 },
    );
  });
  return crlAnswer(der);
}

/** Reports whether an issuer could not sign because its key cannot be opened. */
export function isKeyUnavailable(error: unknown): boolean {
  return errorCode(error) === 'ERR_CA_KEY_UNAVAILABLE';
}

/** Answers anyone with the list of the root, where there is one. */
export async function rootCrl({ storage }: Pick<Service, 'storage'>): Promise<Answer> {
  const stored = await storedRootCrl(storage);
  if (!stored) throw refusal('malformed', 'this CA has no list of its root', { status: 404 });
  return crlAnswer(stored.der);
}

function crlAnswer(der: Uint8Array): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/pkix-crl', 'cache-control': 'max-age=300' },
    body: Uint8Array.from(der),
  };
}

/** Answers anyone with the certificate of an issuer. RFC 5280 §4.2.2.1, RFC 2585 §4.1 */
export async function issuerCertificate(
  service: Service,
  { generation }: Generation,
): Promise<Answer> {
  const { certificate } = await issuerOfGeneration(service, generation);
  return {
    status: 200,
    headers: { 'content-type': 'application/pkix-cert', 'cache-control': 'max-age=86400' },
    body: Uint8Array.from(certificate),
  };
}

interface Generation {
  readonly generation?: string | undefined;
}

/** @throws Refusal with 404 */
async function issuerOfGeneration({ issuers }: Service, generation = '1'): Promise<Issuer> {
  const issuer = (await issuers()).all.find(
    (candidate) => generationOf(candidate) === Number(generation),
  );
  if (!issuer)
    throw refusal('malformed', 'this CA has no such issuer, or it has expired', { status: 404 });
  return issuer;
}
