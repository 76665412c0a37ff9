import { errorCode } from '@acmex/errors';
import { type Change, records, schemaCheck, type Storage, type Stored } from '@acmex/storage';
import type { Temporal } from 'temporal-polyfill';
import { alarmAt, type ReportedAlarms } from './alarm-times.ts';
import {
  allIssuers,
  type CertificateSpec,
  certificateSpecSchema,
  orderedDifferences,
  type OrderedSpec,
  orderedSpecSchema,
} from './certificate-spec.ts';
import { expiryOf } from './expiry.ts';
import {
  type FailingName,
  type LeftOutName,
  partlyOrderedShape,
  type TakeBackPlan,
} from './failing-names.ts';
import type { JsonObject } from './json.ts';
import { reversedName } from './names.ts';
import { type ServedPlace, servedPlaceSchema } from './served-place.ts';
import * as z from 'zod';
import {
  certificateId,
  count,
  jsonObject,
  orderId,
  texts,
  time,
  traceparent,
} from './record-fields.ts';

/** A stored failure, or what is waited for, and when it is tried again. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** The CA's problem document, if it sent one. */
  readonly problem?: JsonObject | undefined;
  readonly at: string;
  /** How often it failed in a row; 0 where nothing has failed: see `isWaiting`. */
  readonly failures: number;
  readonly retryAt: string;
}

/** Whether nothing has failed: an order only waits for its time within the limits of its CA. */
export function isWaiting(failure: Pick<Failure, 'failures'> | undefined): boolean {
  return failure?.failures === 0;
}

/** The certificate of the second key, which is in use with the first. Times are RFC 3339. */
export interface SecondCertificate {
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** As those of `CurrentCertificate`. */
  readonly chains: readonly string[];
}

/** The certificate that is in use. Times are RFC 3339. */
export interface CurrentCertificate {
  readonly generation: number;
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly issuedAt: string;
  readonly revokedAt?: string | undefined;
  /** As RFC 5280 §5.3.1 names it: `keyCompromise`. */
  readonly revocationReason?: string | undefined;
  /** What it was issued for; absent in records of version 1 of the schema. */
  readonly issuedFor?: OrderedSpec | undefined;
  /** What was unusual in the chain that the CA sent, as sentences. */
  readonly warnings?: readonly string[] | undefined;
  /**
   * The name of each stored chain (see `chainName`): the one in use, then the CA's alternates. Absent
   * in records that were written before these were stored.
   */
  readonly chains?: readonly string[] | undefined;
  /** The certificate of the second key; absent where `issuedFor` has no second key type. */
  readonly second?: SecondCertificate | undefined;
  /** The names that it lacks, because they were left out. */
  readonly leftOut?: readonly string[] | undefined;
  /** The trace of its order, which its deployment continues. */
  readonly traceparent?: string | undefined;
}

export interface RenewalPlan {
  readonly at: string;
  /** The window that the CA suggests, if it suggests one. */
  readonly window?: { readonly start: string; readonly end: string } | undefined;
  /** The CA's window that is ignored because it begins after the certificate has expired. */
  readonly ignoredWindow?: RenewalPlan['window'];
  readonly explanationUrl?: string | undefined;
  /** When the CA is asked for its window; absent for a CA without this service. */
  readonly askAt?: string | undefined;
  /** `revoked`: the certificate was found revoked. The CA's window then does not move the plan. */
  readonly cause?: 'revoked' | undefined;
}

/** What is known about revocation. */
export interface RevocationPlan {
  /** When to find out whether the certificate is revoked, RFC 3339; absent for never. */
  readonly checkAt?: string | undefined;
  /** How many certificates in a row were found revoked. */
  readonly inRow?: number | undefined;
}

