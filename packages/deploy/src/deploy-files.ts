import { isAbsolute } from 'node:path';
import { type FileAttributes, replaceFile } from '@acmex/files';
import { type Bundle, filesOf } from './bundle.ts';
import { type Deployed, deployToDirectory, type DirectoryTarget } from './directory.ts';
import { DeployError } from './errors.ts';
import { deployFormat, type FormatTarget, type PassphraseSources } from './format.ts';
import { fileAttributes, type Permissions } from './permissions.ts';
import { writeFailure } from './write-failure.ts';

/** Single files, each at the path where a server reads it. Absolute paths. */
export interface FileTarget extends Permissions {
  /** Certificate and chain. */
  readonly certPath?: string | undefined;
  readonly keyPath?: string | undefined;
  /** The chain without the certificate. */
  readonly chainPath?: string | undefined;
  /** The certificate without its chain. */
  readonly leafPath?: string | undefined;
  /** Key, certificate and chain in one file, as HAProxy reads it. */
  readonly combinedPath?: string | undefined;
}

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
  { certPath, keyPath, chainPath, leafPath, combinedPath }: FileTarget,
  bundle: Bundle,
  { key, certificate }: Awaited<ReturnType<typeof fileAttributes>>,
): Promise<Deployed> {
  const texts = filesOf(bundle);
  const { privateKey } = texts;
  const files: readonly (readonly [string | undefined, string, FileAttributes])[] = [
    [keyPath, needed(privateKey, keyPath), key],
    [combinedPath, needed(privateKey, combinedPath) + texts.fullchain, key],
    [certPath, texts.fullchain, certificate],
    [leafPath, texts.certificate, certificate],
    [chainPath, texts.chain, certificate],
  ];
  let changed = false;
  for (const [path, text, attributes] of files) {
    if (path === undefined) continue;
    assertAbsolute(path);
    try {
      if (await replaceFile(path, text, attributes)) changed = true;
    } catch (error) {
      throw writeFailure(path, error);
    }
  }
  return {
    changed,
    paths: { fullchain: certPath ?? combinedPath, privateKey: keyPath ?? combinedPath },
  };
}

/**
 * Returns the private key for a file.
 * @throws DeployError `ERR_DEPLOY_TARGET` for a file of a key that cannot leave its device
 */
function needed(privateKey: string | undefined, path: string | undefined): string {
  if (privateKey !== undefined || path === undefined) return privateKey ?? '';
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${path} is for a private key, which is in a device and cannot be written: deploy only the certificate, and let the server use the device`,
  );
}

/** @throws DeployError `ERR_DEPLOY_TARGET` */
export function assertAbsolute(path: string): void {
  if (isAbsolute(path)) return;
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${path} is not an absolute path: it would lead elsewhere from another folder`,
  );
}
