import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ManagerError } from './errors.ts';

/** Splits `HOST:PORT`. `host` is undefined where the text means all addresses. */
export function addressOf(text: string): {
  readonly host: string | undefined;
  readonly port: number;
} {
  const [, bracketed, plain, port] =
    /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  return { host: host === '::' ? undefined : host, port: Number(port) };
}

/**
 * Resolves `HOST`, `HOST:PORT`, `ADDRESS` or `[IPV6]:PORT` of a DNS server to an address with a port, 53 by default.
 * @throws ManagerError `ERR_MANAGER_CHALLENGE`
 */
export async function serverAddress(text: string): Promise<string> {
  if (isIP(text) === 6) return `[${text}]:53`;
  const [, bracketed, plain, port = '53'] =
    /^(?:\[([0-9a-f:.]+)\]|([^:]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new ManagerError(
      'ERR_MANAGER_CHALLENGE',
      `the DNS resolver "${text}" is not a valid HOST:PORT`,
    );
  const address = isIP(host) ? host : await addressOfHost(host, text);
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

async function addressOfHost(host: string, text: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new ManagerError(
      'ERR_MANAGER_CHALLENGE',
      `the DNS resolver "${text}" has no address: check its name`,
      { cause },
    );
  }
}