/** A managed certificate as lists show it, without secrets. */
export interface CertificateSummary extends CertificateSpec {
  readonly createdAt: string;
  readonly paused: boolean;
  /**
   * When it was retired, because no configuration declares it any more: it is paused, and is renewed
   * again when it is declared again.
   */
  readonly retiredAt?: string | undefined;
  /**
   * The fallback issuer that renewals go to first, because the issuer before it refused this
   * certificate. Absent where renewals go to `issuer`.
   */
  readonly lineage?: string | undefined;
  /**
   * Whether a configuration declared the places in `deploy`: they then end with its entry for them.
   * Absent for places that were set otherwise, and in records of earlier versions.
   */
  readonly deployDeclared?: boolean | undefined;
  readonly current?: CurrentCertificate | undefined;
  readonly renewal?: RenewalPlan | undefined;
  readonly revocation?: RevocationPlan | undefined;
  /** The names that were not validated since the last certificate, where some may be left out. */
  readonly failingNames?: readonly FailingName[] | undefined;
  /** The names that are not ordered, because they fail again and again. */
  readonly leftOut?: readonly LeftOutName[] | undefined;
  /** When they are ordered again. */
  readonly takeBack?: TakeBackPlan | undefined;
  readonly failure?: Failure | undefined;
  /** The generation that is deployed. */
  readonly deployed?: number | undefined;
  readonly deployFailure?: Failure | undefined;
  /**
   * The generation that is in its files but not confirmed yet, and until when the process that
   * placed it is expected to finish.
   */
  readonly placed?: { readonly generation: number; readonly until: string } | undefined;
  /** The order that is under way. */
  readonly order?: string | undefined;
  readonly orderedAt?: string | undefined;
  /**
   * The order waits for DNS records that a person sets: since when, until when the CA accepts them
   * if it says so, and when they are looked at next.
   */
  readonly awaits?:
    | { readonly since: string; readonly until?: string | undefined; readonly lookAt: string }
    | undefined;
  /** Whether the event of its expiry was written. */
  readonly expiryReported?: boolean | undefined;
  /** The alarms that were reported and are not resolved. */
  readonly alarms?: ReportedAlarms | undefined;
  /** What the servers of `servedAt` served at the last check. */
  readonly served?: readonly ServedPlace[] | undefined;
  /** The ids of duplicates that were joined with it. Their generations are still in the storage. */
  readonly joined?: readonly string[] | undefined;
}

/** The part of `Temporal.Instant` that is compared. */
export type Moment = Pick<Temporal.Instant, 'epochMilliseconds'>;

export type ManagedCertificate = CertificateSummary & { readonly id: string };

/** Chain and key are one value, so that they always match. */
export interface ChainWithKey {
  /** PEM, the leaf first: the chain in use. */
  readonly chain: string;
  /** The CA's other chains of the same certificate, PEM. */
  readonly alternates: readonly string[];
  /** PKCS#8 PEM, or the reference of a key that cannot leave its device. */
  readonly privateKey: string;
}

/** How many generations stay in the storage, the newest. */
export const storedGenerations = 3;

/** One issued certificate, or the two of a pair. */
export interface Generation extends ChainWithKey {
  readonly names: readonly string[];
  readonly order: string;
  /** The certificate of the second key, written with the first. */
  readonly second?: ChainWithKey | undefined;
}

export const chainWithKeyShape = {
  chain: z.string(),
  alternates: texts,
  privateKey: z.string(),
};

/** What a dispatcher needs to order a task without reading the certificate. */
export interface DueEntry {
  readonly issuer: string;
  readonly notBefore?: string | undefined;
  readonly notAfter?: string | undefined;
}

/** What a stored `Failure` looks like. */
export const failureSchema = z.looseObject({
  code: z.string(),
  message: z.string(),
  problem: jsonObject.optional(),
  at: time,
  failures: count,
  retryAt: time,
});
const windowSchema = z.looseObject({ start: time, end: time });
const currentSchema = z.looseObject({
  generation: count,
  serialNumber: z.string(),
  notBefore: time,
  notAfter: time,
  issuedAt: time,
  revokedAt: time.optional(),
  revocationReason: z.string().optional(),
  issuedFor: orderedSpecSchema.optional(),
  warnings: texts.optional(),
  chains: texts.optional(),
  second: z
    .looseObject({ serialNumber: z.string(), notBefore: time, notAfter: time, chains: texts })
    .optional(),
  leftOut: texts.optional(),
  traceparent,
});
const summarySchema = certificateSpecSchema.extend({
  createdAt: time,
  paused: z.boolean(),
  retiredAt: time.optional(),
  lineage: z.string().optional(),
  deployDeclared: z.boolean().optional(),
  current: currentSchema.optional(),
  renewal: z
    .looseObject({
      at: time,
      window: windowSchema.optional(),
      ignoredWindow: windowSchema.optional(),
      explanationUrl: z.string().optional(),
      askAt: time.optional(),
      cause: z.literal('revoked').optional(),
    })
    .optional(),
  revocation: z.looseObject({ checkAt: time.optional(), inRow: count.optional() }).optional(),
  ...partlyOrderedShape,
  failure: failureSchema.optional(),
  deployed: count.optional(),
  deployFailure: failureSchema.optional(),
  placed: z.looseObject({ generation: count, until: time }).optional(),
  order: orderId.optional(),
  orderedAt: time.optional(),
  awaits: z.looseObject({ since: time, until: time.optional(), lookAt: time }).optional(),
  expiryReported: z.boolean().optional(),
  joined: z.array(certificateId).optional(),
  served: z.array(servedPlaceSchema).optional(),
  alarms: z
    .looseObject({ generation: count, expiring: count.optional(), late: time.optional() })
    .optional(),
});

