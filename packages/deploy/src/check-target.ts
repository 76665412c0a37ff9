import { join, resolve } from 'node:path';
import { bundleFormats } from '@acmex/certificate/formats';
import { type FileAttributes, openFolder, reserveFile } from '@acmex/files';
import { assertAbsolute, type Target } from './deploy-files.ts';
import { DeployError } from './errors.ts';
import { passphraseOf, type PassphraseSources } from './format.ts';
import { fileAttributes } from './permissions.ts';
import { writeFailure } from './write-failure.ts';

/**
 * Makes sure that the files of a target can be written later. Changes none of them; of a directory,
 * it makes the folder `live`. The passphrase of a format must be there.
 *
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_TARGET`, `ERR_DEPLOY_UNSAFE`
 */
export async function checkTarget(target: Target, sources: PassphraseSources = {}): Promise<void> {
  const { key, certificate } = await fileAttributes(target);
  if ('directory' in target) {
    assertAbsolute(target.directory);
    return await attempt(target.directory, async () => {
      const live = join(target.directory, 'live');
      await (await openFolder(live, { make: 0o755 }))[Symbol.asyncDispose]();
      await rehearse(join(live, 'check'), certificate);
    });
  }
  if ('format' in target) {
    const { path, format } = target;
    assertAbsolute(path);
    await passphraseOf(target, sources);
    return await attempt(path, async () => {
      const attributes = bundleFormats[format].hasKey ? key : certificate;
      await rehearse(path, attributes);
    });
  }
  const files: readonly (readonly [string | undefined, FileAttributes])[] = [
    [target.keyPath, key],
    [target.combinedPath, key],
    [target.secondKeyPath, key],
    [target.secondCombinedPath, key],
    [target.certPath, certificate],
    [target.leafPath, certificate],
    [target.chainPath, certificate],
    [target.secondCertPath, certificate],
    [target.secondLeafPath, certificate],
    [target.secondChainPath, certificate],
  ];
  assertDistinct(files.flatMap(([path]) => path ?? []));
  for (const [path, attributes] of files) {
    if (path === undefined) continue;
    assertAbsolute(path);
    await attempt(path, async () => {
      await rehearse(path, attributes);
    });
  }
}

function assertDistinct(paths: readonly string[]): void {
  const whole = paths.map((path) => resolve(path));
  const repeated = whole.find((path, index) => whole.indexOf(path) !== index);
  if (repeated === undefined) return;
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${repeated} is the path of two files, and the second would replace the first: use different paths`,
  );
}

/** Does what writes a file later, without a change at its path. */
async function rehearse(path: string, attributes: FileAttributes): Promise<void> {
  await using file = await reserveFile(path, attributes);
  await file.rehearse();
}

async function attempt(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw writeFailure(path, error);
  }
}
