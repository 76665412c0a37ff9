import { EgressError } from './errors.ts';

export interface TargetRules {
  /** The permitted schemes, each with the port of a URL that names none. */
  readonly schemes: { readonly http?: number; readonly https?: number };
  /** The ports that may be reached. */
  readonly ports: readonly number[] | 'any';
}

/** Where a URL leads. */
export interface Target {
  readonly url: URL;
  readonly scheme: 'http' | 'https';
  /** A name without final dot, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

const longestUrl = 2048;

/**
 * Reads a URL from an untrusted source.
 * @param base of a relative redirect
 * @throws EgressError `ERR_EGRESS_URL`; the message repeats the host alone
 */
export function target(text: string, { schemes, ports }: TargetRules, base?: URL): Target {
  const refuse = (why: string): never => {
    throw new EgressError(
      'ERR_EGRESS_URL',
      base ? `the redirect from ${base.host} ${why}` : `the URL ${why}`,
    );
  };
  if (text.length > longestUrl) refuse(`is longer than ${longestUrl} characters`);
  // A URL parser drops line ends and tabs, and reads \ as /: what it sees would not be what a
  // person or a filter saw.
  if (/[\0-\x20\x7f\\]/.test(text))
    refuse('has a space, a control character or a backslash in it: write them as %20 and the like');
  const url = parsed(text, base) ?? refuse('is malformed: write https://example.com/path');
  const scheme =
    (['http', 'https'] as const).find(
      (name) => `${name}:` === url.protocol && schemes[name] !== undefined,
    ) ??
    refuse(`is of a scheme that is not permitted: ${Object.keys(schemes).join(' or ')} alone is`);
  if (url.username !== '' || url.password !== '')
    refuse(`to ${url.host} has a user name in it: leave it away`);
  // The parser drops a port that is the scheme's own, so `https://host:443` names none.
  const port = url.port === '' ? (schemes[scheme] ?? 0) : Number(url.port);
  if (ports !== 'any' && !ports.includes(port))
    refuse(`to ${url.hostname} names port ${port}: ${ports.join(' or ')} alone is permitted`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return host === '' ? refuse('names no host') : { url, scheme, host, port };
}

/**
 * Not by `URL.canParse`: once it is compiled, Node 20 lets it take Latin-1 text for UTF-8, and
 * refuse what `new URL` reads.
 */
function parsed(text: string, base: URL | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined; // it is malformed
  }
}
