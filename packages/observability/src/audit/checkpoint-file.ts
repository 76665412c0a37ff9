import { readFile } from 'node:fs/promises';
import { appendLine, fileErrorText } from '@acmex/files';
import { decodeProtectedHeader } from 'jose';
import { checkpointType, type SignedCheckpoint } from './checkpoint.ts';
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

/** The compact serialization with a signature of ES256. RFC 7515 §7.1, RFC 7518 §3.4 */
const compact = /(?<![\w.-])eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}(?![\w.-])/g;

/**
 * Finds the checkpoints in a file: one that `appendCheckpoint` has written, or a log in which a
 * line contains more than the checkpoint, such as that of a syslog server. What was cut is left
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
  const checkpoints = new Set((text.match(compact) ?? []).filter(isCheckpoint));
  if (checkpoints.size > 0) return [...checkpoints];
  throw new AuditError('ERR_AUDIT_CHECKPOINT', `${path} has no checkpoint of an audit log`);
}

/** Returns whether the header of a JWS says that it is a checkpoint. */
function isCheckpoint(jws: string): boolean {
  try {
    return decodeProtectedHeader(jws).typ === checkpointType;
  } catch {
    // It has the form of a JWS, and is something else in a log.
    return false;
  }
}
