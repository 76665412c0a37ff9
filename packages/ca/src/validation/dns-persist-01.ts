import type { Clock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import {
  type FaultyRecord,
  type PersistentRecord,
  persistentRecordName,
  readPersistentRecord,
} from '@acmex/protocol/drafts';
import { Temporal } from 'temporal-polyfill';
import type { ValidationResolver } from './resolver.ts';
import { problem, unsupported, type Validation } from './validation.ts';

export interface DnsPersist01Validation {
  /** Without `*.`: a wildcard is proven at the name below it. */
  readonly identifier: Identifier;
  readonly issuers: readonly string[];
  readonly accountUris: readonly string[];
  /** Whether it is for a wildcard, or for the names below. */
  readonly needsPolicy: boolean;
  readonly resolver: ValidationResolver;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks for a record that permits this CA to issue for the account; those of other CAs are passed
 * over. draft-ietf-acme-dns-persist
 * @throws the signal's reason
 */
export async function validateDnsPersist01({
  identifier,
  resolver,
  signal,
  ...wanted
}: DnsPersist01Validation): Promise<Validation> {
  if (identifier.type !== 'dns') return unsupported('dns-persist-01', identifier);
  const name = persistentRecordName(identifier.value);
  try {
    const values = await resolver.txt(name, { signal });
    const records = [{ type: 'look-up', record: 'TXT', name, recordCount: values.length }] as const;
    const ours = values
      .map((value) => readPersistentRecord(value))
      .filter((record) => record !== undefined && wanted.issuers.includes(record.issuer));
    const proofs = ours.filter(
      (our): our is PersistentRecord => our !== undefined && refusalOf(our, wanted) === undefined,
    );
    if (proofs.length > 0) return { valid: true, records, until: latestEnd(proofs) };
    const [first] = ours.flatMap((our) =>
      our === undefined ? [] : (refusalOf(our, wanted) ?? []),
    );
    return first
      ? problem(
          first.type,
          `the TXT record ${name} that names ${wanted.issuers.join(' or ')} proves nothing: ${first.why}`,
          records,
        )
      : problem(
          'unauthorized',
          `no TXT record ${name} names ${wanted.issuers.join(' or ')}`,
          records,
        );
  } catch (error) {
    signal?.throwIfAborted();
    return problem(
      'dns',
      `TXT of ${name}: the look-up failed (${errorCode(error) ?? 'no code'})`,
      [],
      error,
    );
  }
}

function refusalOf(
  record: PersistentRecord | FaultyRecord,
  {
    accountUris,
    needsPolicy,
    clock,
  }: Pick<DnsPersist01Validation, 'accountUris' | 'needsPolicy' | 'clock'>,
): { readonly type: 'malformed' | 'unauthorized'; readonly why: string } | undefined {
  if ('fault' in record) return { type: 'malformed', why: record.fault };
  const { accountUri, wildcard, persistUntil } = record;
  if (!accountUris.includes(accountUri))
    return { type: 'unauthorized', why: "its accounturi is not this account's" };
  if (persistUntil && Temporal.Instant.compare(persistUntil, clock.now()) < 0)
    return { type: 'unauthorized', why: 'its persistUntil has passed' };
  return needsPolicy && !wildcard
    ? { type: 'unauthorized', why: 'it has no policy=wildcard' }
    : undefined;
}

/** None where one of them has none. */
function latestEnd(records: readonly PersistentRecord[]): Temporal.Instant | undefined {
  const ends = records.map(({ persistUntil }) => persistUntil);
  return ends.includes(undefined)
    ? undefined
    : ends
        .filter((end) => end !== undefined)
        .sort(Temporal.Instant.compare)
        .at(-1);
}
