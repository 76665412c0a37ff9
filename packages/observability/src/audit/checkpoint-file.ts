import { readFile } from 'node:fs/promises';
import { appendLine, fileErrorText } from '@acmex/files';
import type { SignedCheckpoint } from './checkpoint.ts';
import { AuditError } from '../errors.ts';

/**
 * Appends a checkpoint to a file, one per line, and flushes it.
 * @throws AuditError `ERR_AUDIT_FILE`
 */
export async function appendCheckpoint(
  path: string,
  { jws }: Pick<SignedCheckpoint, 'jws'>,
): Promise<void> {
  try {
    await appendLine(path, jws, { mode: 0o644 });
  } catch (cause) {
    throw new AuditError(
      'ERR_AUDIT_FILE',
      `${path}: the checkpoint of the audit log cannot be appended (${fileErrorText(cause)})`,
      { cause },
    );
  }
}

/** Three parts of base64url: RFC 7515 §7.1. */
const compact = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Reads the checkpoints in a file that `appendCheckpoint` has written. A line that was cut is left
 * out.
 * @throws AuditError `ERR_AUDIT_CHECKPOINT` where there is none, `ERR_AUDIT_FILE`
 */
export async function readCheckpointFile(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AuditError(
      'ERR_AUDIT_FILE',
      `${path}: the checkpoints of the audit log cannot be read (${fileErrorText(cause)})`,
      { cause },
    );
  });
  const lines = text.split('\n').filter((line) => compact.test(line));
  if (lines.length > 0) return lines;
  throw new AuditError('ERR_AUDIT_CHECKPOINT', `${path} has no checkpoint of an audit log`);
}
