import { join } from 'node:path';
import type { Programs } from './programs.ts';
import { certificatesIn, isOfSameCa, isSame, type RootCertificate } from './root-certificate.ts';
import { runOrThrow, type Step, type TrustStore } from './trust-store.ts';

const security = '/usr/bin/security';

export interface MacosStoreOptions {
  readonly programs: Programs;
  readonly home: string;
}

/**
 * The login keychain of the user, which Safari, Chrome, Edge, Firefox from 120 on, and curl read.
 * It needs no root: macOS asks the user in a dialog.
 *
 * Its command lines are those of the manual page of `security`. They were tested with a stand-in
 * that accepts nothing else, and were not run on macOS.
 */
export function macosStore({ programs, home }: MacosStoreOptions): TrustStore {
  const keychain = join(home, 'Library/Keychains/login.keychain-db');
  const certificates = async () =>
    certificatesIn(
      await runOrThrow(programs, [security, 'find-certificate', '-a', '-p', keychain]),
    );
  return {
    kind: 'system',
    title: `macOS: ${keychain}`,
    needsRoot: false,
    async inspect(root) {
      const ours = (await certificates()).filter((candidate) => isOfSameCa(candidate, root));
      const isThere = ours.some((candidate) => isSame(candidate, root.certificate));
      // A certificate that is in a keychain is not trusted by that.
      const isTrusted = isThere && (await isVerified(root, programs));
      const policies = ['-p', 'ssl', '-p', 'basic'];
      const options = ['-r', 'trustRoot', ...policies, '-k', keychain];
      const add: Step = {
        kind: 'run',
        command: [security, 'add-trusted-cert', ...options, root.file],
      };
      const remove = ours.map(({ fingerprint }): Step => {
        const hash = fingerprint.replaceAll(':', '');
        // -t also removes the trust of the user in it.
        return {
          kind: 'run',
          command: [security, 'delete-certificate', '-Z', hash, '-t', keychain],
        };
      });
      return {
        state: isTrusted ? 'trusted' : 'absent',
        steps: { add: isTrusted ? [] : [add], remove },
      };
    },
  };
}

async function isVerified({ file }: RootCertificate, programs: Programs): Promise<boolean> {
  const options = ['-c', file, '-p', 'basic', '-l', '-L', '-q'];
  const { end } = await programs.run([security, 'verify-cert', ...options]);
  return end === 0;
}
