import { type Clock, timestamp } from '@acmex/clock';
import { idOf, records, schemaCheck, type Storage, untilWritten } from '@acmex/storage';
import {
  certificates as summaries,
  type CertificateSummary,
  indexChanges,
  type ManagedCertificate,
  summaryChanges,
} from './certificate-record.ts';
import { differences } from './certificate-spec.ts';
import { eventChange } from './events.ts';
import { joinedChanges, joinedInto, readIdentities } from './identity.ts';
import type { JsonObject } from './json.ts';
import type { CertificateStore } from './certificate-store.ts';
import * as z from 'zod';
import { time } from './record-fields.ts';

export interface JoinOptions {
  /**
   * Searches only certificates with exactly these names. By default all certificates are read, once
   * for each storage.
   */
  readonly names?: readonly string[] | undefined;
  /** The ids of certificates that are not joined with others, because each of them is declared. */
  readonly keep?: ReadonlySet<string> | undefined;
  /**
   * Called with each duplicate that could not be joined; it stays as it is. Without it, the error
   * is thrown.
   */
  readonly onError?: ((certificate: string, error: unknown) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A certificate with the duplicates that were joined with it. */
export interface JoinedDuplicates {
  readonly certificate: ManagedCertificate;
  /** The ids of the duplicates. */
  readonly joined: readonly string[];
}

interface Resources {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly certificates: CertificateStore;
  /** Cancels an order, and waits until its challenge responses are removed. */
  readonly endOrder: (order: string, options: Pick<JoinOptions, 'signal'>) => Promise<void>;
}

/** Says that a storage was searched for duplicates. */
const searches = records<{ readonly at: string }>({
  kind: 'search for duplicates',
  version: 1,
  check: schemaCheck(z.looseObject({ at: time })),
  under: 'policy',
});

/** @see Provisioner.joinDuplicates */
export async function joinDuplicates(
  resources: Resources,
  { names, keep = new Set(), onError, signal }: JoinOptions,
): Promise<readonly JoinedDuplicates[]> {
  const { storage, clock, certificates } = resources;
  if (names === undefined && (await searches.read(storage, 'duplicates'))) return [];
  const all = names === undefined ? certificates.list({ signal }) : certificates.withNames(names);
  let failures = 0;
  const joined: JoinedDuplicates[] = [];
  for (const group of await duplicateGroups(all, { keep, clock })) {
    const ids = await joinGroup(resources, {
      ...group,
      signal,
      onError:
        onError &&
        ((id, error) => {
          failures += 1;
          onError(id, error);
        }),
    });
    if (ids.length > 0)
      joined.push({ certificate: await certificates.get(group.survivor.id), joined: ids });
  }
  if (names === undefined && failures === 0)
    await storage.write([searches.put('duplicates', { at: timestamp(clock.now()) })]);
  return joined;
}

interface Group {
  readonly survivor: ManagedCertificate;
  readonly duplicates: readonly ManagedCertificate[];
}

async function duplicateGroups(
  all: AsyncIterable<ManagedCertificate>,
  { keep, clock }: { readonly keep: ReadonlySet<string>; readonly clock: Clock },
): Promise<readonly Group[]> {
  const groups = new Map<string, ManagedCertificate[]>();
  for await (const certificate of all) {
    const key = duplicateKey(certificate);
    groups.set(key, [...(groups.get(key) ?? []), certificate]);
  }
  return [...groups.values()].flatMap((group) => {
    const [survivor, ...duplicates] = group.sort(
      (a, b) => Number(keep.has(b.id)) - Number(keep.has(a.id)) || byNewestGeneration(a, b, clock),
    );
    const joinable = duplicates.filter(({ id }) => !keep.has(id));
    return survivor && joinable.length > 0 ? [{ survivor, duplicates: joinable }] : [];
  });
}

function duplicateKey({
  names,
  issuer,
  keyType,
  secondKeyType,
  key,
  profile,
}: ManagedCertificate): string {
  const keys = [key ?? keyType, ...(secondKeyType === undefined ? [] : [secondKeyType])];
  return JSON.stringify([[...names].sort(), issuer, keys, profile ?? null]);
}

/** Sorts the newest valid generation to the front, then the oldest certificate. */
export function byNewestGeneration(
  a: ManagedCertificate,
  b: ManagedCertificate,
  clock: Pick<Clock, 'now'>,
): number {
  return issuedAt(b, clock) - issuedAt(a, clock) || (a.id < b.id ? -1 : 1);
}

/** Milliseconds since 1970; 0 without a generation that is valid now. */
function issuedAt({ current }: ManagedCertificate, clock: Pick<Clock, 'now'>): number {
  const isValid =
    current !== undefined &&
    current.revokedAt === undefined &&
    Date.parse(current.notAfter) > clock.now().epochMilliseconds;
  return isValid ? Date.parse(current.issuedAt) : 0;
}

/** @returns the ids of those that were joined */
async function joinGroup(
  resources: Resources,
  { survivor, duplicates, onError, signal }: Group & Pick<JoinOptions, 'onError' | 'signal'>,
): Promise<readonly string[]> {
  const joined: string[] = [];
  for (const { id, order } of duplicates) {
    try {
      if (order !== undefined) await resources.endOrder(order, { signal });
      await join(resources, { id, into: survivor.id });
      joined.push(id);
    } catch (error) {
      signal?.throwIfAborted();
      if (!onError) throw error;
      onError(id, error);
    }
  }
  return joined;
}

/** Joins a duplicate with a certificate, in one write. */
async function join(
  { storage, clock, certificates }: Resources,
  { id, into }: { readonly id: string; readonly into: string },
): Promise<void> {
  await untilWritten(async () => {
    const survivor = await certificates.stored(into);
    // Another process has joined the two the other way round, or has joined this one already.
    if (idOf(survivor) === id || (await joinedInto(storage, id)) !== undefined) return;
    const duplicate = await summaries.read(storage, id);
    // A duplicate that was never issued was removed with its order.
    if (!duplicate) {
      await storage.write(joinedChanges(id, into));
      return;
    }
    const { names, issuer } = survivor.record;
    const joined = merged(survivor.record, { id, ...duplicate.record });
    const { labels } = joined;
    const identities = await readIdentities(storage, names);
    await certificates.write([
      ...summaryChanges(into, survivor, joined),
      ...identities.claim(into),
      { remove: duplicate.key, ifVersion: duplicate.version },
      ...indexChanges(id, duplicate.record, undefined),
      ...joinedChanges(id, into),
      { remove: `lock/certificate/${id}` },
      eventChange(
        {
          type: 'certificate_changed',
          certificate: into,
          names,
          issuer,
          labels,
          message: `the duplicate ${id} was joined with this certificate`,
        },
        clock,
      ),
    ]);
  });
}

/** Adds what only the duplicate has to the survivor: places to deploy to, and labels. */
function merged(survivor: CertificateSummary, duplicate: ManagedCertificate): CertificateSummary {
  const { deploy = [] } = survivor;
  const places = (duplicate.deploy ?? []).filter(
    (place) => !deploy.some((existing) => isSamePlace(place, existing)),
  );
  return {
    ...survivor,
    deploy: places.length > 0 ? [...deploy, ...places] : survivor.deploy,
    ...(places.length > 0
      ? {
          deployDeclared: undefined,
          deployed: undefined,
          deployFailure: undefined,
          placed: undefined,
        }
      : {}),
    labels: duplicate.labels ? { ...duplicate.labels, ...survivor.labels } : survivor.labels,
    declared: survivor.declared ?? duplicate.declared,
    joined: [...(survivor.joined ?? []), duplicate.id, ...(duplicate.joined ?? [])],
  };
}

function isSamePlace(place: JsonObject, existing: JsonObject): boolean {
  return differences({ deploy: [place] }, { deploy: [existing] }).length === 0;
}
