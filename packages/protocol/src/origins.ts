import { printable } from '@acmex/errors';
import { isLoopback } from '@acmex/identifier';
import type { Directory } from './directory.ts';
import { AcmeError } from './errors.ts';

/**
 * Reads the URL of a CA's directory.
 * @returns the URL in its normal form
 * @throws AcmeError `ERR_ACME_URL` for anything but https, or http to a loopback address
 */
export function directoryUrlOf(text: string): string {
  if (!URL.canParse(text))
    throw new AcmeError(
      'ERR_ACME_URL',
      `"${text}" is not a valid URL: use the URL of the CA's ACME directory, as https://ca.example/directory`,
    );
  const url = new URL(text);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isThisMachine(url)))
    return url.href;
  throw new AcmeError(
    'ERR_ACME_URL',
    `"${text}" is not https: a CA is asked over TLS (RFC 8555 §6.1)`,
  );
}

/**
 * Makes sure that a request to a URL that a CA has sent can only reach that CA: it is https, and at
 * the origin of the CA's directory or at one that the directory itself names. http, and the
 * addresses of this machine, are only for a CA whose directory is on this machine.
 * @param directory Called when the origin is not that of the directory.
 * @throws AcmeError `ERR_ACME_ANSWER`
 */
export async function checkOrigin(
  text: string,
  directoryUrl: string,
  directory: () => Promise<Directory>,
): Promise<void> {
  const refuse = (why: string): never => {
    throw new AcmeError(
      'ERR_ACME_ANSWER',
      `the CA of ${directoryUrl} sent the URL ${printable(text, 300)}, ${why}: no request is sent there; report it to the CA`,
    );
  };
  if (!URL.canParse(text)) refuse('which is not a valid URL');
  const [url, base] = [new URL(text), new URL(directoryUrl)];
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isThisMachine(url)))
    refuse('which is not https');
  if (isThisMachine(url) && !isThisMachine(base)) refuse('which is an address of this machine');
  if (url.origin === base.origin) return;
  if (!originsOf(await directory()).has(url.origin))
    refuse('which is at a host that its directory does not name');
}

function originsOf(directory: Directory): ReadonlySet<string> {
  const urls = Object.values({ ...directory, meta: undefined });
  return new Set(urls.flatMap((url) => (url === undefined ? [] : [new URL(url).origin])));
}

/** Also by a name below `localhost`. RFC 6761 §6.3 */
function isThisMachine({ hostname }: URL): boolean {
  return isLoopback(hostname) || /\.localhost\.?$/.test(hostname);
}
