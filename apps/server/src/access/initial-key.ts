import { rm } from 'node:fs/promises';
import { fileErrorText, reserveFile } from '@acmex/files';
import { ServerError } from '../errors.ts';
import type { FirstKey, KeyStore } from './key-store.ts';
import { scopes } from './scopes.ts';

/**
 * Makes the first API key of a server that has none, into a file of its owner alone. Of several
 * processes that start at the same moment only one makes it; the file stays as that one wrote it.
 * @throws ServerError `ERR_SERVER_API_KEY` where the file cannot be written: no key is left then
 */
export async function initialKey(keys: KeyStore, file: string): Promise<FirstKey> {
  const unwritable = (cause: unknown) =>
    new ServerError(
      'ERR_SERVER_API_KEY',
      `the first API key cannot be written to ${file} (${fileErrorText(cause)}): make one with acmex server key create`,
      { cause },
    );
  const reserve = async () =>
    await reserveFile(file, { mode: 0o600 }).catch((cause: unknown) => {
      throw unwritable(cause);
    });
  // A server that has a key needs no file, and may be unable to write one.
  const existing = await keys.findUnrevoked();
  if (existing !== undefined) return { state: 'existing', id: existing };
  await using reserved = await reserve();
  const by = 'acmex serve';
  const first = await keys.createFirst(
    { title: 'initial', scopes, names: ['*'], initial: true },
    by,
  );
  if (first.state !== 'created') return first;
  try {
    await reserved.append(`${first.text}\n`);
    // It replaces a file that an earlier start left: that belongs to a storage that is gone.
    await reserved.commit();
  } catch (cause) {
    await keys.revoke(first.key.id, by);
    throw unwritable(cause);
  }
  return first;
}

/** Removes the file of the initial key, once the key was used. */
export async function forgetInitialKey(file: string): Promise<void> {
  await rm(file, { force: true });
}
