import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError } from './errors.ts';

/**
 * Where files are kept: `--storage`, else `ACMEX_STORAGE`, else `/var/lib/acmex` for root or `$XDG_STATE_HOME/acmex`.
 * Both take `file:PATH` or a path.
 */
export function dataDirectory(storage: string | undefined, { env, uid }: { readonly env: NodeJS.ProcessEnv; readonly uid: number | undefined }): string {
  const given = storage ?? env.ACMEX_STORAGE;
  if (given === undefined) return uid === 0 ? '/var/lib/acmex' : join(env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'acmex');
  if (given === '') throw new CliError('ERR_CLI_USAGE', 'the storage is empty: give file:PATH');
  if (given.startsWith('file://')) return fileURLToPath(given);
  if (given.startsWith('file:')) return resolve(given.slice('file:'.length));
  if (/^[a-z][a-z0-9+.-]+:/i.test(given)) throw new CliError('ERR_CLI_USAGE', `the storage "${given.replace(/\/\/[^/]*@/, '//…@')}" is of a kind that this version does not have: give file:PATH, redis:// or rediss://`);
  return resolve(given);
}