export const certificates = records<CertificateSummary>({
  kind: 'certificate',
  version: 3,
  check: schemaCheck(summarySchema),
  // Version 2 renames `expiredTold`, and adds `current.issuedFor` and `joined`; version 3 adds
  // `current.warnings` and moves the preferred chain out of `proof`. What is added may be absent.
  upgrades: {
    1: ({ expiredTold, ...record }) => ({ ...record, expiryReported: expiredTold }),
    2: withPreferredChain,
  },
  under: 'certificate',
  many: true,
});
/** Moves the preferred chain of version 2, which was part of how names are validated. */
function withPreferredChain(record: Readonly<Record<string, unknown>>) {
  const { proof, current } = record as {
    readonly proof?: JsonObject;
    readonly current?: Pick<CurrentCertificate, 'issuedFor'>;
  };
  if (proof?.preferredChain === undefined) return record;
  const { preferredChain, ...validation } = proof;
  const issuedFor = current?.issuedFor && { ...current.issuedFor, preferredChain };
  return {
    ...record,
    proof: validation,
    preferredChain,
    ...(issuedFor ? { current: { ...current, issuedFor } } : {}),
  };
}

export const generations = records<Generation>({
  kind: 'generation of a certificate',
  version: 2,
  check: schemaCheck(
    z.looseObject({
      names: texts,
      ...chainWithKeyShape,
      order: orderId,
      second: z.looseObject(chainWithKeyShape).optional(),
    }),
  ),
  // Version 2 adds `alternates`.
  upgrades: { 1: (record) => ({ ...record, alternates: [] }) },
  under: 'generation',
  secret: true,
});
export const due = records<DueEntry>({
  kind: 'due entry',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      issuer: z.string(),
      notBefore: time.optional(),
      notAfter: time.optional(),
    }),
  ),
  under: 'due',
});
export const generationId = (id: string, generation: number) =>
  `${id}/${String(generation).padStart(8, '0')}`;

/**
 * Returns a generation; undefined for one that is not stored or is damaged, which must not prevent the
 * renewal that replaces it.
 */
export async function readableGeneration(
  storage: Storage,
  id: string,
  generation: number,
): Promise<Generation | undefined> {
  try {
    return (await generations.read(storage, generationId(id, generation)))?.record;
  } catch (error) {
    if (errorCode(error) === 'ERR_STORAGE_CORRUPT') return undefined;
    throw error;
  }
}

/** Returns when something is due next for a certificate, RFC 3339; undefined for never. */
export function dueAt(summary: CertificateSummary): string | undefined {
  const { paused, order, failure, current, renewal, revocation } = summary;
  const { takeBack } = summary;
  if (paused) return undefined;
  const moments = [
    order === undefined && current ? undefined : orderDueAt(summary),
    isDeployed(summary) ? undefined : deployableAt(summary),
    ...(order === undefined
      ? [
          later(renewal?.at, failure?.retryAt),
          renewal?.askAt,
          current && revocation?.checkAt,
          current && takeBack?.at,
        ]
      : []),
    order === undefined && isOutdated(summary)
      ? (failure?.retryAt ?? current?.issuedAt)
      : undefined,
  ].filter((moment) => moment !== undefined);
  return moments.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}

/** Returns when the order of a certificate, or the first one that it needs, is due, RFC 3339. */
export function orderDueAt({ awaits, failure, orderedAt, createdAt }: CertificateSummary): string {
  return awaits?.lookAt ?? failure?.retryAt ?? wholeSecond(orderedAt ?? createdAt);
}

