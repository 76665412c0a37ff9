import { isLoopback } from './ip-address.ts';

/**
 * Why credentials must not be sent to a URL: it is not an http or https URL, it has more than a host,
 * a port and a path, or it would carry them over a network without encryption.
 */
export type ServerUrlFault = 'invalid' | 'not-a-base' | 'unencrypted';

/**
 * Checks the base URL of a server to which credentials are sent.
 * @param allowHttp whether an http URL may be of another machine; no by default
 * @returns the URL without a slash at its end, or its fault; `origin` without user and password for
 * messages, empty for what is not a URL
 */
export function checkServerUrl(
  text: string,
  { allowHttp = false }: { readonly allowHttp?: boolean } = {},
): { readonly url: string } | { readonly fault: ServerUrlFault; readonly origin: string } {
  if (!URL.canParse(text) || !/^https?:/i.test(text)) return { fault: 'invalid', origin: '' };
  const { origin, protocol, hostname, username, password, search, hash, href } = new URL(text);
  if ([username, password, search, hash].some((part) => part !== ''))
    return { fault: 'not-a-base', origin };
  if (protocol === 'http:' && !allowHttp && !isLoopback(hostname))
    return { fault: 'unencrypted', origin };
  return { url: href.replace(/\/$/, '') };
}
