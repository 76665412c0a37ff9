import { type BundleFormat, bundleFormats, exportBundle } from '@acmex/certificate/formats';
import type { FileAttributes } from '@acmex/files';
import { replaceFile } from '@acmex/files';
import type { Bundle } from './bundle.ts';
import type { Deployed } from './directory.ts';
import { DeployError } from './errors.ts';
import type { Permissions } from './permissions.ts';
import { writeFailure } from './write-failure.ts';

/** One file in a format, such as PKCS#12. */
export interface FormatTarget extends Permissions {
  readonly format: BundleFormat;
  /** Absolute. */
  readonly path: string;
  /** A file with the passphrase that encrypts it. */
  readonly passphraseFile?: string | undefined;
  /** The variable of the environment with the passphrase, where there is no file. */
  readonly passphraseVariable?: string | undefined;
}

/** Where passphrases are: a target names a file or a variable, and never holds a passphrase. */
export interface PassphraseSources {
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Returns the passphrase in a file. */
  readonly passphraseIn?: ((file: string) => Promise<string>) | undefined;
}

/**
 * Writes a certificate to one file in a format. The same certificate with the same passphrase gives
 * the same bytes, and changes nothing.
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_TARGET`, `ERR_DEPLOY_UNSAFE`; what
 * `passphraseIn` and `exportBundle` throw
 */
export async function deployFormat(
  target: FormatTarget,
  { chain, privateKey }: Bundle,
  {
    attributes: { key, certificate },
    sources,
  }: {
    readonly attributes: Readonly<Record<'key' | 'certificate', FileAttributes>>;
    readonly sources: PassphraseSources;
  },
): Promise<Deployed> {
  const { format, path } = target;
  const passphrase = await passphraseOf(target, sources);
  const bytes = await exportBundle({ format, chain, privateKey, passphrase, salts: 'derived' });
  const { hasKey } = bundleFormats[format];
  try {
    return { changed: await replaceFile(path, bytes, hasKey ? key : certificate), paths: {} };
  } catch (error) {
    throw writeFailure(path, error);
  }
}

/**
 * Returns the passphrase of a target.
 * @throws DeployError `ERR_DEPLOY_TARGET` where the format needs one, and there is none
 */
export async function passphraseOf(
  { format, path, passphraseFile: file, passphraseVariable: variable }: FormatTarget,
  { environment = {}, passphraseIn }: PassphraseSources,
): Promise<string | undefined> {
  if (file !== undefined && passphraseIn) return await passphraseIn(file);
  const passphrase = variable === undefined ? undefined : environment[variable];
  const isMissing = file !== undefined || variable !== undefined;
  if (passphrase !== undefined || (!isMissing && bundleFormats[format].passphrase !== 'required'))
    return passphrase;
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `${path}: the passphrase of the format ${format} is missing${variable === undefined ? '' : ` from the environment variable ${variable}`}: set it, or name a file with it`,
  );
}
