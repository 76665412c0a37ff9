import { createHash } from 'node:crypto';
import type { PersistentRecord } from '@acmex/challenge/dns-persist-01';
import type { ManagedCertificate } from '@acmex/orchestrator';
import { records, schemaCheck, type Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { type ChallengeConfig, resolveChallenge } from './challenge-config.ts';
import * as z from 'zod';

interface SeenRecord {
  readonly name: string;
  readonly current: boolean;
  /** RFC 3339; absent where the record does not expire. */
  readonly persistUntil?: string | undefined;
}

/** The dns-persist-01 records as they were when they were last looked up. */
const seen = records<SeenRecord>({
  kind: 'persistent record',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      name: z.string(),
      current: z.boolean(),
      persistUntil: z.iso.datetime({ offset: true }).optional(),
    }),
  ),
  under: 'persistent-record',
});

/**
 * Stores that a record exists and when it expires, so that its end is known without a DNS query.
 */
export async function keepSeenRecord(
  storage: Storage,
  issuer: string,
  { domain, name, current, persistUntil }: PersistentRecord,
): Promise<void> {
  await storage.write([
    seen.put(idOf(issuer, domain), { name, current, persistUntil: persistUntil?.toString() }),
  ]);
}

/** A record that must be replaced. */
export interface EndingRecord {
  readonly name: string;
  /** RFC 3339; absent where the record is wrong for a different reason. */
  readonly persistUntil: string | undefined;
  readonly hasExpired: boolean;
  /** The problem and its cure, for a person. */
  readonly message: string;
}

/**
 * Returns the records that will not serve for a certificate's renewals: those that expire before it
 * does, and those that name an earlier account key.
 */
export async function endingRecords(
  {
    issuer,
    names,
    proof,
    current,
  }: Pick<ManagedCertificate, 'issuer' | 'names' | 'proof' | 'current'>,
  {
    storage,
    challenge,
    now,
  }: {
    readonly storage: Storage;
    /** Used where the certificate's record says nothing. */
    readonly challenge: ChallengeConfig;
    readonly now: Temporal.Instant;
  },
): Promise<readonly EndingRecord[]> {
  if (resolveChallenge(proof, challenge).challenge !== 'dns-persist-01') return [];
  const domains = [...new Set(names.map((name) => name.toLowerCase().replace(/^\*\./, '')))];
  const stored = await Promise.all(
    domains.map(async (domain) => ({
      domain,
      record: (await seen.read(storage, idOf(issuer, domain)))?.record,
    })),
  );
  return stored.flatMap(({ domain, record }) =>
    record === undefined
      ? []
      : (problemOf(domain, record, { notAfter: current?.notAfter, now }) ?? []),
  );
}

function problemOf(
  domain: string,
  { name, persistUntil, current }: SeenRecord,
  { notAfter, now }: { readonly notAfter: string | undefined; readonly now: Temporal.Instant },
): EndingRecord | undefined {
  const cure = `set it again as "acmex dns persist ${domain}" prints it`;
  const hasExpired = persistUntil !== undefined && Temporal.Instant.compare(persistUntil, now) < 0;
  if (hasExpired)
    return {
      name,
      persistUntil,
      hasExpired,
      message: `the TXT record ${name} expired at ${persistUntil}: ${cure}`,
    };
  if (
    persistUntil !== undefined &&
    notAfter !== undefined &&
    Temporal.Instant.compare(persistUntil, notAfter) <= 0
  )
    return {
      name,
      persistUntil,
      hasExpired,
      message: `the TXT record ${name} expires at ${persistUntil}, before the certificate does (${notAfter}): ${cure}`,
    };
  return current
    ? undefined
    : {
        name,
        persistUntil: undefined,
        hasExpired,
        message: `the TXT record ${name} does not name the account's current key: ${cure}`,
      };
}

function idOf(issuer: string, domain: string): string {
  return `${issuer}/${createHash('sha256').update(domain).digest('hex')}`;
}
