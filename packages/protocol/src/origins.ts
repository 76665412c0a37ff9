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
 * @param directory Called when the origin is not that of the directory; again, for the directory
 * that the CA has now, when the first one does not name the origin.
 * @throws AcmeError `ERR_ACME_ANSWER`
 */
export async function checkOrigin(
  text: string,
  directoryUrl: string,
  directory: (options: { readonly fromCa: boolean }) => Promise<Directory>,
): Promise<void> {
  const refuse = (why: string): never => {
    throw new AcmeError(
      'ERR_ACME_ANSWER',
      `the CA of ${directoryUrl} sent the URL ${printable(text, 300)}, ${why}: no request is sent there; report it to the CA`,
    );
  };
  const problem = urlProblem(text, directoryUrl);
  if (problem !== undefined) refuse(problem);
  const { origin } = new URL(text);
  if (origin === new URL(directoryUrl).origin) return;
  for (const fromCa of [false, true])
    if (originsOf(await directory({ fromCa })).has(origin)) return;
  refuse('which is at a host that its directory does not name');
}

/**
 * Returns why no request is sent to a URL that a CA has sent, whatever its directory names;
 * undefined where one may be sent.
 */
export function urlProblem(text: string, directoryUrl: string): string | undefined {
  if (!URL.canParse(text)) return 'which is not a valid URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isThisMachine(url)))
    return 'which is not https';
  return isThisMachine(url) && !isThisMachine(new URL(directoryUrl))
    ? 'which is an address of this machine'
    : undefined;
}

function originsOf(directory: Directory): ReadonlySet<string> {
  const urls = Object.values({ ...directory, meta: undefined });
  return new Set(urls.flatMap((url) => (url === undefined ? [] : [new URL(url).origin])));
}

/** Also by a name below `localhost`. RFC 6761 §6.3 */
function isThisMachine({ hostname }: URL): boolean {
  return isLoopback(hostname) || /\.localhost\.?$/.test(hostname);
}
