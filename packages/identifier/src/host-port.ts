import { ipVersion } from './ip-address.ts';

/** A host with a port; an IPv6 address has no brackets here. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface HostPortOptions {
  /** The port of a text that names none. Without it a text must name one. */
  readonly defaultPort?: number;
  /** 1 by default; 0 for an address to listen on, where it means any free port. */
  readonly lowestPort?: 0 | 1;
}

/**
 * Parses `HOST:PORT`, `ADDRESS:PORT` or `[IPV6]:PORT`; with a default port also the same without a
 * port, and an IPv6 address without brackets.
 *
 * @returns `undefined` for a text that is not of this form, or whose port is above 65535
 */
export function parseHostPort(
  text: string,
  { defaultPort, lowestPort = 1 }: HostPortOptions = {},
): HostPort | undefined {
  if (defaultPort !== undefined && ipVersion(text) === 6) return { host: text, port: defaultPort };
  const [, bracketed, plain, digits] =
    /^(?:\[([\da-f:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || (bracketed !== undefined && ipVersion(bracketed) !== 6))
    return undefined;
  return port === undefined || port < lowestPort || port > 65_535 ? undefined : { host, port };
}

/**
 * Returns a host as URLs have it (RFC 3986 §3.2.2): an IPv6 address in brackets, any other host and
 * what has brackets already unchanged. Texts with two colons or more count as IPv6 addresses, also
 * with a zone.
 */
export function urlHost(host: string): string {
  return /^[^[]*:.*:/s.test(host) ? `[${host}]` : host;
}

/** Returns `HOST:PORT`, `ADDRESS:PORT` or `[IPV6]:PORT`, which `parseHostPort` reads. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${urlHost(host)}:${port}`;
}

/**
 * Splits the address of a listener, `HOST:PORT`. `host` is undefined where the text means all
 * addresses; port 0 means any free port.
 * @throws RangeError for a text that is not of this form
 */
export function parseListenAddress(text: string): {
  readonly host: string | undefined;
  readonly port: number;
} {
  const address = parseHostPort(text, { lowestPort: 0 });
  if (!address) throw new RangeError(`${JSON.stringify(text)} is not a valid HOST:PORT`);
  return { host: address.host === '::' ? undefined : address.host, port: address.port };
}
