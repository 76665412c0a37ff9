import type { X509Certificate } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import type { Programs } from './programs.ts';
import {
  certificatesIn,
  hasCertificate,
  isEntryOf,
  isSame,
  type RootCertificate,
} from './root-certificate.ts';
import { runOrThrow, type Step, type TrustStore } from './trust-store.ts';

export interface JavaStoreOptions {
  /** The path of `keytool`. */
  readonly keytool: string;
  /** The path of the keystore. */
  readonly cacerts: string;
  readonly programs: Programs;
}

/** The password that every installation of Java has for it. It protects nothing. */
const password = 'changeit';

/** The trusted roots of an installation of Java: its keystore `cacerts`. */
export async function javaStore({
  keytool,
  cacerts,
  programs,
}: JavaStoreOptions): Promise<TrustStore> {
  const store = ['-keystore', cacerts, '-storepass', password];
  const list = async () =>
    await runOrThrow(programs, [
      ...[keytool, '-J-Duser.language=en'],
      ...['-list', '-rfc', ...store],
    ]);
  const isWritable = await access(cacerts, constants.W_OK).then(
    () => true,
    () => false,
  );
  return {
    kind: 'java',
    title: `Java: ${cacerts}`,
    needsRoot: !isWritable,
    async inspect(root) {
      const text = await list();
      const isTrusted = hasCertificate(text, root);
      const options = ['-noprompt', '-alias', root.entryName, '-file', root.file];
      const add: Step = { kind: 'run', command: [keytool, '-importcert', ...options, ...store] };
      const ours = entriesIn(text).filter((entry) => isOurs(entry, root));
      const remove = ours.map(({ alias }): Step => ({
        kind: 'run',
        command: [keytool, '-delete', '-alias', alias, ...store],
      }));
      return {
        state: isTrusted ? 'trusted' : 'absent',
        steps: { add: isTrusted ? [] : [add], remove },
      };
    },
  };
}

interface Entry {
  readonly alias: string;
  readonly certificate: X509Certificate;
}

/** Reads the output of `keytool -list -rfc`, in English. */
function entriesIn(text: string): readonly Entry[] {
  return text.split(/^Alias name: /m).flatMap((part) => {
    const [alias = ''] = part.split(/\r?\n/, 1);
    const [certificate] = certificatesIn(part);
    return certificate ? [{ alias, certificate }] : [];
  });
}

/** Debian copies each root of the system as `debian:NAME.pem`. */
function isOurs({ alias, certificate }: Entry, root: RootCertificate): boolean {
  const name = alias.replace(/^debian:(.*)\.pem$/, '$1');
  return isSame(certificate, root.certificate) || isEntryOf({ name, certificate }, root);
}
