import { BlockList, isIP } from 'node:net';
import { urlHost } from '@acmex/identifier';
import { AcmeError } from '../errors.ts';

/** The proxies for requests of each scheme, and the hosts that are reached without one. */
export interface ProxySettings {
  /** For https URLs: `http://user:password@proxy.example:3128`, also with `https:` or no scheme. */
  readonly httpsProxy?: string | undefined;
  /** For http URLs. */
  readonly httpProxy?: string | undefined;
  /**
   * Hosts that are reached directly. `example.com` and `.example.com` mean the domain and all below
   * it; further forms are `host:port`, an address, a range such as `10.0.0.0/8`, and `*` for all.
   */
  readonly noProxy?: readonly string[] | undefined;
}

/** A proxy that requests are sent to. */
export interface Proxy {
  readonly isSecure: boolean;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The value of the header `proxy-authorization`; undefined without credentials. */
  readonly authorization: string | undefined;
  /** The URL without its credentials, for messages. */
  readonly text: string;
}

/** Returns the proxy for a URL; undefined where it is reached directly. */
export type ProxySelector = (url: URL) => Proxy | undefined;

/** Selects the proxy for a URL. Loopback addresses too are reached through it, as with curl. */
export function proxySelector({
  httpsProxy,
  httpProxy,
  noProxy = [],
}: ProxySettings): ProxySelector {
  const forHttps = parsedProxy(httpsProxy);
  const forHttp = parsedProxy(httpProxy);
  const exceptions = [...noProxy, ...neverProxied].map(parsedException);
  return (url) => {
    const proxy = url.protocol === 'https:' ? forHttps : forHttp;
    if (!proxy) return undefined;
    const host = plainHost(url.hostname);
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    return exceptions.some((isException) => isException(host, port)) ? undefined : proxy;
  };
}

/**
 * The metadata services of clouds, which answer with credentials of the machine that asks: a proxy
 * would get those of its own machine, and see them.
 */
const neverProxied = [
  '169.254.0.0/16',
  '100.100.100.200',
  'fe80::/10',
  'fd00:ec2::/32',
  'metadata.google.internal',
];

/** Splits the value of the variable `NO_PROXY`: by commas and spaces. */
export function noProxyEntries(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== '');
}

function parsedProxy(text: string | undefined): Proxy | undefined {
  if (text === undefined) return undefined;
  const result = readProxy(text);
  if ('proxy' in result) return result.proxy;
  throw new AcmeError('ERR_ACME_PROXY', `the URL of the proxy ${result.problem}: ${result.cure}`);
}

/** A proxy, or what is wrong with its URL; the text itself is not repeated, it may be a secret. */
export type ProxyReading =
  { readonly proxy: Proxy } | { readonly problem: string; readonly cure: string };

const wantedUrl = 'write http://HOST:PORT or https://HOST:PORT';

/** Reads the URL of a proxy. `HOST:PORT` without a scheme means `http://HOST:PORT`. */
export function readProxy(text: string): ProxyReading {
  const trimmed = text.trim();
  const url = parsedUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`);
  if (!url || url.hostname === '') return { problem: 'is not a valid URL', cure: wantedUrl };
  if (/^socks/.test(url.protocol))
    return { problem: 'is of a SOCKS proxy, which is not supported', cure: wantedUrl };
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { problem: 'has a scheme that is not supported', cure: wantedUrl };
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return { problem: 'has a path', cure: wantedUrl };
  const authorization = basic(url);
  if (authorization === undefined)
    return {
      problem: 'has a user or password that cannot be read',
      cure: 'write special characters in percent-encoding, such as %40 for @',
    };
  const isSecure = url.protocol === 'https:';
  return {
    proxy: {
      isSecure,
      host: plainHost(url.hostname),
      port: Number(url.port) || (isSecure ? 443 : 80),
      authorization: authorization === '' ? undefined : authorization,
      text: `${url.protocol}//${url.host}`,
    },
  };
}

function parsedUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined; // it is malformed
  }
}

/** Returns the credentials of a URL as RFC 7617 has them, empty without any. */
function basic({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return '';
  try {
    const user = decodeURIComponent(username);
    const credentials = `${user}:${decodeURIComponent(password)}`;
    return user.includes(':') ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  } catch {
    return undefined; // a % without two hexadecimal digits
  }
}

type Exception = (host: string, port: number) => boolean;

const noException: Exception = () => false;

/** Reads an entry of `noProxy`. An entry that cannot be read matches nothing, as with curl. */
function parsedException(entry: string): Exception {
  const text = entry.trim().toLowerCase();
  if (text === '*') return () => true;
  if (text.includes('/')) return rangeException(text);
  const { host, port } = hostAndPort(text);
  const name = canonicalHost(host.replace(/^(?:\*?\.)+/, ''));
  if (name === undefined) return noException;
  return (target, targetPort) =>
    (port === undefined || port === targetPort) &&
    (target === name || (isIP(name) === 0 && isIP(target) === 0 && target.endsWith(`.${name}`)));
}

/** Separates `host:port`, `[IPV6]:port`, and an IPv6 address with no brackets. */
function hostAndPort(text: string): { readonly host: string; readonly port: number | undefined } {
  if (isIP(text) !== 0) return { host: text, port: undefined };
  const [, host = text, digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  return { host, port: digits === undefined ? undefined : Number(digits) };
}

/** Returns a host as a URL has it: an IDN in ASCII, an address in its shortest form. */
function canonicalHost(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  const url = parsedUrl(`http://${urlHost(bare)}/`);
  return url && url.pathname === '/' && url.hostname !== '' ? plainHost(url.hostname) : undefined;
}

function plainHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function rangeException(text: string): Exception {
  const [address = '', bits = ''] = text.split('/');
  const version = isIP(address);
  if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128))
    return noException;
  const range = new BlockList();
  range.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return (host) => {
    const hostVersion = isIP(host);
    return hostVersion !== 0 && range.check(host, hostVersion === 4 ? 'ipv4' : 'ipv6');
  };
}
