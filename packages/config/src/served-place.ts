import { parseHostPort } from '@acmex/identifier';

/** Protocols in which TLS begins by a command: those that @acmex/probe speaks. */
export const servedProtocols = ['smtp', 'imap', 'pop3', 'ldap', 'postgresql', 'mysql'] as const;

/** A server that `served_at` names. */
export interface ServedAt {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte where it is absent. */
  readonly startTls?: (typeof servedProtocols)[number] | undefined;
}

/** Reads `HOST:PORT` or `PROTOCOL://HOST:PORT`. @returns undefined for anything else */
export function parseServedAt(text: string): ServedAt | undefined {
  const [, scheme, place = ''] = /^(?:([a-z0-9]+):\/\/)?(.*)$/s.exec(text) ?? [];
  const address = parseHostPort(place);
  const startTls = servedProtocols.find((protocol) => protocol === scheme);
  if (!address || (scheme !== undefined && !startTls)) return undefined;
  return { ...address, ...(startTls ? { startTls } : {}) };
}
