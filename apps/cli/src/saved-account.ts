import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateAccountKey } from '@acmex/protocol';
import { CliError } from './errors.ts';
import { privateDirectory, reason, waitingFile } from './whole-file.ts';

/** One account at one CA, as it lies in the data directory. */
export interface SavedAccount {
  /** PKCS#8 PEM */
  readonly key: string;
  /** The account's URL, once the CA has given it. */
  readonly account?: string | undefined;
  /** Keeps the URL. */
  save(account: string): Promise<void>;
}

/**
 * The account kept for a CA's directory; its key is made and on the disk before anyone else sees it.
 * When two programs begin at once, both end up with the same key.
 */
export async function savedAccount(dataDirectory: string, directory: string): Promise<SavedAccount> {
  const folder = join(dataDirectory, 'accounts');
  const path = join(folder, `${new URL(directory).hostname}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}.json`);
  await privateDirectory(folder);
  const found = await read(path, directory) ?? await make(path, directory);
  return {
    ...found,
    async save(account) {
      if (account === found.account) return;
      await using file = await waitingFile(path, 0o600);
      await file.commit(record(directory, found.key, account));
    },
  };
}

async function make(path: string, directory: string): Promise<{ key: string; account?: string | undefined }> {
  const { pem } = await generateAccountKey();
  await using file = await waitingFile(path, 0o600);
  if (await file.commitNew(record(directory, pem))) return { key: pem };
  return await read(path, directory) ?? unusable(path, 'it vanished while it was read');
}

async function read(path: string, directory: string): Promise<{ key: string; account?: string | undefined } | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : unusable(path, reason(error))));
  if (text === undefined) return undefined;
  const json = parse(text);
  if (json.v !== 1) return unusable(path, json.v === undefined ? 'it holds no account' : `it was written by a newer version (format ${String(json.v)}, known: 1)`);
  if (json.directory !== directory || typeof json.key !== 'string') return unusable(path, 'it holds no account of this CA');
  return { key: json.key, account: typeof json.account === 'string' ? json.account : undefined };
}

function record(directory: string, key: string, account?: string): string {
  return `${JSON.stringify({ v: 1, directory, account, key }, null, 2)}\n`;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

function unusable(path: string, why: string): never {
  throw new CliError('ERR_CLI_ACCOUNT_FILE', `the saved account ${path} cannot be used: ${why}; restore it from a backup, or move it away to register anew`);
}
