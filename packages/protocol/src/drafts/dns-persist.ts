import { Temporal } from 'temporal-polyfill';
import { parseIssueValue } from '../caa/issue-value.ts';

/**
 * Versions of the draft that are known here. 00 and 01 write the account's URL into the record, 02
 * a digest of it.
 */
export const dnsPersistDrafts = [
  'draft-ietf-acme-dns-persist-00',
  'draft-ietf-acme-dns-persist-01',
  'draft-ietf-acme-dns-persist-02',
] as const;
export type DnsPersistDraft = (typeof dnsPersistDrafts)[number];

/** What a TXT record of dns-persist-01 says: that a CA may issue for an account. */
export interface PersistentRecord {
  readonly issuer: string;
  readonly accountUri: string;
  /** `policy=wildcard`: for wildcards and names below, too. */
  readonly wildcard: boolean;
  /** The last moment at which it proves something; absent: it has no end. */
  readonly persistUntil?: Temporal.Instant | undefined;
}

/** One that names an issuer, and is not as the draft wants it. */
export interface FaultyRecord {
  readonly issuer: string;
  readonly fault: string;
}

export function persistentRecordName(domain: string): string {
  return `_validation-persist.${domain}`;
}

export function persistentRecordValue({
  issuer,
  accountUri,
  wildcard,
  persistUntil,
}: PersistentRecord): string {
  const until = persistUntil && Math.floor(persistUntil.epochMilliseconds / 1000);
  return [
    issuer,
    `accounturi=${accountUri}`,
    ...(wildcard ? ['policy=wildcard'] : []),
    ...(until === undefined ? [] : [`persistUntil=${until}`]),
  ].join('; ');
}

/**
 * Reads a TXT record; `undefined` for what names no issuer, and is for somebody else. Parameters
 * that are not known mean nothing.
 */
export function readPersistentRecord(text: string): PersistentRecord | FaultyRecord | undefined {
  const { issuer = '', parameters = [] } = parseIssueValue(text) ?? {};
  if (issuer === '') return undefined;
  const values = (tag: string) =>
    parameters.filter((parameter) => parameter.tag === tag).map(({ value }) => value);
  const [[accountUri, ...accounts], [policy, ...policies], [until, ...ends]] = [
    values('accounturi'),
    values('policy'),
    values('persistuntil'),
  ];
  if (accounts.length + policies.length + ends.length > 0)
    return { issuer, fault: 'a parameter is there twice' };
  if (accountUri === undefined || accountUri === '')
    return { issuer, fault: 'accounturi is missing' };
  if (until !== undefined && !/^\d+$/.test(until))
    return { issuer, fault: 'persistUntil is not a number of seconds since 1970' };
  return {
    issuer,
    accountUri,
    wildcard: policy?.toLowerCase() === 'wildcard',
    persistUntil: until === undefined ? undefined : momentOf(until),
  };
}

/** A time after the last one that can be represented becomes the last one. */
function momentOf(seconds: string): Temporal.Instant {
  return Temporal.Instant.fromEpochMilliseconds(
    Math.min(Number(seconds), 8_640_000_000_000) * 1000,
  );
}
