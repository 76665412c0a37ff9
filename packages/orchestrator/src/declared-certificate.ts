import type { Clock } from '@acmex/clock';
import type { ManagedCertificate } from './certificate-record.ts';
import type { CertificateSpec } from './certificate-spec.ts';
import type { CertificateStore } from './certificate-store.ts';
import type { DeclareOptions } from './declaration-plan.ts';
import { byNewestGeneration } from './duplicates.ts';
import { checkedNames } from './names.ts';

/** A spec for which the certificate is searched. */
interface Entry {
  readonly spec: CertificateSpec;
}

/** Which certificate an entry is about. */
export interface Claim {
  /** Absent where one is to be created. */
  readonly certificate: ManagedCertificate | undefined;
  /** The ids of further certificates with the same names, which no entry claims. */
  readonly duplicates: readonly string[];
}

/** From this number of entries on, reading all certificates costs less than looking them up. */
const manyEntries = 50;

type Candidates<T> = ReadonlyMap<T, readonly ManagedCertificate[]>;

/** Finds the certificate that a declaration is about. */
export class DeclaredCertificates {
  readonly #certificates: CertificateStore;
  readonly #clock: Clock;

  constructor({
    certificates,
    clock,
  }: {
    readonly certificates: CertificateStore;
    readonly clock: Clock;
  }) {
    this.#certificates = certificates;
    this.#clock = clock;
  }

  /**
   * Returns the closest certificates first; at the same distance, the one with the newest valid
   * generation.
   */
  async candidates(
    spec: CertificateSpec,
    { identity = 'names', where = () => true }: Pick<DeclareOptions, 'identity' | 'where'> = {},
  ): Promise<readonly ManagedCertificate[]> {
    const closest = this.#closestTo(spec);
    const [first = ''] = checkedNames(spec.names);
    const byFirstName: ManagedCertificate[] = [];
    if (identity === 'first-name') {
      for await (const certificate of this.#certificates.byName(first)) {
        if (certificate.names[0] === first && where(certificate)) byFirstName.push(certificate);
      }
    }
    if (byFirstName.length > 0) return byFirstName.sort(closest);
    const byNames: ManagedCertificate[] = [];
    for await (const certificate of this.#certificates.withNames(spec.names)) {
      if (where(certificate)) byNames.push(certificate);
    }
    return byNames.sort(closest);
  }

  /** Returns what each of several entries is about: a certificate belongs to one of them at most. */
  async claims<T extends Entry>(entries: readonly T[]): Promise<ReadonlyMap<T, Claim>> {
    const candidates = await this.#candidatesOf(entries);
    const claimed = claimsOf(entries, candidates);
    const taken = new Set([...claimed.values()].map(({ id }) => id));
    return new Map(
      entries.map((entry) => {
        const ids = (candidates.get(entry) ?? []).map(({ id }) => id);
        const duplicates = ids.filter((id) => !taken.has(id));
        return [entry, { certificate: claimed.get(entry), duplicates }];
      }),
    );
  }

  /**
   * Returns the certificates with the names of each entry. For many entries, all certificates are
   * read once; but if one of them is damaged, those of each entry are looked up, so that it is in
   * the way of its own entry only.
   */
  async #candidatesOf<T extends Entry>(entries: readonly T[]): Promise<Candidates<T>> {
    const all = entries.length < manyEntries ? undefined : await this.#byNames();
    const candidates = new Map<T, readonly ManagedCertificate[]>();
    for (const entry of entries)
      candidates.set(
        entry,
        all
          ? [...(all.get(namesKey(checkedNames(entry.spec.names))) ?? [])].sort(
              this.#closestTo(entry.spec),
            )
          : await this.candidates(entry.spec),
      );
    return candidates;
  }

  /** Returns all certificates by their names; undefined where one of them is damaged. */
  async #byNames(): Promise<ReadonlyMap<string, readonly ManagedCertificate[]> | undefined> {
    const all = new Map<string, ManagedCertificate[]>();
    let isDamaged = false;
    const onCorrupt = () => {
      isDamaged = true;
    };
    for await (const certificate of this.#certificates.list({ onCorrupt })) {
      const key = namesKey(certificate.names);
      const same = all.get(key);
      if (same) same.push(certificate);
      else all.set(key, [certificate]);
    }
    return isDamaged ? undefined : all;
  }

  #closestTo(spec: CertificateSpec) {
    return (a: ManagedCertificate, b: ManagedCertificate) =>
      distanceOf(spec, a) - distanceOf(spec, b) || byNewestGeneration(a, b, this.#clock);
  }
}

/**
 * Returns the certificate of each entry. When several entries have the same names, the closest pairs
 * are matched first.
 */
function claimsOf<T extends Entry>(
  entries: readonly T[],
  candidates: Candidates<T>,
): ReadonlyMap<T, ManagedCertificate> {
  const pairs = entries.flatMap((entry) =>
    (candidates.get(entry) ?? []).map((certificate) => ({
      entry,
      certificate,
      distance: distanceOf(entry.spec, certificate),
    })),
  );
  const claims = new Map<T, ManagedCertificate>();
  const taken = new Set<string>();
  for (const { entry, certificate } of pairs.sort((a, b) => a.distance - b.distance)) {
    if (claims.has(entry) || taken.has(certificate.id)) continue;
    claims.set(entry, certificate);
    taken.add(certificate.id);
  }
  return claims;
}

/** The same for the same names in any order. */
function namesKey(names: readonly string[]): string {
  return JSON.stringify([...names].sort());
}

/** Returns 0 when CA and key, or its type, are the same, 1 when only the CA is, else 2. */
function distanceOf(spec: CertificateSpec, certificate: CertificateSpec): 0 | 1 | 2 {
  if (certificate.issuer !== spec.issuer) return 2;
  const isSameKey = certificate.key === spec.key;
  const isSameType =
    certificate.keyType === spec.keyType && certificate.secondKeyType === spec.secondKeyType;
  return isSameKey && (spec.key !== undefined || isSameType) ? 0 : 1;
}
