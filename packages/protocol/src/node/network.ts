import type { Agent } from 'node:https';
import { type NodeFetch, nodeFetch, openConnections, webFetch } from './fetch.ts';
import { type ProxySettings, proxySelector } from './proxy.ts';

export interface NetworkOptions extends ProxySettings {
  /** Root certificates in PEM that every connection trusts, beside those of Node.js. */
  readonly roots?: readonly string[];
}

/** How a program reaches other machines by HTTP: every connection of it is made here. */
export interface Network {
  /** Further root certificates in PEM, for connections that are made elsewhere. */
  readonly roots: readonly string[];
  /**
   * Returns a fetch for an ACME CA or an AcmeX server.
   * @param ca further root certificates in PEM, for this fetch alone
   */
  fetch(ca?: string): NodeFetch;
  /** A fetch in the form of the global one, for APIs. It follows no redirects. */
  readonly webFetch: typeof globalThis.fetch;
  /** For programs that bring an HTTP client of their own. */
  readonly httpsAgent: Agent;
}

/**
 * Creates the network that settings describe. Without settings, nothing differs from what Node.js
 * does.
 * @throws AcmeError `ERR_ACME_PROXY` for a proxy whose URL is not valid
 */
export function network({ roots = [], ...proxies }: NetworkOptions = {}): Network {
  const proxyFor = proxySelector(proxies);
  const isPlain =
    roots.length === 0 && proxies.httpsProxy === undefined && proxies.httpProxy === undefined;
  return {
    roots,
    fetch: (ca) => nodeFetch({ ca: ca === undefined ? roots : [...roots, ca], proxyFor }),
    webFetch: isPlain ? globalThis.fetch : webFetch({ ca: roots, proxyFor }),
    httpsAgent: openConnections({ ca: roots, proxyFor }).httpsAgent,
  };
}
