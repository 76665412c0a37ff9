import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Programs } from './programs.ts';
import {
  certificatesIn,
  isEntryName,
  isEntryOf,
  isSame,
  type RootCertificate,
} from './root-certificate.ts';
import { exists, runOrThrow, type Step, type TrustStore } from './trust-store.ts';

export interface NssStoreOptions extends Pick<TrustStore, 'kind' | 'title'> {
  /** The folder of `cert9.db`. */
  readonly folder: string;
  readonly programs: Programs;
}

/** An entry of a database: NSS may return several certificates with one subject for it. */
interface Entry {
  readonly name: string;
  readonly isTrusted: boolean;
  readonly certificates: readonly X509Certificate[];
}

/** A database of NSS, as Firefox has one for each profile, and Chrome one for each user on Linux. */
export function nssStore({ kind, title, folder, programs }: NssStoreOptions): TrustStore {
  const database = `sql:${folder}`;
  const isThere = async () => await exists(join(folder, 'cert9.db'));
  return {
    kind,
    title,
    needsRoot: false,
    async inspect(root) {
      if ((await programs.find('certutil')) === undefined)
        return { state: 'not-available', reason: missing };
      const entries = (await isThere()) ? await entriesOf(database, programs) : undefined;
      const isTrusted = entries?.some(
        (entry) => entry.isTrusted && isSame(certificateOf(entry, root), root.certificate),
      );
      const ours = entries?.filter((entry) => isOurs(entry, root)) ?? [];
      const certutil = commandOf(database, root);
      const options = ['-n', root.entryName, '-t', 'C,,', '-i', root.file];
      // -A makes a database that does not exist. -N would wait without end beside another process.
      const create: readonly Step[] = entries ? [] : [{ kind: 'folder', path: folder }];
      const add = [...create, certutil('-A', ...options)];
      return {
        state: isTrusted ? 'trusted' : 'absent',
        steps: {
          add: isTrusted ? [] : add,
          remove: ours.map(({ name }) => certutil('-D', '-n', name)),
        },
      };
    },
  };
}

const missing =
  'certutil of NSS is not installed: libnss3-tools for Debian and Ubuntu, nss-tools for Fedora, mozilla-nss-tools for SUSE, nss for Arch Linux and Homebrew';

function commandOf(database: string, { file }: RootCertificate) {
  const cure = `if it has a primary password, import ${file} in the settings of the browser`;
  return (action: string, ...options: readonly string[]): Step => ({
    kind: 'run',
    command: ['certutil', action, '-d', database, ...options],
    cure,
  });
}

/** Reads the entries that could be ours: those that are trusted, or have one of our names. */
async function entriesOf(database: string, programs: Programs): Promise<readonly Entry[]> {
  const text = await runOrThrow(programs, ['certutil', '-L', '-d', database]);
  const candidates = text.split('\n').flatMap((line) => {
    const [, name = '', trust = ''] =
      /^(.*\S)\s+([a-zA-Z]*),[a-zA-Z]*,[a-zA-Z]*\s*$/.exec(line) ?? [];
    const isTrusted = trust.includes('C');
    return isTrusted || isEntryName(name) ? [{ name, isTrusted }] : [];
  });
  const entries: Entry[] = [];
  for (const candidate of candidates) {
    const command = ['certutil', '-L', '-d', database, '-n', candidate.name, '-a'];
    const certificates = certificatesIn(await runOrThrow(programs, command));
    entries.push({ ...candidate, certificates });
  }
  return entries;
}

/**
 * Returns the certificate that an entry is for: of several, the one that an entry of this name is
 * made for.
 */
function certificateOf(
  { name, certificates }: Entry,
  root: RootCertificate,
): X509Certificate | undefined {
  if (certificates.length === 1) return certificates[0];
  return certificates.find((certificate) => isEntryOf({ name, certificate }, root));
}

function isOurs(entry: Entry, root: RootCertificate): boolean {
  const certificate = certificateOf(entry, root);
  if (!certificate) return false;
  return (
    isSame(certificate, root.certificate) || isEntryOf({ name: entry.name, certificate }, root)
  );
}
