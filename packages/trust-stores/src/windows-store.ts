import type { Programs } from './programs.ts';
import { isOfSameCa, isSame, readable } from './root-certificate.ts';
import { runOrThrow, type Step, type TrustStore } from './trust-store.ts';

export interface WindowsStoreOptions {
  readonly programs: Programs;
  /** The folder of Windows: the variable `SystemRoot`. */
  readonly systemRoot: string;
}

const list =
  'Get-ChildItem Cert:\\CurrentUser\\Root | ForEach-Object { [Convert]::ToBase64String($_.RawData) }';

/**
 * The roots of the user in Windows, which Edge, Chrome, Firefox from 120 on, .NET and curl read. It
 * needs no administrator: Windows asks the user in a dialog.
 *
 * Its command lines are those of the documentation of Microsoft. They were tested with a stand-in
 * that accepts nothing else, and were not run on Windows.
 */
export function windowsStore({ programs, systemRoot }: WindowsStoreOptions): TrustStore {
  const folder = `${systemRoot}\\System32`;
  const certutil = `${folder}\\certutil.exe`;
  const powershell = `${folder}\\WindowsPowerShell\\v1.0\\powershell.exe`;
  // What certutil prints depends on the language of Windows.
  const certificates = async () => {
    const options = ['-NoProfile', '-NonInteractive', '-Command'];
    const text = await runOrThrow(programs, [powershell, ...options, list]);
    const lines = text.split(/\r?\n/).filter((line) => line !== '');
    return readable(lines.map((line) => Buffer.from(line, 'base64')));
  };
  return {
    kind: 'system',
    title: 'Windows: the roots of the user',
    needsRoot: false,
    async inspect(root) {
      const ours = (await certificates()).filter((candidate) => isOfSameCa(candidate, root));
      const isTrusted = ours.some((candidate) => isSame(candidate, root.certificate));
      const add: Step = {
        kind: 'run',
        command: [certutil, '-user', '-addstore', 'Root', root.file],
      };
      const remove = ours.map(({ fingerprint }): Step => ({
        kind: 'run',
        command: [certutil, '-user', '-delstore', 'Root', fingerprint.replaceAll(':', '')],
      }));
      return {
        state: isTrusted ? 'trusted' : 'absent',
        steps: { add: isTrusted ? [] : [add], remove },
      };
    },
  };
}
