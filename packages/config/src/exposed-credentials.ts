import { stat } from 'node:fs/promises';
import type { Fault } from './fault.ts';
import type { Config } from './read-config.ts';
import { Secret } from './secret.ts';
import { type KeyPath, pathText } from './settings.ts';

/**
 * Returns the credentials that other users of this machine can read, because they are written in a
 * configuration file that is open to them. The rule is that of credential files: a file of root may
 * be readable by its group. Windows has no such modes: nothing is returned.
 */
export async function exposedCredentials({
  file,
  values,
  originOf,
}: Config): Promise<readonly Fault[]> {
  if (file === undefined || process.platform === 'win32') return [];
  const { mode, uid } = await stat(file);
  const forbidden = uid === 0 ? 0o004 : 0o044;
  if ((mode & forbidden) === 0) return [];
  const narrower = uid === 0 ? '640' : '600';
  return inlineSecrets(values)
    .map((path) => ({ path, origin: originOf(path) }))
    .filter(({ origin }) => origin.from === 'file' && !origin.variables)
    .map(({ path, origin }) => ({
      key: pathText(path),
      origin,
      problem: 'is a credential in a file that other users can read',
      cure: `chmod ${narrower} ${file}, or write it as { file = "/path" } or { env = "NAME" }`,
    }));
}

function inlineSecrets(value: unknown, path: KeyPath = []): readonly KeyPath[] {
  if (value instanceof Secret) return value.isInline ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    inlineSecrets(child, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
