import { errorCode, errorText } from '@acmex/errors';

interface Description {
  readonly text: string;
  readonly cure?: string;
}

const descriptions: Readonly<Record<string, Description>> = {
  EACCES: { text: 'permission denied', cure: 'allow it to the user that runs this program' },
  EBUSY: { text: 'it is in use', cure: 'stop the program that uses it' },
  EDQUOT: { text: 'the disk quota is used up', cure: 'free some space' },
  EEXIST: { text: 'it exists already' },
  EFBIG: {
    text: 'the file would be larger than allowed',
    cure: 'raise the limit (ulimit -f)',
  },
  EIO: { text: 'the disk reported a fault', cure: 'read the log of the system' },
  EISDIR: { text: 'it is a directory' },
  ELOOP: { text: 'it is a symbolic link', cure: 'put the file itself there' },
  EMFILE: { text: 'too many files are open', cure: 'raise the limit (ulimit -n)' },
  ENAMETOOLONG: { text: 'the name is too long', cure: 'choose a shorter path' },
  ENFILE: { text: 'too many files are open on this machine' },
  ENOENT: { text: 'no such file or directory' },
  ENOSPC: { text: 'the disk is full', cure: 'free some space' },
  ENOTDIR: { text: 'part of the path is not a directory' },
  ENOTEMPTY: { text: 'the directory is not empty' },
  EPERM: { text: 'not permitted', cure: 'allow it to the user that runs this program' },
  EROFS: { text: 'the file system is read-only', cure: 'mount it writable' },
};

/**
 * Describes a failed file operation in words: "the disk is full".
 *
 * @returns the code where the operating system gave one that has no words here; the message of any
 * other error
 */
export function fileErrorText(error: unknown): string {
  const code = errorCode(error);
  if (code === undefined || code.startsWith('ERR_')) return errorText(error);
  return descriptions[code]?.text ?? code;
}

/**
 * Returns what to do about a failed file operation: "free some space"; undefined where nothing
 * general can be said.
 */
export function fileErrorCure(error: unknown): string | undefined {
  return descriptions[errorCode(error) ?? '']?.cure;
}
