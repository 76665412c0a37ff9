import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DnsError } from '@acmex/dns';

/**
 * The real path of a file that nobody but root and this user can have written: neither the file, nor its folder, nor, where that has no sticky bit, a folder above.
 * @throws DnsError `ERR_DNS_HOOK` for one that others may have written, or that is not there
 */
export async function trustedFile(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    await trusted(real, 'file');
    for (
      let folder = dirname(real), kind: Kind = 'folder';
      ;
      folder = dirname(folder), kind = 'above'
    ) {
      await trusted(folder, kind);
      if (folder === dirname(folder)) return real;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DNS_HOOK') throw error;
    throw new DnsError('ERR_DNS_HOOK', `${path} cannot be read: check the path`, { cause: error });
  }
}

type Kind = 'file' | 'folder' | 'above';

async function trusted(path: string, kind: Kind): Promise<void> {
  const { uid, mode } = await stat(path);
  const own = process.getuid?.();
  if (uid !== 0 && uid !== own)
    throw new DnsError(
      'ERR_DNS_HOOK',
      `${path} belongs to the user ${uid}, and would be run by the user ${own}: make it root's or your own`,
    );
  // In a folder with the sticky bit, as /tmp, others can put nothing in the place of what is not theirs.
  if ((mode & 0o022) !== 0 && !(kind === 'above' && (mode & 0o1000) !== 0))
    throw new DnsError('ERR_DNS_HOOK', `${path} can be written by others: chmod go-w ${path}`);
}
