import { type Change, records, type Storage } from '@acmex/storage';
import { reversedName } from './names.ts';

/**
 * The certificate that was last added, or given other names, at a name. Its version changes with it: of two processes that find
 * no certificate there and add one, the second cannot write, and finds the first one's certificate when it searches again.
 */
interface Identity {
  readonly certificate: string;
}

const identities = records<Identity>({ kind: 'identity', version: 1, under: 'identity' });

/** The identities of a list of names as they were read. */
export interface ReadIdentities {
  /** Claims them for a certificate, if they have not changed since they were read. */
  claim(certificate: string): readonly Change[];
  /** Removes those that are the certificate's. */
  release(certificate: string): readonly Change[];
}

/** Reads the identities of names: that of the first, and that of the first in alphabetical order, which all orders of the names share. */
export async function readIdentities(
  storage: Storage,
  names: readonly string[],
): Promise<ReadIdentities> {
  const ids = identityIds(names);
  const stored = await Promise.all(ids.map(async (id) => await identities.read(storage, id)));
  return {
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

/** Claims the identities of names, whoever has them. */
export function claimIdentities(names: readonly string[], certificate: string): readonly Change[] {
  return identityIds(names).map((id) => identities.put(id, { certificate }));
}

function identityIds(names: readonly string[]): readonly string[] {
  const [first = ''] = names;
  const [alphabetical = ''] = [...names].sort();
  return [...new Set([first, alphabetical])].map(reversedName);
}

/** Where a duplicate went that became one with another certificate. */
const joinedCertificates = records<{ readonly into: string }>({
  kind: 'joined certificate',
  version: 1,
  under: 'joined',
  many: true,
});

export const joinedChanges = (id: string, into: string): readonly Change[] => [
  joinedCertificates.put(id, { into }),
];
export const joinedRemoval = (id: string): Change => ({ remove: joinedCertificates.key(id) });

/** Returns the id of the certificate that a duplicate became one with. */
export async function joinedInto(storage: Storage, id: string): Promise<string | undefined> {
  return (await joinedCertificates.read(storage, id))?.record.into;
}
