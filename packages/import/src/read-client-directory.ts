import { resolve } from 'node:path';
import { readAcmeSh } from './acme-sh.ts';
import { readCaddy } from './caddy.ts';
import { readCertbot } from './certbot.ts';
import { assertDirectory } from './client-files.ts';
import type { ClientDirectory, ClientName } from './client-directory.ts';
import { readDehydrated } from './dehydrated.ts';
import { ImportError } from './errors.ts';
import { readLego } from './lego.ts';

const readers: Readonly<Record<ClientName, (directory: string) => Promise<Contents>>> = {
  certbot: readCertbot,
  lego: readLego,
  'acme.sh': readAcmeSh,
  dehydrated: readDehydrated,
  caddy: readCaddy,
};
type Contents = Omit<ClientDirectory, 'client'>;

const examples: Readonly<Record<ClientName, string>> = {
  certbot: '/etc/letsencrypt',
  lego: '.lego',
  'acme.sh': '~/.acme.sh',
  dehydrated: '/var/lib/dehydrated, or the directory with its file config',
  caddy: '/var/lib/caddy/.local/share/caddy',
};

/**
 * Reads the directory of an ACME client: its accounts, and its certificates with their keys and how
 * they are renewed. Nothing is written, no program is run, and no request is sent. What cannot be
 * used is in `failures`.
 * @param client the client that wrote the directory
 * @param directory `/etc/letsencrypt` for certbot
 * @throws ImportError `ERR_IMPORT_DIRECTORY` where there is no certificate and no account of the
 * client; `ERR_IMPORT_FILE` for a directory that cannot be read
 */
export async function readClientDirectory(
  client: ClientName,
  directory: string,
): Promise<ClientDirectory> {
  const path = resolve(directory);
  await assertDirectory(path);
  const contents = await readers[client](path);
  const { accounts, certificates, failures } = contents;
  if (accounts.length + certificates.length + failures.length === 0)
    throw new ImportError(
      'ERR_IMPORT_DIRECTORY',
      `${path} has no certificate and no account of ${client}: use its directory, such as ${examples[client]}`,
    );
  return { client, ...contents };
}
