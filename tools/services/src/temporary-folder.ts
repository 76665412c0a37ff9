import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from './guard.ts';

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** A folder for the files of one test, removed when it is disposed of or when this process ends. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `acmex-${name}-`));
  const abruptEnd = guard('rm -rf -- "$1"', path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      await abruptEnd[Symbol.asyncDispose]();
    },
  };
}
