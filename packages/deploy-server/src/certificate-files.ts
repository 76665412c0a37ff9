import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import {
  certificateFiles,
  type CompleteBundle,
  type FilePaths,
  localFiles,
  serialNumberIn,
} from '@acmex/deploy';

/** A file of a certificate. */
export interface ServerFile {
  readonly path: string;
  /** Whether a private key is in it. */
  readonly hasKey: boolean;
  /** Undefined where there is no such file. */
  readonly content: Uint8Array | undefined;
}

/** Returns the files of a certificate, in the order in which they are written. */
export function serverFiles(paths: FilePaths, bundle: CompleteBundle): readonly ServerFile[] {
  return certificateFiles(paths, bundle).map((file) => ({
    ...file,
    content: Buffer.from(file.content),
  }));
}

/**
 * Returns the same files with what they have now.
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_UNSAFE`
 */
export async function readFiles(files: readonly ServerFile[]): Promise<readonly ServerFile[]> {
  await using place = localFiles();
  const present: ServerFile[] = [];
  for (const file of files) present.push({ ...file, content: await place.read(file.path, {}) });
  return present;
}

/**
 * Replaces the files, each whole, and removes those without content.
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_UNSAFE`
 */
export async function writeFiles(files: readonly ServerFile[]): Promise<void> {
  await using place = localFiles();
  await place.replace(
    files.flatMap(({ content, ...file }) => (content ? [{ ...file, content }] : [])),
    {},
  );
  for (const { path, content } of files) if (!content) await place.remove(path, {});
}

/** Returns the serial number of the certificate in the files; undefined where there is none. */
export function serialNumberOf(files: readonly ServerFile[]): string | undefined {
  return serialNumberIn(chainIn(files));
}

/**
 * Whether the files have a certificate and the key of another one. Such a pair can end a server
 * that reads it. False where a key cannot be read, such as an encrypted one.
 */
export function isMismatched(files: readonly ServerFile[]): boolean {
  const key = privateKeyIn(textOf(files.find(({ hasKey }) => hasKey)));
  if (!key || serialNumberOf(files) === undefined) return false;
  return !new X509Certificate(chainIn(files)).checkPrivateKey(key);
}

/** Returns the lines of the private keys, which no message may have. */
export function keyLines(files: readonly ServerFile[]): readonly string[] {
  const keys = files.filter(({ hasKey }) => hasKey);
  return keys
    .flatMap((file) => textOf(file).split('\n'))
    .filter((line) => line.length > 20 && !line.startsWith('-----'));
}

/** The chain is in the last file that is written. */
function chainIn(files: readonly ServerFile[]): string {
  return textOf(files.at(-1));
}

function textOf(file: ServerFile | undefined): string {
  return Buffer.from(file?.content ?? '').toString();
}

function privateKeyIn(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
