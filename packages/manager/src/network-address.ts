import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { formatHostPort, parseHostPort } from '@acmex/identifier';
import { ManagerError } from './errors.ts';

/**
 * Resolves `HOST`, `HOST:PORT`, `ADDRESS` or `[IPV6]:PORT` of a DNS server to an address with a
 * port, 53 by default.
 * @throws ManagerError `ERR_MANAGER_CHALLENGE`
 */
export async function serverAddress(text: string): Promise<string> {
  const server = parseHostPort(text, { defaultPort: 53 });
  if (!server)
    throw new ManagerError(
      'ERR_MANAGER_CHALLENGE',
      `the DNS resolver ${JSON.stringify(text)} is not a valid address: write 192.0.2.53, 192.0.2.53:53, [2001:db8::53]:53 or the name of a host`,
    );
  const host = isIP(server.host) ? server.host : await addressOfHost(server.host, text);
  return formatHostPort({ host, port: server.port });
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
