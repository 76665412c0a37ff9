import { rm } from 'node:fs/promises';
import { fileErrorText, reserveFile } from '@acmex/files';
import { ServerError } from '../errors.ts';
import type { KeyStore } from './key-store.ts';
import { scopes } from './scopes.ts';

/**
 * Makes the first API key of a server that has none, into a file of its owner alone.
 * @returns the key; undefined where there is one already
 */
export async function initialKey(keys: KeyStore, file: string): Promise<string | undefined> {
  for await (const { revokedAt } of keys.list()) if (revokedAt === undefined) return undefined;
  // A file that an earlier start left belongs to a storage that is gone.
  await rm(file, { force: true });
  await using reserved = await reserveFile(file, { mode: 0o600 }).catch((cause: unknown) => {
    throw new ServerError(
      'ERR_SERVER_API_KEY',
      `the first API key cannot be written to ${file} (${fileErrorText(cause)}): make one with acmex server key create`,
      { cause },
    );
  });
  const { text } = await keys.create(
    { title: 'initial', scopes, names: ['*'], initial: true },
    'acmex serve',
  );
  await reserved.append(`${text}\n`);
  await reserved.commit();
  return text;
}

/** Removes the file of the initial key, once the key was used. */
export async function forgetInitialKey(file: string): Promise<void> {
  await rm(file, { force: true });
}
