import { readTrustedFile, removeTrustedFile, type ReservedFile, reserveFile } from '@acmex/files';
import { assertAbsolute } from './deploy-files.ts';
import type { FilePlace, PlacedFile } from './files-target.ts';
import { fileAttributes, type Permissions } from './permissions.ts';
import { writeFailure } from './write-failure.ts';

/**
 * Returns the files of this machine as a place of `filesTarget`. A link at a path is followed where
 * no one but root and the current user can have made it.
 *
 * Its methods throw DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_TARGET` and `ERR_DEPLOY_UNSAFE`.
 */
export function localFiles(permissions: Permissions = {}): FilePlace {
  return {
    read: async (path) => await attempt(path, async () => await readTrustedFile(path)),
    async replace(files) {
      const attributes = await fileAttributes(permissions);
      const reserved: { readonly path: string; readonly file: ReservedFile }[] = [];
      const reserve = async ({ path, content, hasKey }: PlacedFile) => {
        const file = await reserveFile(path, hasKey ? attributes.key : attributes.certificate);
        reserved.push({ path, file });
        await file.append(content);
      };
      try {
        for (const file of files) await attempt(file.path, async () => await reserve(file));
        for (const { path, file } of reserved) await attempt(path, async () => await file.commit());
      } finally {
        for (const { file } of reserved) await file[Symbol.asyncDispose]();
      }
    },
    remove: async (path) => await attempt(path, async () => await removeTrustedFile(path)),
    async [Symbol.asyncDispose]() {
      // It has nothing open between two calls.
    },
  };
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    assertAbsolute(path);
    return await work();
  } catch (error) {
    throw writeFailure(path, error);
  }
}