/** Returns a certificate whose order is due now, even if it waits after a failure or for records. */
export function withOrderDue(summary: CertificateSummary, now: string): CertificateSummary {
  return {
    ...summary,
    failure: summary.failure && { ...summary.failure, retryAt: now },
    awaits: summary.awaits && { ...summary.awaits, lookAt: now },
  };
}

/** What the event of a change says where a certificate is paused or resumed. */
export const pauseMessages = {
  pause: 'it is paused',
  resume: 'it is resumed',
  retire: 'it is retired: the configuration does not declare it any more',
} as const;

/**
 * Returns the issuers that may issue a certificate, in the order in which they are used. The lineage
 * comes first: the issuer that renewals go to, so that the CA knows the certificate that is replaced
 * (RFC 9773 §5). It stays while another issuer is used during an outage.
 */
export function issuersInOrder(
  certificate: Pick<CertificateSummary, 'issuer' | 'fallbackIssuers' | 'lineage'>,
): readonly string[] {
  const all = allIssuers(certificate);
  const first = all.filter((issuer) => issuer === certificate.lineage);
  return [...new Set([...first, ...all])];
}

/** Returns the name of the issuer of the certificate in use, else of the preferred one. */
export function presentIssuer({ issuer, current }: CertificateSummary): string {
  return current?.issuedFor?.issuer ?? issuer;
}

/** Whether the certificate in use was issued for something else than what is wanted now. */
export function isOutdated(summary: CertificateSummary): boolean {
  const { current } = summary;
  return (
    current?.issuedFor !== undefined && orderedDifferences(summary, current.issuedFor).length > 0
  );
}

/**
 * Returns when the certificate in use may be deployed: at once, after a failure, or when another
 * process should have finished.
 */
export function deployableAt({
  current,
  deployFailure,
  placed,
}: CertificateSummary): string | undefined {
  const isPlaced = placed !== undefined && placed.generation === current?.generation;
  return deployFailure?.retryAt ?? (isPlaced ? placed.until : current?.issuedAt);
}

/** Rounds down to a whole second, so that what is wanted now is due now. */
function wholeSecond(at: string): string {
  return new Date(Math.floor(Date.parse(at) / 1000) * 1000).toISOString();
}

/** Whether the certificate in use is deployed, or need not be. */
export function isDeployed({ current, deploy = [], deployed }: CertificateSummary): boolean {
  return current === undefined || deploy.length === 0 || deployed === current.generation;
}

/** Returns the later of two moments; undefined without the first. */
function later(at: string | undefined, notBefore: string | undefined): string | undefined {
  return at !== undefined && notBefore !== undefined && Date.parse(notBefore) > Date.parse(at)
    ? notBefore
    : at;
}

/**
 * Returns `2026-11-23/18/04/59-<id>`, which sorts by time and has few entries in one folder. It
 * rounds up to a second, so that nothing is due too early.
 */
export function momentId(id: string, at: string): string {
  const [day = '', time = ''] = new Date(Math.ceil(Date.parse(at) / 1000) * 1000)
    .toISOString()
    .split('T');
  return `${day}/${time.slice(0, 2)}/${time.slice(3, 5)}/${time.slice(6, 8)}-${id}`;
}

/** Reads time and id from a key of the due index. */
export function readDueKey(key: string): { readonly at: string; readonly id: string } | undefined {
  return key.startsWith('due/') ? readMoment(key) : undefined;
}

/** Reads time and id from a key of the index of alarms. */
export function readAlarmKey(key: string): ReturnType<typeof readDueKey> {
  return key.startsWith('alarm/') ? readMoment(key) : undefined;
}

function readMoment(key: string): ReturnType<typeof readDueKey> {
  const [, day, hour, minute, second, id] =
    /^[a-z]+\/(\d{4}-\d\d-\d\d)\/(\d\d)\/(\d\d)\/(\d\d)-(.+)$/.exec(key) ?? [];
  const at = `${day}T${hour}:${minute}:${second}Z`;
  return id === undefined || !time.safeParse(at).success ? undefined : { at, id };
}

const nothing = new TextEncoder().encode('{"v":1}');
const emptyEntry = (set: string): [string, Change] => [set, { set, value: nothing }];

/**
 * Returns the entry of a certificate in the index of alarms, by its key. The index has this entry or
 * an earlier one.
 */
