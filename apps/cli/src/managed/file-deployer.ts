import type { Deployer } from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import { waitingFile } from '../whole-file.ts';

/** Where `obtain` was told to write: absolute paths. */
export interface FileTarget {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Writes a certificate and its key to where they are used: the key first, each whole or not at all. */
export function fileDeployer(): Deployer {
  return {
    async deploy({ deploy = [], id }, { chain, privateKey }) {
      for (const target of deploy) {
        const { certPath, keyPath } = target;
        if (typeof certPath !== 'string' || typeof keyPath !== 'string') throw new CliError('ERR_CLI_FILE', `${id} goes to a kind of place that this version does not know: update it`);
        await using keyFile = await waitingFile(keyPath, 0o600);
        await using certificateFile = await waitingFile(certPath, 0o644);
        await keyFile.commit(privateKey);
        await certificateFile.commit(chain);
      }
    },
  };
}
