import type { ClientCa, ClientCertificate } from './client-directory.ts';

/**
 * Returns the CA that a client names by a path, which is a URL without its scheme, and without its
 * port for some clients: the directory of a certificate that fits, else `https` and the path.
 * @param path `acme-v02.api.letsencrypt.org/directory`; a path without a slash is a host
 */
export function caOfPath(
  path: string,
  certificates: readonly Pick<ClientCertificate, 'ca'>[],
): ClientCa {
  for (const { ca } of certificates)
    if (ca && 'directory' in ca && placeOf(ca.directory).includes(path)) return ca;
  const directory = `https://${path}`;
  return path.includes('/') && URL.canParse(directory) ? { directory } : { host: path };
}

/** The paths of a URL: with its port, and without it. */
function placeOf(directory: string): readonly string[] {
  if (!URL.canParse(directory)) return [];
  const { host, hostname, pathname } = new URL(directory);
  const path = pathname.replace(/\/+$/, '');
  return [`${host}${path}`, `${hostname}${path}`];
}

/** Whether a CA speaks only ACME v1, which has ended: clients still have its directories. */
export function isRetired(ca: ClientCa): boolean {
  const host = 'host' in ca ? ca.host : new URL(ca.directory).host;
  return /^acme-(v01|staging)\.api\.letsencrypt\.org$/.test(host);
}

/** Whether two CAs are the same. */
export function isSameCa(first: ClientCa | undefined, second: ClientCa | undefined): boolean {
  return first !== undefined && JSON.stringify(first) === JSON.stringify(second);
}