export function alarmEntry(
  id: string,
  summary: CertificateSummary,
): readonly [key: string, change: Change] | undefined {
  const at = alarmAt(summary);
  return at === undefined ? undefined : emptyEntry(`alarm/${momentId(id, at)}`);
}

/** Whether servers are known that serve the certificate, or were known at the last check. */
function hasServers({ servedAt = [], served = [] }: CertificateSummary): boolean {
  return servedAt.length > 0 || served.length > 0;
}

/**
 * The index entries of a certificate: by its names, its expiry, its failures, when something is due,
 * when an alarm is, and that servers serve it.
 */
function indexOf(id: string, summary: CertificateSummary | undefined): ReadonlyMap<string, Change> {
  if (!summary) return new Map();
  const at = dueAt(summary);
  const alarm = alarmEntry(id, summary);
  const { current, names, issuer } = summary;
  return new Map<string, Change>([
    ...(at === undefined
      ? []
      : [
          [
            due.key(momentId(id, at)),
            due.put(momentId(id, at), {
              issuer,
              notBefore: current?.notBefore,
              notAfter: current && expiryOf(current),
            }),
          ] as const,
        ]),
    ...(current ? [emptyEntry(`by-expiry/${momentId(id, expiryOf(current))}`)] : []),
    ...(summary.failure || summary.deployFailure ? [emptyEntry(`failing/${id}`)] : []),
    ...(alarm ? [alarm] : []),
    ...(hasServers(summary) ? [emptyEntry(`served/${id}`)] : []),
    ...[...new Set(names.map((name) => `by-name/${reversedName(name)}/${id}`))].map(emptyEntry),
  ]);
}

/** Returns the changes of the indexes that a change of the record needs. */
export function indexChanges(
  id: string,
  before: CertificateSummary | undefined,
  after: CertificateSummary | undefined,
): readonly Change[] {
  const [old, next] = [new Map(indexOf(id, before)), new Map(indexOf(id, after))];
  const [oldAlarm, nextAlarm] = [before, after].map(
    (summary) => summary && alarmEntry(id, summary),
  );
  if (oldAlarm && nextAlarm && oldAlarm[0] < nextAlarm[0]) {
    // The scan for alarms moves an entry that comes too early: most changes then write none.
    old.delete(oldAlarm[0]);
    next.delete(nextAlarm[0]);
  }
  return [
    ...[...old.keys()].filter((key) => !next.has(key)).map((remove): Change => ({ remove })),
    ...[...next].filter(([key]) => !old.has(key)).map(([, change]) => change),
  ];
}

/** Returns the change of the record with those of the indexes. */
export function summaryChanges(
  id: string,
  stored: Stored<CertificateSummary> | undefined,
  after: CertificateSummary,
): readonly Change[] {
  return [
    stored ? certificates.changed(stored, after) : certificates.added(id, after),
    ...indexChanges(id, stored?.record, after),
  ];
}

/**
 * Index entries by name in the write of the record, of the hundred changes that a write may have.
 */
const namesInOneWrite = 60;
/** Changes in any other write. */
export const changesInOneWrite = 90;

/**
 * Writes a certificate's record with its indexes. When there are more names than one write takes,
 * index entries are added before the record and removed after it. Readers skip an index entry
 * without a record.
 */
export async function writeWithIndexes(
  write: (changes: readonly Change[]) => Promise<unknown>,
  changes: readonly Change[],
): Promise<void> {
  const byName = changes.filter((change) => indexedName(change) !== undefined);
  const spare = new Set(byName.slice(namesInOneWrite));
  for (const batch of batches([...spare].filter((change) => 'set' in change))) await write(batch);
  await write(changes.filter((change) => !spare.has(change)));
  for (const batch of batches([...spare].filter((change) => 'remove' in change)))
    await write(batch);
}

function indexedName(change: Change): string | undefined {
  if ('check' in change) return undefined;
  const key = 'set' in change ? change.set : change.remove;
  return key.startsWith('by-name/') ? key : undefined;
}

function batches(changes: readonly Change[]): readonly (readonly Change[])[] {
  return Array.from({ length: Math.ceil(changes.length / changesInOneWrite) }, (_, index) =>
    changes.slice(index * changesInOneWrite, (index + 1) * changesInOneWrite),
  );
}

export function isDue(at: string | undefined, now: Moment): boolean {
  return at !== undefined && Date.parse(at) <= now.epochMilliseconds;
}
