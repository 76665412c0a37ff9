import { isAbsolute } from 'node:path';
import { replaceFile } from '@acmex/files';
import type { Bundle } from './bundle.ts';
import { certificateFiles, type FilePaths } from './certificate-files.ts';
import { type Deployed, deployToDirectory, type DirectoryTarget } from './directory.ts';
import { DeployError } from './errors.ts';
import { deployFormat, type FormatTarget, type PassphraseSources } from './format.ts';
import { fileAttributes, type Permissions } from './permissions.ts';
import { writeFailure } from './write-failure.ts';

/** Single files, each at the path where a server reads it. Absolute paths. */
export interface FileTarget extends FilePaths, Permissions {}

export type Target = FileTarget | DirectoryTarget | FormatTarget;

/**
 * Writes a certificate and its key to files; of a key that cannot leave its device, the certificate. Nothing changes if they are there already. In a
 * directory, certificate and key change in one step; of single files the key is written first, each
 * file whole.
 *
 * Links are followed where no one but root and the current user can have made them; see
 * `@acmex/files`.
 *
 * @param sources where the passphrase of a format is
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_TARGET`, `ERR_DEPLOY_UNSAFE`
 */
export async function deployFiles(
  target: Target,
  bundle: Bundle,
  sources: PassphraseSources = {},
): Promise<Deployed> {
  const attributes = await fileAttributes(target);
  if ('format' in target) {
    assertAbsolute(target.path);
    return await deployFormat(target, bundle, { attributes, sources });
  }
  if (!('directory' in target)) return await deployToFiles(target, bundle, attributes);
  assertAbsolute(target.directory);
  return await deployToDirectory(target, bundle, attributes);
}

async function deployToFiles(
  target: FileTarget,
  bundle: Bundle,
  attributes: Awaited<ReturnType<typeof fileAttributes>>,
): Promise<Deployed> {
  let changed = false;
  for (const { path, content, hasKey } of certificateFiles(target, bundle)) {
    assertAbsolute(path);
    try {
      if (await replaceFile(path, content, hasKey ? attributes.key : attributes.certificate))
        changed = true;
    } catch (error) {
      throw writeFailure(path, error);
    }
  }
  const { certPath, keyPath, combinedPath } = target;
  return {
    changed,
    paths: {
      fullchain: certPath ?? combinedPath,
      privateKey: keyPath ?? combinedPath,
      ...(bundle.second
        ? { secondFullchain: target.secondCertPath, secondPrivateKey: target.secondKeyPath }
        : {}),
    },
  };
}

/** @throws DeployError `ERR_DEPLOY_TARGET` */
export function assertAbsolute(path: string): void {
  if (isAbsolute(path)) return;
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${path} is not an absolute path: it would lead elsewhere from another folder`,
  );
}
