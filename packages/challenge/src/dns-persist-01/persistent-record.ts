import { type Clock, systemClock } from '@acmex/clock';
import {
  findZone,
  followAliases,
  lookUp as ask,
  type LookUp,
  type ServerAnswer,
  serverAnswers,
} from '@acmex/dns';
import { printable } from '@acmex/errors';
import {
  isHashedUri,
  type PersistentRecord as RecordContent,
  persistentRecordName,
  persistentRecordValue,
  readPersistentRecord,
} from '@acmex/protocol/drafts';
import { Temporal } from 'temporal-polyfill';
import { ChallengeError } from '../errors.ts';

/** The record that must exist: by any of the CA's names, for any of the account's. */
export interface WantedRecord {
  readonly domain: string;
  readonly issuers: readonly string[];
  /** The first is the one to write. */
  readonly accountUris: readonly string[];
  readonly accountHashPrefix?: string | undefined;
  /** Whether it has to be for wildcards too. */
  readonly wildcard: boolean;
}

/** The record that exists, as all servers show it. */
export interface PersistentRecord {
  readonly domain: string;
  /** Where it is: the end of its aliases. */
  readonly name: string;
  /**
   * Whether it names the account as it is named today. If not, it may do so by an earlier key,
   * which only the CA can know.
   */
  readonly current: boolean;
  /** The first end that a server shows. */
  readonly persistUntil: Temporal.Instant | undefined;
}

export interface PersistentRecordOptions {
  /** Servers to ask in place of those that answer for the zone: `address` or `address:port`. */
  readonly servers?: readonly string[] | undefined;
  /** Questions about zones and aliases; to the system's resolver by default. */
  readonly lookUp?: LookUp;
  /** Questions to one server; for tests. */
  readonly lookUpAt?: (server: string) => LookUp;
  readonly clock?: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks for the record at every server that answers for its zone, once.
 * @throws ChallengeError `ERR_CHALLENGE_RECORD`, with the record to set, unless all of them show
 * it; DnsError where they cannot be found
 */
export async function findPersistentRecord(
  wanted: WantedRecord,
  {
    servers,
    clock = systemClock,
    lookUp = ask({ clock }),
    lookUpAt,
    signal,
  }: PersistentRecordOptions = {},
): Promise<PersistentRecord> {
  const set = persistentRecordName(wanted.domain);
  const name = await followAliases(set, lookUp, { signal });
  const zone = servers ? name : await findZone(name, { lookUp }, { signal });
  const answers = await serverAnswers(
    { zone, name },
    { servers, clock, lookUp, signal, ...(lookUpAt ? { lookUpAt } : {}) },
  );
  const results = answers.map((answer) => ({
    server: answer.server,
    seen: bestOf(answer, wanted, clock.now()),
  }));
  const faults = results.flatMap(({ server, seen }) =>
    typeof seen === 'string' ? [`${server} ${seen}`] : [],
  );
  if (faults.length > 0)
    throw new ChallengeError(
      'ERR_CHALLENGE_RECORD',
      `the TXT record ${set} is not as it must be: ${faults.join('; ')}. Set it once, to ${valueToSet(wanted)}`,
    );
  const records = results.flatMap(({ seen }) => (typeof seen === 'string' ? [] : [seen]));
  const ends = records
    .flatMap(({ persistUntil }) => persistUntil ?? [])
    .sort(Temporal.Instant.compare);
  return {
    domain: wanted.domain,
    name,
    current: records.every(({ accountUri }) => wanted.accountUris.includes(accountUri)),
    persistUntil: ends[0],
  };
}

/**
 * For a person: the value between quotes, without an end; what a wildcard needs too, which may be
 * the next name of the same order.
 */
function valueToSet({
  domain,
  issuers: [issuer = ''],
  accountUris: [accountUri = ''],
  wildcard,
}: WantedRecord): string {
  return `${JSON.stringify(persistentRecordValue({ issuer, accountUri, wildcard }))}${wildcard ? '' : `, and with "; policy=wildcard" at its end if *.${domain} is wanted too`}`;
}

/**
 * The record that serves longest of those that a server shows; why there is none in words that
 * follow its name.
 */
function bestOf(
  answer: ServerAnswer,
  { issuers, accountUris, accountHashPrefix, wildcard }: WantedRecord,
  now: Temporal.Instant,
): RecordContent | string {
  if ('error' in answer) return `does not answer (${printable(answer.error, 300)})`;
  const offered = answer.values
    .map(readPersistentRecord)
    .filter((record) => record !== undefined)
    .filter(({ issuer }) => issuers.includes(issuer));
  if (offered.length === 0) return `shows none for ${issuers.join(' or ')}`;
  const whole = offered.filter((record): record is RecordContent => !('fault' in record));
  if (whole.length === 0)
    return `shows one that is faulty (${offered.map((record) => ('fault' in record ? record.fault : '')).join('; ')})`;
  const named = whole.filter(({ accountUri }) => accountUris.includes(accountUri));
  const possible = whole.filter(({ accountUri }) => isHashedUri(accountUri, accountHashPrefix));
  const mine = named.length > 0 ? named : possible;
  if (mine.length === 0) return 'shows one for another account';
  const wide = mine.filter((record) => record.wildcard || !wildcard);
  if (wide.length === 0) return 'shows one without policy=wildcard, which a wildcard needs';
  const [best] = wide
    .filter((record) => endOf(record) >= now.epochMilliseconds)
    .sort((a, b) => endOf(b) - endOf(a));
  return (
    best ??
    `shows one whose persistUntil has passed, ${wide.map(({ persistUntil }) => persistUntil).join(', ')}`
  );
}

function endOf({ persistUntil }: RecordContent): number {
  return persistUntil?.epochMilliseconds ?? Infinity;
}
