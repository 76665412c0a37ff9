import { errorCode, errorText, withoutPrivateKeys, withoutSecrets } from '@acmex/errors';
import {
  type CertificateFile,
  certificateFiles,
  type FilePaths,
  pathsFor,
} from './certificate-files.ts';
import { DeployError, type DeployErrorCode, deployErrors } from './errors.ts';
import { serialNumberIn } from './replacing-target.ts';
import type { CompleteBundle, DeployTarget, TargetCallOptions } from './target.ts';

/** Files on this machine or another one, while they are reached. Paths are absolute. */
export interface FilePlace extends AsyncDisposable {
  /** Returns what a file has; undefined where there is none. */
  read(path: string, options: TargetCallOptions): Promise<Uint8Array | undefined>;
  /**
   * Replaces files, or makes them, each whole, in this order. None is changed before all are
   * written beside their paths. A replaced file keeps its owner, group and mode, except that no one
   * but its owner and group can read a key.
   */
  replace(files: readonly PlacedFile[], options: TargetCallOptions): Promise<void>;
  /** Does nothing where there is no such file. */
  remove(path: string, options: TargetCallOptions): Promise<void>;
}

export interface PlacedFile {
  readonly path: string;
  readonly content: Uint8Array;
  /** Whether a private key is in it. */
  readonly hasKey: boolean;
}

export interface FilesTargetOptions {
  /**
   * `{name}` is replaced by the name of the certificate. The files of a second key are beside those
   * of the first, named by `secondPath`.
   */
  readonly paths: FilePaths;
  /** Reaches the place; it is disposed of after each step. */
  readonly open: (options: TargetCallOptions) => Promise<FilePlace>;
  /** Lets a server read the files, after they were replaced and after they were put back. */
  readonly reload?: ((options: TargetCallOptions) => Promise<void>) | undefined;
}

interface Change extends Omit<CertificateFile, 'content'> {
  /** What the file has with the new certificate. */
  readonly content: Buffer;
  readonly present: Uint8Array | undefined;
  /** What the file had before the new certificate; undefined where it did not exist. */
  readonly before: Uint8Array | undefined;
}

/**
 * Returns a target that writes the files of a certificate and lets a server read them. The files
 * that were there are read first, and are put back by a roll-back.
 * @param name of its kind, for messages
 * @throws RangeError where no file has the certificate, or two files have the same path
 */
export function filesTarget(
  name: string,
  { paths, open, reload }: FilesTargetOptions,
): DeployTarget {
  assertPaths(paths);
  return {
    name,
    async stage(bundle, { former, signal }) {
      const changes = await changesOf(paths, { bundle, former, open, signal });
      const guarded = reload && withoutKeys(reload, changes);
      // A process that ended too early has written these.
      let isTouched = changes.some(({ present, before }) => !isSame(present, before));
      return {
        async apply(options) {
          isTouched = true;
          await put(changes, open, options);
          await guarded?.(options);
        },
        async rollBack(options) {
          if (isTouched) {
            const files = changes.map(({ before, ...file }) => ({ ...file, content: before }));
            await put(files, open, options);
            await guarded?.(options);
          }
          return { serialNumber: serialNumberBefore(changes) };
        },
      };
    },
  };
}

function assertPaths(paths: FilePaths): void {
  const { certPath, leafPath, combinedPath } = paths;
  if ((certPath ?? leafPath ?? combinedPath) === undefined)
    throw new RangeError('no file has the certificate: write fullchain_path or combined_path');
  const all = Object.values(paths).filter((path) => path !== undefined);
  const repeated = all.find((path, index) => all.indexOf(path) !== index);
  if (repeated !== undefined)
    throw new RangeError(`${repeated} is the path of two files: use different paths`);
}

/** Reads what is there. A file that has its new content already has it of an earlier attempt. */
async function changesOf(
  paths: FilePaths,
  {
    bundle,
    former,
    open,
    signal,
  }: TargetCallOptions & {
    readonly bundle: CompleteBundle;
    readonly former: CompleteBundle | undefined;
    readonly open: FilesTargetOptions['open'];
  },
): Promise<readonly Change[]> {
  const formerFiles = former ? certificateFiles(pathsFor(paths, former), former) : [];
  await using place = await open({ signal });
  const changes: Change[] = [];
  for (const file of certificateFiles(pathsFor(paths, bundle), bundle)) {
    const content = Buffer.from(file.content);
    const present = await place.read(file.path, { signal });
    const earlier = formerFiles.find(({ path }) => path === file.path)?.content;
    // A second key that the former certificate did not have was not there before.
    const isAttempt =
      isSame(present, content) && (earlier !== undefined || (former && file.isSecond));
    const formerContent = earlier === undefined ? undefined : Buffer.from(earlier);
    changes.push({ ...file, content, present, before: isAttempt ? formerContent : present });
  }
  return changes;
}

type Wanted = Omit<PlacedFile, 'content'> & { readonly content: Uint8Array | undefined };

async function put(
  files: readonly Wanted[],
  open: FilesTargetOptions['open'],
  options: TargetCallOptions,
): Promise<void> {
  await using place = await open(options);
  const replaced = files.flatMap(({ path, hasKey, content }) =>
    content === undefined ? [] : [{ path, hasKey, content }],
  );
  await place.replace(replaced, options);
  for (const { path, content } of files)
    if (content === undefined) await place.remove(path, options);
}

function isSame(first: Uint8Array | undefined, second: Uint8Array | undefined): boolean {
  if (first === undefined || second === undefined) return first === second;
  return Buffer.compare(first, second) === 0;
}

function serialNumberBefore(changes: readonly Change[]): string | undefined {
  for (const { before, isSecond } of changes) {
    if (isSecond) continue;
    const serialNumber = before && serialNumberIn(Buffer.from(before).toString());
    if (serialNumber !== undefined) return serialNumber;
  }
  return undefined;
}

/** A program that reads the files can repeat a key in what it writes. */
function withoutKeys(
  reload: NonNullable<FilesTargetOptions['reload']>,
  changes: readonly Change[],
): NonNullable<FilesTargetOptions['reload']> {
  const keys = changes.filter(({ hasKey }) => hasKey);
  const lines = keys.flatMap(({ content, before }) =>
    [content, before].flatMap((bytes) =>
      Buffer.from(bytes ?? [])
        .toString()
        .split('\n'),
    ),
  );
  const secrets = lines.filter((line) => line.length > 20 && !line.startsWith('-----'));
  return async (options) => {
    try {
      await reload(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      const code = errorCode(error);
      const text = withoutSecrets(withoutPrivateKeys(errorText(error)), secrets);
      // The cause is left out: it may have a key.
      throw new DeployError(isDeployCode(code) ? code : 'ERR_DEPLOY_HOOK', text);
    }
  };
}

function isDeployCode(code: string | undefined): code is DeployErrorCode {
  return code !== undefined && Object.hasOwn(deployErrors, code);
}
