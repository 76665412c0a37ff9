import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@acmex/errors';

/** Where servers have their configuration, and how each reads it again. */
const servers = [
  ['nginx', 'etc/nginx', 'systemctl reload nginx'],
  ['Apache', 'etc/apache2', 'systemctl reload apache2'],
  ['Apache', 'etc/httpd', 'systemctl reload httpd'],
  ['HAProxy', 'etc/haproxy', 'systemctl reload haproxy'],
  ['Postfix', 'etc/postfix', 'systemctl reload postfix'],
  ['Dovecot', 'etc/dovecot', 'systemctl reload dovecot'],
] as const;

/** No configuration file of a server is larger. */
const largestFile = 1024 * 1024;

/** A server whose configuration names files of a certificate. */
export interface ReadingServer {
  readonly server: string;
  /** The file of its configuration. */
  readonly file: string;
  readonly reload: string;
}

/**
 * Looks which servers of this machine read a directory of certbot.
 * @param root where the file system begins, by default `/`
 */
export async function serversReading(
  directory: string,
  root = '/',
): Promise<readonly ReadingServer[]> {
  const reading: ReadingServer[] = [];
  for (const [server, folder, reload] of servers)
    for (const file of await filesBelow(join(root, folder)))
      if (await names(file, `${directory}/`)) reading.push({ server, file, reload });
  return reading;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if (isUnreadable(error)) return [];
    throw error;
  }
}

async function names(file: string, text: string): Promise<boolean> {
  try {
    const content = await readFile(file);
    if (content.length > largestFile) return false;
    const lines = content.toString('utf8').split('\n');
    return lines.some((line) => line.includes(text) && !/^\s*#/.test(line));
  } catch (error) {
    if (isUnreadable(error)) return false;
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'ELOOP'].includes(errorCode(error) ?? '');
}
