import { basename, dirname } from 'node:path/posix';
import { DeployError, type FilePlace, type PlacedFile } from '@acmex/deploy';
import {
  canReplace,
  largestPiece,
  noSuchFile,
  type Sftp,
  type SftpAttributes,
  SftpError,
} from './sftp.ts';

/** The largest file that is read, so that it can be put back. */
const largestFile = 1024 * 1024;
/** In the mode of a file. */
const typeBits = 0o170_000;
const regularFile = 0o100_000;
const linkBits = 0o120_000;

/** Of a new file, and at most of one that is replaced. */
const keyModes = { fresh: 0o600, widest: 0o640 };
const certificateModes = { fresh: 0o644, widest: 0o644 };

/** Files, without the connection to them. */
export type RemoteFiles = Pick<FilePlace, 'read' | 'replace' | 'remove'>;

/**
 * Returns the files of a host by SFTP. A file is written as `.NAME.acmex` beside its path, and then
 * renamed; one that a lost connection left there is replaced the next time.
 *
 * Its methods throw DeployError `ERR_DEPLOY_REFUSED`, and SftpEnd where the connection ends.
 * @param host for messages
 */
export function remoteFiles(sftp: Sftp, host: string): RemoteFiles {
  const attempt = async <T>(path: string, work: () => Promise<T>) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SftpError)) throw error;
      throw refusal(host, path, error.message);
    }
  };
  return {
    read: async (path) => await attempt(path, async () => await content(sftp, host, path)),
    async replace(files) {
      if (!canReplace(sftp))
        throw new DeployError(
          'ERR_DEPLOY_REFUSED',
          `ssh: the SFTP server of ${host} cannot replace a file in one step (posix-rename@openssh.com): use that of OpenSSH`,
        );
      const temporary = new Set<string>();
      try {
        for (const file of files)
          await attempt(file.path, async () => {
            temporary.add(temporaryPath(file.path));
            await writeBeside(sftp, host, file);
          });
        for (const { path } of files)
          await attempt(path, async () => {
            await sftp.replace(temporaryPath(path), path);
            temporary.delete(temporaryPath(path));
          });
      } catch (error) {
        // The first failure is the one to report.
        for (const path of temporary) await removeIfPresent(sftp, path).catch(() => undefined);
        throw error;
      }
    },
    remove: async (path) => await attempt(path, async () => await removeIfPresent(sftp, path)),
  };
}

function refusal(host: string, path: string, problem: string): DeployError {
  return new DeployError('ERR_DEPLOY_REFUSED', `ssh: ${host}: ${path}: ${problem}`);
}

function temporaryPath(path: string): string {
  return `${dirname(path)}/.${basename(path)}.acmex`;
}

/** Returns the attributes of a regular file; undefined where there is none. */
async function regularAt(
  sftp: Sftp,
  host: string,
  path: string,
): Promise<SftpAttributes | undefined> {
  const attributes = await orAbsent(sftp.lstat(path));
  if (!attributes) return undefined;
  const type = attributes.mode & typeBits;
  if (type === linkBits)
    throw refusal(host, path, 'it is a symbolic link: write the path that it leads to');
  if (type !== regularFile) throw refusal(host, path, 'it is not a regular file');
  return attributes;
}

async function content(sftp: Sftp, host: string, path: string): Promise<Buffer | undefined> {
  const attributes = await regularAt(sftp, host, path);
  if (!attributes) return undefined;
  const handle = await sftp.openToRead(path);
  const pieces: Buffer[] = [];
  let size = 0;
  for (;;) {
    const piece = await sftp.read(handle, size);
    if (!piece || piece.length === 0) break;
    // It belongs to a larger buffer, which changes.
    pieces.push(Buffer.from(piece));
    size += piece.length;
    if (size > largestFile)
      throw refusal(host, path, 'it is larger than 1 MiB and cannot be a certificate');
  }
  await sftp.close(handle);
  return Buffer.concat(pieces);
}

/** Writes a file beside its path, with the attributes that it has there. */
async function writeBeside(
  sftp: Sftp,
  host: string,
  { path, content: bytes, hasKey }: PlacedFile,
): Promise<void> {
  const existing = await regularAt(sftp, host, path);
  await removeIfPresent(sftp, temporaryPath(path));
  const handle = await sftp.create(temporaryPath(path));
  for (let offset = 0; offset < bytes.length; offset += largestPiece)
    await sftp.write(handle, offset, Buffer.from(bytes.subarray(offset, offset + largestPiece)));
  const { fresh, widest } = hasKey ? keyModes : certificateModes;
  const mode = existing ? existing.mode & widest : fresh;
  if (existing && !(await hasOwner(sftp, handle, { ...existing, mode })) && hasKey)
    throw refusal(
      host,
      path,
      `it belongs to the user ${existing.uid} and the group ${existing.gid}, to whom the user of SSH cannot give the new key: use that user, or change the owner of the file`,
    );
  await sftp.setAttributes(handle, { mode });
  await sftp.sync(handle);
  await sftp.close(handle);
}

/** Gives a new file the owner and the group of the one that it replaces; false where that fails. */
async function hasOwner(
  sftp: Sftp,
  handle: Buffer,
  { uid, gid, mode }: Pick<SftpAttributes, 'uid' | 'gid' | 'mode'>,
): Promise<boolean> {
  const present = await sftp.attributes(handle);
  // The group is enough where it reads the file, or where root, who reads all files, owns it.
  const isGroupEnough = uid === 0 || (mode & 0o040) !== 0;
  for (const owner of isGroupEnough ? [uid, present.uid] : [uid]) {
    if (present.uid === owner && present.gid === gid) return true;
    try {
      await sftp.setAttributes(handle, { uid: owner, gid });
      return true;
    } catch (error) {
      if (!(error instanceof SftpError)) throw error;
    }
  }
  return false;
}

async function removeIfPresent(sftp: Sftp, path: string): Promise<void> {
  await orAbsent(sftp.remove(path));
}

async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SftpError && error.status === noSuchFile) return undefined;
    throw error;
  }
}
