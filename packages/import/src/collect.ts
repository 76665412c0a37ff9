import type { ClientFailure } from './client-directory.ts';
import { ImportError } from './errors.ts';

/** What could be read, and what could not. */
export interface Collected<T> {
  readonly entries: readonly T[];
  readonly failures: readonly ClientFailure[];
}

/**
 * Reads each of some accounts or certificates. One that cannot be used is a failure of its own.
 * @param read returns undefined for what is not an account or certificate
 */
export async function collect<T>(
  subject: ClientFailure['subject'],
  names: readonly string[],
  read: (name: string) => Promise<T | undefined>,
): Promise<Collected<T>> {
  const entries: T[] = [];
  const failures: ClientFailure[] = [];
  for (const name of names) {
    try {
      const entry = await read(name);
      if (entry !== undefined) entries.push(entry);
    } catch (error) {
      if (!(error instanceof ImportError)) throw error;
      failures.push({ subject, name, error });
    }
  }
  return { entries, failures };
}
