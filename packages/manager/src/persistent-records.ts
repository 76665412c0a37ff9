import { createHash } from 'node:crypto';
import type { StandingRecord } from '@acmex/challenge/dns-persist-01';
import type { ManagedCertificate } from '@acmex/orchestrator';
import { records, type Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { type ChallengeConfig, resolveChallenge } from './challenge-config.ts';

interface SeenRecord {
  readonly name: string;
  readonly current: boolean;
  /** RFC 3339; absent: it has no end. */
  readonly persistUntil?: string | undefined;
}

/** Records of dns-persist-01 as they stood when somebody last looked. */
const seen = records<SeenRecord>({
  kind: 'persistent record',
  version: 1,
  under: 'persistent-record',
});

/** Keeps that a record stands, and how long it will serve, so that nobody has to ask DNS to see its end come. */
export async function keepSeenRecord(
  storage: Storage,
  issuer: string,
  { domain, name, current, persistUntil }: StandingRecord,
): Promise<void> {
  await storage.write([
    seen.put(idOf(issuer, domain), { name, current, persistUntil: persistUntil?.toString() }),
  ]);
}

/** A record that somebody has to set anew. */
export interface EndingRecord {
  readonly name: string;
  /** RFC 3339; absent where it is wrong for another reason. */
  readonly persistUntil: string | undefined;
  readonly ended: boolean;
  /** What is the matter, and what to do, for a person. */
  readonly message: string;
}

/** The records of a certificate that will not serve for its renewals: those that end before it does, and those that name the account by an earlier key. */
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
    /** What holds where the certificate's record says nothing. */
    readonly challenge: ChallengeConfig;
    readonly now: Temporal.Instant;
  },
): Promise<readonly EndingRecord[]> {
  if (resolveChallenge(proof, challenge).challenge !== 'dns-persist-01') return [];
  const domains = [...new Set(names.map((name) => name.toLowerCase().replace(/^\*\./, '')))];
  const found = await Promise.all(
    domains.map(async (domain) => ({
      domain,
      record: (await seen.read(storage, idOf(issuer, domain)))?.record,
    })),
  );
  return found.flatMap(({ domain, record }) =>
    record === undefined
      ? []
      : (matter(domain, record, { notAfter: current?.notAfter, now }) ?? []),
  );
}

function matter(
  domain: string,
  { name, persistUntil, current }: SeenRecord,
  { notAfter, now }: { readonly notAfter: string | undefined; readonly now: Temporal.Instant },
): EndingRecord | undefined {
  const cure = `set it anew, as acmex dns persist ${domain} shows it`;
  const ended = persistUntil !== undefined && Temporal.Instant.compare(persistUntil, now) < 0;
  if (ended)
    return {
      name,
      persistUntil,
      ended,
      message: `the TXT record ${name} has run out at ${persistUntil}: ${cure}`,
    };
  if (
    persistUntil !== undefined &&
    notAfter !== undefined &&
    Temporal.Instant.compare(persistUntil, notAfter) <= 0
  )
    return {
      name,
      persistUntil,
      ended,
      message: `the TXT record ${name} runs out at ${persistUntil}, before the certificate does (${notAfter}): ${cure}`,
    };
  return current
    ? undefined
    : {
        name,
        persistUntil: undefined,
        ended,
        message: `the TXT record ${name} does not name the account by its key of today: ${cure}`,
      };
}

function idOf(issuer: string, domain: string): string {
  return `${issuer}/${createHash('sha256').update(domain).digest('hex')}`;
}
