import { parseHostPort } from '@acmex/identifier';

/** How a message comes to a syslog server. */
export type SyslogTransport = 'tls' | 'tcp' | 'udp';

export interface SyslogServer {
  readonly transport: SyslogTransport;
  /** A name, which its certificate must have, or an address: IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The registered ports: RFC 5425 §4.1, RFC 5426 §3.3; for TCP what servers use by custom. */
const defaultPorts = { tls: 6514, tcp: 514, udp: 514 } as const;

/**
 * Parses `tls://HOST:PORT`, `tcp://HOST:PORT` or `udp://HOST:PORT`; without a port the usual one.
 * @returns undefined for any other text
 */
export function parseSyslogUrl(text: string): SyslogServer | undefined {
  const [, transport, authority = ''] = /^(tls|tcp|udp):\/\/([^/?#@]+)$/.exec(text) ?? [];
  if (transport === undefined) return undefined;
  const known = transport as SyslogTransport;
  const server = parseHostPort(authority, { defaultPort: defaultPorts[known] });
  return server && { transport: known, ...server };
}
