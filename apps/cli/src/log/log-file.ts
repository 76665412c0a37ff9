import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errorCode, errorText } from '@acmex/errors';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import { CliError } from '../errors.ts';

/** Only the program's user and its group read it: lines have the names of certificates. */
const mode = 0o640;

export interface LogFileOptions {
  /** Absolute. */
  readonly path: string;
  /** The size at which a new file begins, as `100M`; units are B, K, M and G. */
  readonly size: string;
  /** How many earlier files are kept. */
  readonly backupCount: number;
  /** Called with each line that could not be written, and why. */
  readonly onFailure: (line: string, reason: string) => void;
}

/** A file of lines. Its disposal waits until all are written. */
export interface LogFile extends AsyncDisposable {
  write(line: string): void;
}

/**
 * Opens a log file. At its size it is renamed to `.1`, and the earlier ones to the next number.
 * @throws CliError `ERR_CLI_FILE` if it cannot be written
 */
export function openLogFile({ path, size, backupCount, onFailure }: LogFileOptions): LogFile {
  assertWritable(path);
  const stream = createStream(basename(path), {
    ...{ path: dirname(path), size, rotate: backupCount, mode },
  });
  let failure: unknown;
  stream.on('error', (error) => {
    failure = error;
  });
  return {
    write(line) {
      stream.write(line, (error) => {
        if (error) onFailure(line, errorText(failure ?? error));
      });
    },
    [Symbol.asyncDispose]: async () => await end(stream),
  };
}

/** Closes a stream when it has written all, or has failed. */
async function end(stream: RotatingFileStream): Promise<void> {
  if (stream.closed) return;
  await new Promise<void>((resolve) => {
    stream.once('close', resolve).end();
  });
}

function assertWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a', mode));
  } catch (cause) {
    throw new CliError(
      'ERR_CLI_FILE',
      `the log file ${path} cannot be written (${errorCode(cause) ?? 'unknown'}): make its directory, and let this user write there`,
      { cause },
    );
  }
}
