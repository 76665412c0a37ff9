import { type Change, records, schemaCheck, type Storage } from '@acmex/storage';
import { reversedName } from './names.ts';
import { certificateId } from './record-fields.ts';
import * as z from 'zod';

/**
 * The certificate that last took a name. The version of this record changes each time: when two
 * processes find no certificate and both add one, the second write fails, and that process finds
 * the first certificate when it searches again.
 */
interface Identity {
  readonly certificate: string;
}

const identities = records<Identity>({
  kind: 'identity',
  version: 1,
  check: schemaCheck(z.looseObject({ certificate: certificateId })),
  under: 'identity',
});

/** The identities of a list of names, as they were read. */
export interface ReadIdentities {
  /** Whether a certificate had one of them. */
  readonly areTaken: boolean;
  /**
   * Returns changes that give them to a certificate, if they have not changed since they were read.
   */
  claim(certificate: string): readonly Change[];
  /** Returns changes that remove those of a certificate. */
  release(certificate: string): readonly Change[];
}

/**
 * Reads the identities of names: of the first name, and of the first name in alphabetical order,
 * which does not depend on their order.
 */
export async function readIdentities(
  storage: Storage,
  names: readonly string[],
): Promise<ReadIdentities> {
  const ids = identityIds(names);
  const stored = await Promise.all(ids.map(async (id) => await identities.read(storage, id)));
  return {
    areTaken: stored.some((identity) => identity !== undefined),
    claim: (certificate) =>
      ids.map((id, index) => {
        const existing = stored[index];
        return existing
          ? identities.changed(existing, { certificate })
          : identities.added(id, { certificate });
      }),
    release: (certificate) =>
      stored
        .filter((identity) => identity !== undefined)
        .filter(({ record }) => record.certificate === certificate)
        .map(({ key, version }) => ({ remove: key, ifVersion: version })),
  };
}

/**
 * Returns changes that give the identities of names to a certificate, whichever certificate has
 * them.
 */
export function claimIdentities(names: readonly string[], certificate: string): readonly Change[] {
  return identityIds(names).map((id) => identities.put(id, { certificate }));
}

function identityIds(names: readonly string[]): readonly string[] {
  const [first = ''] = names;
  const [alphabetical = ''] = [...names].sort();
  return [...new Set([first, alphabetical])].map(reversedName);
}

/** The certificate that a duplicate was joined with. */
const joinedCertificates = records<{ readonly into: string }>({
  kind: 'joined certificate',
  version: 1,
  check: schemaCheck(z.looseObject({ into: certificateId })),
  under: 'joined',
  many: true,
});

export const joinedChanges = (id: string, into: string): readonly Change[] => [
  joinedCertificates.added(id, { into }),
];
export const joinedRemoval = (id: string): Change => ({ remove: joinedCertificates.key(id) });

/** Returns the id of the certificate that a duplicate was joined with. */
export async function joinedInto(storage: Storage, id: string): Promise<string | undefined> {
  return (await joinedCertificates.read(storage, id))?.record.into;
}
